//! Sets every option of a real tor to another value, saves and reads it, and
//! restores the option.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use scape::Config;
use scape::config::ConfigOption;
use scape::control::{Caching, ConfLine};
use scape::info::ConfigType;
use scape::{Connect, Controller};
use support::real_tor::RealTor;

/// Options that this test doesn't change.
const LEFT_ALONE: &[&str] = &[
    // With the value 0, tor would connect to the network.
    "DisableNetwork",
    // tor ends if the process with this ID doesn't exist.
    "__OwningControllerProcess",
    // The test's own connections use these options.
    "ControlPort",
    "__ControlPort",
    "ControlSocket",
    // These options need an order, and another test has all of them.
    "HiddenService",
];

/// Options that can't be changed to any value while tor runs.
const IMMUTABLE: &[&str] = &[
    "__DisableSignalHandlers",
    "__OwningControllerFD",
    "AccelDir",
    "AccelName",
    "CacheDirectory",
    "DataDirectory",
    "DisableAllSwap",
    "DisableDebuggerAttachment",
    "FamilyKeyDirectory",
    "HardwareAccel",
    "HiddenServiceNonAnonymousMode",
    "HiddenServiceSingleHopMode",
    "KeepBindCapabilities",
    "KeyDirectory",
    "NoExec",
    "PidFile",
    "RunAsDaemon",
    "Sandbox",
    "SyslogIdentityTag",
    "TestingTorNetwork",
    "TokenBucketRefillInterval",
    "User",
];

/// Options that the tor of this test can't change, because it would need
/// another role or other options.
const NOT_HERE: &[&str] = &[
    // tor accepts these only for an authority, which has a public address and
    // keys.
    "AuthoritativeDirectory",
    "VersioningAuthoritativeDirectory",
    // tor accepts this one only with `DirAuthority` lines.
    "ClientDNSRejectInternalAddresses",
    // tor resets these itself, unless it is a relay.
    "CellStatistics",
    "ConnDirectionStatistics",
    "EntryStatistics",
    "ExitPortStatistics",
];

/// Returns special values to try for an option. The list is empty if the usual
/// values of the option's type are enough. In each element, an empty name
/// stands for the option, and the other names are options that tor requires
/// with the value.
fn special(name: &str, folder: &Path) -> Vec<Vec<(&'static str, String)>> {
    const AUTHORITY: &str = "one orport=5001 v3ident=0123456789ABCDEF0123456789ABCDEF01234567 127.0.0.1:7001 \
                             ABCDEF0123456789ABCDEF0123456789ABCDEF01";
    let folder = folder.to_str().unwrap();
    let one = |value: &str| vec![vec![("", value.to_owned())]];
    let with = |value: &str, others: &[(&'static str, &str)]| {
        let others = others.iter().map(|(name, value)| (*name, (*value).to_owned()));
        vec![[("", value.to_owned())].into_iter().chain(others).collect()]
    };
    match name {
        "__HashedControlSessionPassword" | "HashedControlPassword" => {
            one("16:38F4AEB6EDB6FFF96029FA371CE0CE68A4E5CE3FDEB9A1B8CC0F1B3B25")
        }
        "AccountingRule" => one("sum"),
        "AccountingStart" => one("day 10:00"),
        "AlternateBridgeAuthority" | "AlternateDirAuthority" | "DirAuthority" => one(AUTHORITY),
        "FallbackDir" => {
            one("127.0.0.1:7001 orport=5001 id=ABCDEF0123456789ABCDEF0123456789ABCDEF01")
        }
        "BandwidthBurst" => one("2 GB"),
        "RelayBandwidthBurst" => with("2 MB", &[("RelayBandwidthRate", "1 MB")]),
        "BridgeDistribution" => with("none", &[("BridgeRelay", "1"), ("ORPort", "5001")]),
        "BridgeRelay" => with("1", &[("ORPort", "5001")]),
        "ClientOnionAuthDir" => one(folder),
        "ClientTransportPlugin" => one("obfs4 socks5 127.0.0.1:5001"),
        "ServerTransportPlugin" => one("obfs4 proxy 127.0.0.1:5001"),
        "ServerTransportOptions" => one("obfs4 key=value"),
        "ConfluxClientUX" => one("latency"),
        "ControlSocketsGroupWritable" => one("1"),
        "FamilyId" => one("*"),
        "FetchDirInfoExtraEarly" => with("1", &[("FetchDirInfoEarly", "1")]),
        "KISTSchedRunInterval" => one("50 msec"),
        "Log" => one("warn stderr"),
        "MapAddress" => one("a.test b.test"),
        "MetricsPortPolicy" => one("accept 127.0.0.1"),
        "MinimalAcceptedServerVersion" => one("0.4.7.0"),
        "PublishServerDescriptor" | "SafeLogging" => one("0"),
        // Without a value for the other two options, tor would set them to the
        // value of this one, and not reset them.
        "RecommendedVersions" => with(
            "one",
            &[("RecommendedClientVersions", "two"), ("RecommendedServerVersions", "three")],
        ),
        "RelayBandwidthRate" => with("1 MB", &[("RelayBandwidthBurst", "1 MB")]),
        "Schedulers" => one("Vanilla"),
        "Socks5ProxyPassword" => with("one", &[("Socks5ProxyUsername", "two")]),
        "Socks5ProxyUsername" => with("one", &[("Socks5ProxyPassword", "two")]),
        "TCPProxy" => one("haproxy 127.0.0.1:5001"),
        "TransProxyType" => with("TPROXY", &[("TransPort", "5001")]),
        "UseBridges" => with("1", &[("Bridge", "127.0.0.1:5001")]),
        "VirtualAddrNetworkIPv4" => one("10.192.0.0/10"),
        "VirtualAddrNetworkIPv6" => one("[FC00::]/7"),
        _ => Vec::new(),
    }
}

/// Returns values of the type. tor accepts at least one of them for most
/// options.
fn usual(ty: &ConfigType) -> &'static [&'static str] {
    match ty {
        ConfigType::Boolean | ConfigType::BooleanAuto => &["1", "0", "auto"],
        ConfigType::Integer => &["3", "20", "100", "1"],
        ConfigType::SignedInteger => &["3", "1", "-1"],
        ConfigType::Float => &["0.5", "3"],
        ConfigType::DataSize => &["300000", "5 MB", "50 MB", "5 GB"],
        ConfigType::TimeInterval => &["2 hours", "60", "3", "1 week", "30 days", "20 minutes"],
        ConfigType::TimeMsecInterval => &["2 seconds", "150"],
        ConfigType::CommaList => &["1,2", ".a,.b", "xx,yy"],
        ConfigType::RouterList => &["{de},abc"],
        ConfigType::LineList => &[
            "abc",
            "127.0.0.1",
            "accept *:80",
            "obfs4 127.0.0.1:1",
            "10.0.0.0/8",
            "example.com 192.0.2.1",
        ],
        ConfigType::Dependent => &["5001", "0"],
        ConfigType::Filename => &[],
        _ => &["abc", "127.0.0.1", "0600", "127.0.0.1:80"],
    }
}

fn asked(controller: &Controller, name: &str) -> Vec<ConfLine> {
    controller.get_conf_lines([name]).unwrap()
}

struct Fixture {
    config: Config,
    /// A controller with another connection, which reads tor's own values.
    other: Controller,
    folder: std::path::PathBuf,
}

impl Fixture {
    /// Sets the option to another value and restores it. Returns true if tor
    /// accepted a value.
    fn change(&mut self, option: &ConfigOption) -> bool {
        let before = asked(&self.other, &option.name);
        // Without a nickname, tor is Unnamed, and may or may not report that
        // name.
        let nameless = |lines: Vec<ConfLine>| -> Vec<ConfLine> {
            lines
                .into_iter()
                .filter(|line| !matches!(line.value.as_deref(), None | Some("Unnamed")))
                .collect()
        };
        let mut candidates = special(&option.name, &self.folder);
        if option.ty == ConfigType::Filename {
            let file = self.folder.join("file").to_str().unwrap().to_owned();
            candidates.push(vec![("", file)]);
        }
        candidates.extend(usual(&option.ty).iter().map(|value| vec![("", (*value).to_owned())]));
        for candidate in candidates {
            if !self.save(option, &candidate) {
                continue;
            }
            let now = asked(&self.other, &option.name);
            let is_other = now != before;
            if is_other {
                let values: Vec<String> = now.into_iter().filter_map(|line| line.value).collect();
                assert_eq!(self.config.lines(&option.name).unwrap(), values, "{option}");
            }
            self.put_back(option, &candidate);
            let after = asked(&self.other, &option.name);
            assert_eq!(nameless(after), nameless(before.clone()), "{option} is put back");
            if is_other {
                return true;
            }
        }
        false
    }

    /// Saves the values, and returns true if tor accepts them. If the library
    /// refuses a value without sending it, checks that tor would refuse it,
    /// too.
    fn save(&mut self, option: &ConfigOption, candidate: &[(&'static str, String)]) -> bool {
        for (name, value) in candidate {
            let name = if name.is_empty() { &*option.name } else { name };
            if let Err(error) = self.config.set(name, value) {
                let refused = self.other.set_conf([(name, value)]);
                assert!(refused.is_err(), "{name} {value:?} is refused here only: {error}");
                self.config.discard_all();
                return false;
            }
        }
        let saved = self.config.save();
        self.config.discard_all();
        saved.is_ok()
    }

    /// Restores the option to the value that it had before, which is the
    /// default or was in the torrc.
    fn put_back(&mut self, option: &ConfigOption, candidate: &[(&'static str, String)]) {
        for (name, _) in candidate.iter().filter(|(name, _)| !name.is_empty()) {
            self.config.reset(name).unwrap();
        }
        if option.is_default || option.values.is_empty() {
            self.config.reset(&option.name).unwrap();
        } else {
            match &*option.values {
                [value] => self.config.set(&option.name, value).unwrap(),
                values => self.config.set(&option.name, values).unwrap(),
            }
        }
        self.config.save().unwrap_or_else(|error| panic!("{option} cannot be put back: {error}"));
    }
}

fn fixture(tor: &RealTor) -> Fixture {
    let folder = tor.folder().join("clients");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let config = tor.controller().config().unwrap();
    Fixture {
        config,
        other: Connect::to(tor.port()).unwrap().caching(Caching::Off).connect().unwrap(),
        folder,
    }
}

/// Undoes changes that tor made to other options. `before` is the configuration
/// text from before the changes.
fn put_back_the_rest(fixture: &mut Fixture, before: &str) {
    let now = fixture.other.info().config_text().unwrap();
    for line in now.lines().filter(|line| !before.lines().any(|known| known == *line)) {
        let name = line.split(' ').next().unwrap();
        fixture.config.reset(name).unwrap();
    }
    fixture.config.save().unwrap();
}

#[test]
fn every_option_is_set_saved_and_restored() {
    let tor = RealTor::start("ContactInfo me\nMaxCircuitDirtiness 1 hour\n");
    let mut fixture = fixture(&tor);
    let before = fixture.other.info().config_text().unwrap();
    let mut refused = Vec::new();
    let mut count = 0;
    for option in fixture.config.options().unwrap() {
        let is_left_alone = LEFT_ALONE.contains(&&*option.name)
            || option.group.as_deref() == Some("HiddenServiceOptions");
        if is_left_alone || option.name.starts_with("Testing") && option.name != "TestingTorNetwork"
        {
            continue;
        }
        if fixture.change(&option) {
            count += 1;
        } else {
            refused.push(option.name);
        }
        // tor sets some options when others are set.
        put_back_the_rest(&mut fixture, &before);
    }
    let expected =
        |name: &&String| !IMMUTABLE.contains(&name.as_str()) && !NOT_HERE.contains(&name.as_str());
    let unexpected: Vec<&String> = refused.iter().filter(expected).collect();
    assert!(unexpected.is_empty(), "tor took no value of {unexpected:?}");
    assert!(count > 270, "{count}");
    assert_eq!(fixture.other.info().config_text().unwrap(), before);
}

#[test]
fn every_option_of_testing_networks_is_set_saved_and_restored() {
    let authority = "DirAuthority one orport=5001 v3ident=0123456789ABCDEF0123456789ABCDEF01234567 127.0.0.1:7001 \
                     ABCDEF0123456789ABCDEF0123456789ABCDEF01";
    let tor = RealTor::start(&format!("TestingTorNetwork 1\n{authority}\n"));
    let mut fixture = fixture(&tor);
    let before = fixture.other.info().config_text().unwrap();
    let options = fixture.config.options().unwrap();
    let testing: Vec<_> = options
        .into_iter()
        .filter(|option| option.name.starts_with("Testing") && option.name != "TestingTorNetwork")
        .collect();
    assert!(testing.len() > 25, "{}", testing.len());
    for option in testing {
        assert!(fixture.change(&option), "tor takes no value of {option}");
    }
    put_back_the_rest(&mut fixture, &before);
    assert_eq!(fixture.other.info().config_text().unwrap(), before);
}
