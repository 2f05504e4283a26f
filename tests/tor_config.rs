//! The live configuration of a real tor.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::{Duration, Instant};

use scape::config::{ConfigError, ConfigProblem};
use scape::control::{Caching, ConfLine, Reconnect};
use scape::info::ConfigType;
use scape::{Connect, Controller};
use support::real_tor::RealTor;
use support::wiretap::Wiretap;

const SOON: Duration = Duration::from_secs(20);

/// Waits until a condition is true, because the live configuration learns of
/// changes a moment after tor's answers.
fn becomes_true(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

/// Returns the option that the error names, and the error's problem.
fn problem<T: std::fmt::Debug>(result: scape::Result<T>) -> (String, ConfigProblem) {
    let error = result.unwrap_err();
    let Some(error) = error.get::<ConfigError>() else { panic!("{error:?}") };
    (error.option.to_string(), error.problem.clone())
}

/// Returns tor's own values of an option. Asks tor, because the live
/// configuration could be wrong. Empty values are left out.
fn asked(controller: &Controller, name: &str) -> Vec<String> {
    let lines = controller.get_conf_lines([name]).unwrap();
    let own = lines.into_iter().filter(|line| line.name == name);
    own.filter_map(|line| line.value).filter(|value| !value.is_empty()).collect()
}

fn other_controller(tor: &RealTor) -> Controller {
    Connect::to(tor.port()).unwrap().caching(Caching::Off).connect().unwrap()
}

#[test]
fn config_is_read_with_few_commands() {
    let tor = RealTor::start("ContactInfo me\nExitNodes {de},relay1\nLongLivedPorts 1,2\n");
    let tap = Wiretap::start(tor.port());
    let controller = Connect::to(tap.address()).unwrap().connect().unwrap();
    let before = tap.sent().len();
    let config = controller.config().unwrap();
    let options = config.options().unwrap();
    let commands = tap.sent().len() - before;
    assert!(commands <= 6, "{commands}");
    let again = config.options().unwrap();
    assert_eq!((&again, tap.sent().len() - before), (&options, commands));

    let other = other_controller(&tor);
    let names = other.info().config_names().unwrap();
    let groups = names.iter().filter(|name| name.ty == ConfigType::Virtual).count();
    assert_eq!((options.len(), groups), (names.len() - groups, 11));
    for option in &options {
        let values: Vec<_> =
            option.values.iter().filter(|value| !value.is_empty()).cloned().collect();
        assert_eq!(values, asked(&other, &option.name), "{option:?}");
    }
    let changed: Vec<&str> = options
        .iter()
        .filter(|option| !option.is_default)
        .map(|option| option.name.as_str())
        .collect();
    for name in
        ["ContactInfo", "ExitNodes", "LongLivedPorts", "DisableNetwork", "ControlSocket", "Log"]
    {
        assert!(changed.contains(&name), "{changed:?}");
    }
    for name in [
        "BandwidthRate",
        "MaxCircuitDirtiness",
        "CircuitPriorityHalflife",
        "BridgeRelay",
        "ExcludeNodes",
    ] {
        assert!(!changed.contains(&name), "{changed:?}");
    }
    let size = config.option("bandwidthRATE").unwrap();
    assert_eq!((size.name.as_str(), &size.ty), ("BandwidthRate", &ConfigType::DataSize));
    assert_eq!(
        (&*size.values, &*size.default),
        (&["1073741824".to_owned()][..], &["1 GB".to_owned()][..])
    );
    assert_eq!(config.list("ExitNodes").unwrap(), ["{de}", "relay1"]);
    assert!(config.contains("SOCKSPORT") && !config.contains("SocksPo"));
}

#[test]
fn config_changes_are_sent_in_one_command() {
    let tor = RealTor::start("ContactInfo me\n");
    let tap = Wiretap::start(tor.port());
    let controller = Connect::to(tap.address()).unwrap().connect().unwrap();
    let other = other_controller(&tor);
    let mut config = controller.config().unwrap();
    config.load().unwrap();

    // Fifty options are changed with one command.
    let changes: Vec<(String, String)> = config
        .options()
        .unwrap()
        .into_iter()
        .filter(|option| HARMLESS.contains(&option.name.as_str()))
        .map(|option| {
            (option.name.clone(), if option.values == ["1"] { "0" } else { "1" }.to_owned())
        })
        .collect();
    assert_eq!(changes.len(), HARMLESS.len());
    for (name, value) in &changes {
        config.set(name, value).unwrap();
    }
    for (name, value) in
        [("ContactInfo", "you # \"me\""), ("Nickname", "abc"), ("MaxCircuitDirtiness", "2 hours")]
    {
        config.set(name, value).unwrap();
    }
    assert_eq!(config.diff().len(), changes.len() + 3);
    // Nothing is sent before `save`.
    assert_eq!(asked(&other, "ContactInfo"), ["me"]);
    assert_eq!(config.lines("ContactInfo").unwrap(), ["me"]);
    let before = tap.sent().len();
    config.save().unwrap();
    // Leave out the commands that preserve client keys, which such a change
    // would remove.
    let mut sent = tap.sent().split_off(before);
    sent.retain(|sent| sent != "ONION_CLIENT_AUTH_VIEW");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(!config.has_changes());
    for (name, value) in &changes {
        assert_eq!(&config.lines(name).unwrap(), std::slice::from_ref(value));
        assert_eq!(asked(&other, name), std::slice::from_ref(value));
    }
    assert_eq!(config.get::<Duration>("MaxCircuitDirtiness").unwrap(), Duration::from_secs(7200));
    assert_eq!(config.get::<String>("ContactInfo").unwrap(), "you # \"me\"");
    assert!(config.option("Nickname").unwrap().is_changed_here);

    // tor refuses one option. Nothing changes, and the pending changes are
    // kept.
    config.set("ContactInfo", "them").unwrap();
    config.set("MaxClientCircuitsPending", "0").unwrap();
    let (option, why) = problem(config.save());
    assert_eq!(option, "MaxClientCircuitsPending");
    assert!(
        matches!(&why, ConfigProblem::Refused(refusal) if refusal.text().contains("MaxClientCircuitsPending")),
        "{why:?}"
    );
    assert_eq!(asked(&other, "ContactInfo"), ["you # \"me\""]);
    assert_eq!(config.lines("ContactInfo").unwrap(), ["you # \"me\""]);
    assert_eq!(config.diff().len(), 2);
    assert!(
        config.discard("maxclientcircuitspending") && !config.discard("maxclientcircuitspending")
    );
    config.save().unwrap();
    assert_eq!(asked(&other, "ContactInfo"), ["them"]);

    // The former values are restored with one command too.
    for (name, _) in &changes {
        config.reset(name).unwrap();
    }
    config.unset("ContactInfo").unwrap();
    config.reset("MaxCircuitDirtiness").unwrap();
    let before = tap.sent().len();
    config.save().unwrap();
    let mut sent = tap.sent().split_off(before);
    sent.retain(|sent| sent != "ONION_CLIENT_AUTH_VIEW");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(config.option("MaxCircuitDirtiness").unwrap().is_default);
    assert_eq!(config.get::<Option<String>>("ContactInfo").unwrap(), None);
    assert!(changes.iter().all(|(name, _)| config.option(name).unwrap().is_default));
}

/// Options that can only be 0 or 1, and that affect no other option.
const HARMLESS: &[&str] = &[
    "AllowNonRFC953Hostnames",
    "AutomapHostsOnResolve",
    "AvoidDiskWrites",
    "CircuitPadding",
    "ClientRejectInternalAddresses",
    "ClientUseIPv6",
    "CookieAuthFileGroupReadable",
    "DirCache",
    "DirReqStatistics",
    "DisableOOSCheck",
    "DormantCanceledByStartup",
    "DownloadExtraInfo",
    "EnforceDistinctSubnets",
    "ExtendAllowPrivateAddresses",
    "ExtraInfoStatistics",
    "FetchDirInfoEarly",
    "FetchHidServDescriptors",
    "FetchServerDescriptors",
    "FetchUselessDescriptors",
    "HiddenServiceStatistics",
    "IPv6Exit",
    "LearnCircuitBuildTimeout",
    "LogMessageDomains",
    "MainloopStats",
    "CountPrivateBandwidth",
    "OverloadStatistics",
    "PaddingStatistics",
    "ProtocolWarnings",
    "ReducedCircuitPadding",
    "ReducedConnectionPadding",
    "ReducedExitPolicy",
    "PublishHidServDescriptors",
    "SafeSocks",
    "ServerDNSAllowBrokenConfig",
    "ServerDNSAllowNonRFC953Hostnames",
    "ServerDNSDetectHijacking",
    "ServerDNSRandomizeCase",
    "ServerDNSSearchDomains",
    "StrictNodes",
    "TestSocks",
    "TruncateLogFile",
    "UnixSocksGroupWritable",
    "UpdateBridgesFromAuthority",
    "UseDefaultFallbackDirs",
    "UseEntryGuards",
    "V3AuthUseLegacyKey",
    "__AllDirActionsPrivate",
    "__DisablePredictedCircuits",
    "__LeaveStreamsUnattached",
    "__ReloadTorrcOnSIGHUP",
];

#[test]
fn wrong_config_values_are_refused_when_set() {
    let tor = RealTor::start("");
    let mut config = tor.controller().config().unwrap();
    let text = |result: scape::Result<()>| {
        let error = result.unwrap_err();
        assert!(error.get::<ConfigError>().is_some(), "{error:?}");
        error.to_string()
    };
    let told = text(config.set("maxcircuitdirtiness", "soon"));
    assert!(told.starts_with("MaxCircuitDirtiness (TimeInterval) cannot be \"soon\": "), "{told}");
    let told = text(config.set("UseBridges", 7));
    assert!(told.starts_with("UseBridges (Boolean) cannot be 7: "), "{told}");
    let told = text(config.set("DataDirectory", "/elsewhere"));
    assert!(told.starts_with("DataDirectory cannot be changed while tor runs; "), "{told}");
    let told = text(config.set("Socks", "9050"));
    assert!(told.starts_with("this tor has no option Socks; there is "), "{told}");
    let told = text(config.set("HiddenServicePort", "80"));
    assert!(told.contains("HiddenServiceOptions") && told.contains("set_group"), "{told}");
    let told = text(config.set("SocksPortLines", "80"));
    assert!(told.contains("group"), "{told}");
    let told = text(config.append("ContactInfo", "me"));
    assert!(told.contains("is not a list"), "{told}");
    let told = text(config.remove("Log", 1).map(drop));
    assert!(told.contains("its length is 1"), "{told}");
    let told = text(config.set("Socks5ProxyPassword", "secret\0"));
    assert!(told.contains("[redacted]") && !told.contains("secret"), "{told}");
    let told = text(config.set("ContactInfo", "two\nlines"));
    assert!(told.contains("the end of a line"), "{told}");
    let told = text(config.get::<bool>("MaxCircuitDirtiness").map(drop));
    assert!(
        told.starts_with("MaxCircuitDirtiness (TimeInterval) cannot be read as the requested type"),
        "{told}"
    );
    assert!(!config.has_changes());
    // Setting an option to its current value changes nothing.
    let directory = config.get::<String>("DataDirectory").unwrap();
    config.set("DataDirectory", directory.as_str()).unwrap();
    config.save().unwrap();
}

#[test]
fn config_keeps_the_other_lines_of_a_port() {
    let tor = RealTor::start("SocksPort 0\n");
    let folder = tor.folder().to_owned();
    let other = other_controller(&tor);
    let mut config = tor.controller().config().unwrap();
    let unix = format!("unix:{}/socks WorldWritable RelaxDirModeCheck", folder.display());
    config.set("SocksPort", vec!["9999 IsolateDestAddr".to_owned(), unix.clone()]).unwrap();
    config.set("__SocksPort", "9998").unwrap();
    config.save().unwrap();
    assert_eq!(asked(&other, "SocksPort"), ["9999 IsolateDestAddr", unix.as_str()]);
    config.append("SocksPort", "9997 SessionGroup=7 OnionTrafficOnly").unwrap();
    config.insert("SocksPort", 1, "9996").unwrap();
    assert_eq!(config.remove("SocksPort", 0).unwrap(), "9999 IsolateDestAddr");
    config.save().unwrap();
    assert_eq!(asked(&other, "SocksPort"), ["9996", &unix, "9997 SessionGroup=7 OnionTrafficOnly"]);
    assert_eq!(asked(&other, "__SocksPort"), ["9998"]);
    let ports: Vec<scape::config::PortLine> = config.get("SocksPort").unwrap();
    assert_eq!(ports.len(), 3);
    assert!(ports[2].has_flag("OnionTrafficOnly"));
    // The last lines of a group can be removed.
    config.clear("SocksPort").unwrap();
    config.reset("__SocksPort").unwrap();
    config.save().unwrap();
    assert_eq!(config.group("SocksPort").unwrap(), []);
    assert_eq!(asked(&other, "__SocksPort"), [""; 0]);
}

#[test]
fn config_group_is_read_and_written_in_order() {
    let tor = RealTor::start("");
    let path = tor.folder().join("hs");
    let path = path.to_str().unwrap();
    let other = other_controller(&tor);
    let mut config = tor.controller().config().unwrap();
    let lines = [
        ("HiddenServiceDir", format!("{path}1")),
        ("HiddenServicePort", "80 127.0.0.1:8080".to_owned()),
        ("HiddenServiceMaxStreams", "5".to_owned()),
        ("HiddenServicePoWDefensesEnabled", "1".to_owned()),
        ("HiddenServiceDir", format!("{path} 2")),
        ("HiddenServicePort", "81".to_owned()),
        ("HiddenServicePort", "82 unix:\"/a b\"".to_owned()),
    ];
    let expected: Vec<ConfLine> =
        lines.iter().map(|(name, value)| ConfLine::new(*name, Some(value.clone()))).collect();
    config.set_group("HiddenServiceOptions", &expected).unwrap();
    config.save().unwrap();
    assert_eq!(config.group("HiddenServiceOptions").unwrap(), expected);
    assert_eq!(other.get_conf_lines(["HiddenServiceOptions"]).unwrap(), expected);
    assert_eq!(config.lines("HiddenServicePort").unwrap().len(), 3);
    // One service is removed, and then the last one.
    for left in [&expected[4..], &[]] {
        config.set_group("hiddenserviceoptions", left).unwrap();
        config.save().unwrap();
        assert_eq!(config.group("HiddenServiceDir").unwrap(), left);
    }
    assert_eq!(asked(&other, "HiddenServiceDir"), [""; 0]);
    let (option, why) = problem(
        config.set_group("HiddenServiceDir", &[ConfLine::new("SocksPort", Some("9".into()))]),
    );
    assert_eq!(
        (option.as_str(), why),
        ("SocksPort", ConfigProblem::NotInGroup { group: "HiddenServiceOptions".into() })
    );
}

#[test]
fn config_changes_of_others_are_seen_and_not_overwritten() {
    let tor = RealTor::start("ContactInfo me\n");
    let other = other_controller(&tor);
    let controller = tor.controller();
    let mut config = controller.config().unwrap();
    config.load().unwrap();
    let (sender, told) = crossbeam_channel::unbounded();
    let listener = config.on_change(move |change| sender.send(change.clone()).unwrap());

    config.set("ContactInfo", "mine").unwrap();
    config.append("Log", "warn stderr").unwrap();
    other.set_conf([("ContactInfo", "theirs"), ("BandwidthRate", "5 MB")]).unwrap();
    let change = told.recv_timeout(SOON).unwrap();
    assert_eq!((change.name.as_str(), change.is_own), ("BandwidthRate", false));
    assert_eq!(change.before.unwrap()[0].value.as_deref(), Some("1073741824"));
    let change = told.recv_timeout(SOON).unwrap();
    assert_eq!(change.to_string(), "ContactInfo theirs");
    assert_eq!(config.lines("ContactInfo").unwrap(), ["theirs"]);
    assert_eq!(config.lines("BandwidthRate").unwrap(), ["5242880"]);

    let conflicts = config.conflicts();
    assert_eq!((conflicts.len(), conflicts[0].name.as_str()), (1, "ContactInfo"));
    let value = |lines: &[ConfLine]| lines[0].value.clone().unwrap();
    assert_eq!(
        (value(&conflicts[0].before), value(&conflicts[0].theirs), value(&conflicts[0].ours)),
        ("me".into(), "theirs".into(), "mine".into())
    );
    let (option, why) = problem(config.save());
    assert_eq!((option.as_str(), &why), ("ContactInfo", &ConfigProblem::Conflict));
    assert_eq!(
        (asked(&other, "ContactInfo"), asked(&other, "Log").len()),
        (vec!["theirs".to_owned()], 1)
    );
    // Another handle of this connection counts as another program too.
    let mut second = controller.config().unwrap();
    second.set("BandwidthRate", "6 MB").unwrap();
    config.set("BandwidthRate", "7 MB").unwrap();
    second.save().unwrap();
    assert_eq!(config.conflicts().len(), 2);
    assert!(config.discard("BandwidthRate") && config.overwrite("ContactInfo"));
    config.save().unwrap();
    assert_eq!(
        (asked(&other, "ContactInfo"), asked(&other, "Log").len()),
        (vec!["mine".to_owned()], 2)
    );
    let own: Vec<String> = (0..3)
        .map(|_| told.recv_timeout(SOON).unwrap())
        .map(|change| {
            assert!(change.is_own, "{change:?}");
            change.name
        })
        .collect();
    assert_eq!(own, ["BandwidthRate", "ContactInfo", "Log"]);
    drop(listener);
    assert_eq!(config.take_overwritten(), []);

    // A reload counts as another program too.
    config.set("ContactInfo", "at last").unwrap();
    other.signal(scape::control::Signal::Reload).unwrap();
    becomes_true("the reload is seen", || config.conflicts().len() == 1);
    assert_eq!(config.lines("ContactInfo").unwrap(), ["me"]);
    // A change by another program is a conflict even if this program sets the
    // option to its former value.
    let rate = config.lines("BandwidthRate").unwrap();
    config.set("BandwidthRate", &*rate[0]).unwrap();
    other.set_conf([("BandwidthRate", "9 MB")]).unwrap();
    becomes_true("both are seen", || config.conflicts().len() == 2);
    assert!(config.discard("BandwidthRate"));
    // Changes with the same result are no conflict.
    other.set_conf([("ContactInfo", "at last")]).unwrap();
    becomes_true("they agree", || config.conflicts().is_empty());
    config.save().unwrap();
}

/// Unsets options that are numbers. tor must then report them as 0.
#[test]
fn numbers_that_are_unset_become_zero() {
    let tor = RealTor::start("");
    let tap = Wiretap::start(tor.port());
    let controller = Connect::to(tap.address()).unwrap().connect().unwrap();
    let other = other_controller(&tor);
    let mut config = controller.config().unwrap();
    config.load().unwrap();
    let (sender, told) = crossbeam_channel::unbounded();
    let _listener = config.on_change(move |change| sender.send(change.clone()).unwrap());
    // These options have different types.
    let names = [
        "CircuitPadding",
        "ConnectionPadding",
        "HeartbeatPeriod",
        "MaxUnparseableDescSizeToLog",
        "PathBiasNoticeRate",
        "PathBiasUseThreshold",
    ];
    for name in names {
        config.unset(name).unwrap();
    }
    let zeros: Vec<String> = config.diff().iter().map(|diff| diff.after[0].to_string()).collect();
    assert_eq!(zeros, names.map(|name| format!("{name} 0")));
    config.save().unwrap();
    for name in names {
        let change = told.recv_timeout(SOON).unwrap();
        assert!(change.is_own, "{change:?}");
        assert!(asked(&other, name)[0].parse::<f64>().unwrap() == 0.0, "{name}");
        config.unset(name).unwrap();
    }
    assert_eq!(config.take_overwritten(), []);
    // tor has these values already.
    let before = tap.sent().len();
    config.save().unwrap();
    assert!(!tap.sent()[before..].iter().any(|sent| sent.contains("CONF ")), "{:?}", tap.sent());
}

#[test]
fn any_config_text_is_read_back_unchanged() {
    use proptest::prelude::*;
    let tor = RealTor::start("");
    let config = parking_lot::Mutex::new(tor.controller().config().unwrap());
    let other = other_controller(&tor);
    let texts = proptest::collection::vec(
        prop_oneof![
            any::<char>().prop_filter("no command has these", |c| !['\0', '\r', '\n'].contains(c)),
            proptest::sample::select(vec!['"', '\\', '#', ' ', '\'', '=', '\t', 'ü', '\u{1}', '7']),
        ],
        1..30,
    );
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 300, ..Default::default() });
    runner
        .run(&texts, |text| {
            let text: String = text.into_iter().collect();
            let mut config = config.lock();
            config.set("ContactInfo", &text).unwrap();
            match config.save() {
                Ok(()) => {
                    prop_assert_eq!(&config.get::<String>("ContactInfo").unwrap(), &text);
                    prop_assert_eq!(other.get_conf("ContactInfo").unwrap(), Some(text));
                }
                Err(error) => {
                    config.discard_all();
                    prop_assert!(error.refusal().is_some(), "{:?}: {}", text, error);
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn torrc_is_compared_with_the_running_configuration() {
    use scape::config::Torrc;
    let tor = RealTor::start("ContactInfo me\nMaxCircuitDirtiness 1 hour\nExitNodes relay1\n");
    let torrc = Torrc::parse(tor.torrc()).unwrap();
    let mut config = tor.controller().config().unwrap();
    assert_eq!(config.compare(&torrc).unwrap(), []);
    config.set("ContactInfo", "you").unwrap();
    config.clear("ExitNodes").unwrap();
    config.set("BandwidthRate", "5 MB").unwrap();
    config.reset("MaxCircuitDirtiness").unwrap();
    config.save().unwrap();
    let mut texts: Vec<String> =
        config.compare(&torrc).unwrap().iter().map(ToString::to_string).collect();
    texts.sort();
    let found: Vec<bool> = ["BandwidthRate", "ContactInfo", "ExitNodes", "MaxCircuitDirtiness"]
        .iter()
        .map(|name| texts.iter().filter(|text| text.contains(name)).count() == 1)
        .collect();
    assert_eq!((texts.len(), found), (4, vec![true; 4]), "{texts:?}");
}

#[test]
fn config_goes_on_after_a_reconnect() {
    let mut tor = RealTor::start("CookieAuthentication 1\nContactInfo me\n");
    let policy =
        Reconnect::new().first_delay(Duration::from_millis(5)).max_delay(Duration::from_millis(50));
    let controller = tor.over_unix().reconnect(policy).connect().unwrap();
    let mut config = controller.config().unwrap();
    let (sender, told) = crossbeam_channel::unbounded();
    let _listener = config.on_change(move |change| sender.send(change.name.clone()).unwrap());
    config.set("ContactInfo", "you").unwrap();
    config.set("BandwidthRate", "5 MB").unwrap();
    config.save().unwrap();
    assert_eq!(config.lines("ContactInfo").unwrap(), ["you"]);
    config.set("Nickname", "abc").unwrap();
    config.set("BandwidthRate", "6 MB").unwrap();
    tor.kill();
    controller.wait_closed(SOON).unwrap();
    // Listeners run on another thread, so they may be called a moment later.
    let mut told_before = [told.recv_timeout(SOON).unwrap(), told.recv_timeout(SOON).unwrap()];
    told_before.sort();
    assert_eq!(told_before, ["BandwidthRate", "ContactInfo"]);
    // No tor is there to be asked.
    assert!(config.get::<String>("ContactInfo").unwrap_err().is_closed());
    assert!(config.save().unwrap_err().is_closed());
    tor.restart();
    controller.wait_connected(SOON).unwrap();
    // Values that were not saved are gone, and the change is reported.
    let (option, why) = problem(config.save());
    assert_eq!((option.as_str(), why), ("BandwidthRate", ConfigProblem::Conflict));
    assert_eq!(config.lines("ContactInfo").unwrap(), ["me"]);
    assert!(config.option("BandwidthRate").unwrap().is_default);
    assert_eq!(
        config.conflicts().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["BandwidthRate"]
    );
    assert!(config.overwrite("BandwidthRate"));
    config.save().unwrap();
    assert_eq!(config.lines("Nickname").unwrap(), ["abc"]);
    // No change is missed after the connection is open.
    while told.recv_timeout(SOON).expect("the change of Nickname is told") != "Nickname" {}
}

#[test]
fn config_ends_with_its_connection() {
    let mut tor = RealTor::start("ContactInfo me\n");
    let controller = Connect::to(tor.port()).unwrap().connect().unwrap();
    let mut config = controller.config().unwrap();
    config.load().unwrap();
    config.set("Nickname", "abc").unwrap();
    tor.kill();
    controller.wait_closed(SOON).unwrap();
    assert!(config.get::<String>("ContactInfo").unwrap_err().is_closed());
    assert!(config.save().unwrap_err().is_closed());
    assert_eq!(config.diff().len(), 1);
}
