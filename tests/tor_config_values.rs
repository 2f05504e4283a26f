//! Compares the values that a real tor accepts for options of each type, and
//! the values that it returns, with the rules of `config::value`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use scape::Controller;
use scape::config::value::{
    AutoBool, ConfigValueProblem, DataSize, FromConfigValue, ToConfigValue, check, check_option,
    means_the_same, normal,
};
use scape::config::{PortAddress, PortFlag, PortLine, PortSwitch};
use scape::control::{Command, Refusal};
use scape::info::ConfigType;
use scape::word::Fingerprint;
use scape_proto::control::c_string;
use support::real_tor::RealTor;

/// For each type, an option that can be changed at any time, and whose value
/// tor doesn't modify.
const OPTIONS: &[(ConfigType, &str)] = &[
    (ConfigType::Boolean, "AvoidDiskWrites"),
    (ConfigType::BooleanAuto, "ExtendByEd25519ID"),
    (ConfigType::Integer, "NumEntryGuards"),
    (ConfigType::SignedInteger, "PathBiasCircThreshold"),
    (ConfigType::Float, "CircuitPriorityHalflife"),
    (ConfigType::DataSize, "TestingMinExitFlagThreshold"),
    (ConfigType::TimeInterval, "SocksTimeout"),
    (ConfigType::TimeInterval, "ClientBootstrapConsensusAuthorityDownloadInitialDelay"),
    (ConfigType::TimeMsecInterval, "KISTSchedRunInterval"),
    (ConfigType::String, "ContactInfo"),
    (ConfigType::Filename, "GeoIPFile"),
    (ConfigType::CommaList, "TrackHostExits"),
    (ConfigType::RouterList, "ExitNodes"),
    (ConfigType::LineList, "RecommendedClientVersions"),
];

/// tor's answer to setting a value.
#[derive(Debug, PartialEq)]
enum Answer {
    /// The value was accepted. Contains the value that GETCONF returned.
    Taken(Option<String>),
    /// The value is malformed for its type.
    Malformed,
    /// The value has the right form, but this option doesn't allow it.
    Refused(String),
}

/// Sends SETCONF with any texts. Unlike `Controller::set_conf`, doesn't refuse
/// line ends.
fn set_conf(c: &Controller, values: &[(&str, &str)]) -> scape::Result<()> {
    let values: Vec<String> =
        values.iter().map(|(option, text)| format!("{option}={}", c_string(text))).collect();
    c.send(Command::raw(&format!("SETCONF {}", values.join(" ")), None)?)?.wait_ok().map(drop)
}

fn set(c: &Controller, option: &str, text: &str) -> Answer {
    match set_conf(c, &[(option, text)]) {
        Ok(()) => Answer::Taken(c.get_conf(option).unwrap()),
        Err(error) => {
            let Some(refusal) = error.get::<Refusal>() else {
                panic!("{option}={text:?}: {error:?}")
            };
            let words = refusal.text();
            let malformed =
                ["Could not parse", "Invalid router list"].iter().any(|form| words.contains(form));
            if malformed { Answer::Malformed } else { Answer::Refused(words) }
        }
    }
}

/// Returns true if options of this type differ in accepting the text, so that
/// only tor can tell.
fn only_tor_can_tell(ty: &ConfigType, text: &str) -> bool {
    match ty {
        // Most options of this type have 31 bits, and some have 64.
        ConfigType::Integer => {
            text.trim().parse::<i128>().is_ok_and(|number| number > i32::MAX.into())
        }
        ConfigType::Float => text.contains(['x', 'X']),
        // Some options of this type were lists in older versions.
        ConfigType::TimeInterval => text.contains(','),
        ConfigType::RouterList => text.contains(['.', ':', '*']),
        _ => false,
    }
}

/// Returns true if tor 0.4.9 ends with a failed assertion when it gets this
/// value.
fn is_deadly(ty: &ConfigType, text: &str) -> bool {
    *ty == ConfigType::DataSize && text.to_ascii_lowercase().contains("nan")
}

/// Returns true if tor 0.4.9 would repeat the value's line ends in its refusal,
/// so that the answer would not be a reply.
fn is_repeated(ty: &ConfigType, text: &str) -> bool {
    use ConfigType::{CommaList, Filename, LineList, RouterList, String};
    text.contains(['\r', '\n'])
        && !matches!(ty, String | Filename | CommaList | RouterList | LineList)
}

/// Sets the option. If tor doesn't behave as `config::value` predicts, returns
/// a text that describes the difference. Otherwise returns `None`.
fn disagreement(c: &Controller, ty: &ConfigType, option: &str, text: &str) -> Option<String> {
    let checked = check(ty, text);
    if is_deadly(ty, text) {
        return checked.is_ok().then(|| format!("{option}={text:?} is taken, but would end tor"));
    }
    if is_repeated(ty, text) && (checked.is_err() || only_tor_can_tell(ty, text)) {
        return None;
    }
    let answer = set(c, option, text);
    let right = match (&checked, &answer) {
        (Err(_), answer) => *answer == Answer::Malformed,
        (Ok(()), Answer::Malformed) => only_tor_can_tell(ty, text),
        (Ok(()), Answer::Refused(_)) => true,
        (Ok(()), Answer::Taken(given)) => match normal(ty, text) {
            None => text.is_empty() || only_tor_can_tell(ty, text),
            normal => *given == normal,
        },
    };
    (!right).then(|| {
        format!(
            "{option}={text:?} ({ty}): {checked:?}, {:?}, but tor: {answer:?}",
            normal(ty, text)
        )
    })
}

const TEXTS: &[&str] = &[
    "",
    "0",
    "1",
    "2",
    "-1",
    "+1",
    " 1",
    "1 ",
    "\x0b1",
    "01",
    "1.0",
    "0x10",
    "1e3",
    "-0",
    "auto",
    "AUTO",
    "true",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999",
    "-18446744073709549568",
    "99999999999999999999e-5 kb",
    "99999999999999999999e-15",
    "1.5",
    ".5",
    "1.",
    ".",
    "1.5e3",
    "1.5e3 kb",
    "-.5",
    "-.0",
    "1.5.5",
    "1,5",
    ",5",
    "5 minutes,1 hour",
    "nan",
    "NaN",
    "-nan",
    "nan(1_a)",
    "inf",
    "-infinity",
    "1e400",
    "1e-400",
    ".1e-400",
    "1.0000015",
    "1.0000005",
    "1e308",
    "0x1.8p1",
    "1 k",
    "1 kb",
    "1kb",
    "1 KB",
    "1\t\r\nkb",
    "1\x0bkb",
    "1 kb ",
    "1.5 GB",
    "8 kbit",
    "1 bit",
    "1 TBits",
    "8388607 tb",
    "8388608 tb",
    "1 m",
    "2 kilobytes",
    "5 #x",
    "5 # kb\nkb",
    "5#",
    "1 second",
    "2 seconds",
    "10 minutes",
    "1.5 HOURS",
    "1 day",
    "1 week",
    "1 month",
    "1 months",
    "816 months",
    "817 months",
    "1 year",
    "1 msec",
    "50 milliseconds",
    ".05 second",
    "5 ms",
    "1.9",
    "0.4 seconds",
    "{de}",
    "{DE}",
    "{d}",
    "{de}x",
    "{abc}",
    "a,b",
    " a , b c ,,d ",
    "a b",
    "nickname12345678901",
    "nickname123456789012",
    "9695DFC35FFEB861329B9F1AB04C46397020CE31",
    "$9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1",
    "$9695DFC35FFEB861329B9F1AB04C46397020CE31=",
    "$9695DFC35FFEB861329B9F1AB04C46397020CE3",
    "$$",
    "1.2.3.4",
    "[::1]",
    "1.2.3",
    "a\x0b,\nb",
    ",",
    " ",
    "\n",
    "a \"b\" 'c' \\d\\ # é ✓ = \t\r\n\x01\x7f",
    "\"quoted\"",
    "\"",
    "#",
    "\\",
];

#[test]
fn tor_accepts_the_values_that_check_accepts() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let mut wrong = Vec::new();
    for (ty, option) in OPTIONS {
        wrong.extend(TEXTS.iter().filter_map(|text| disagreement(&c, ty, option, text)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    c.reset_conf(OPTIONS.iter().map(|(_, option)| option)).unwrap();
}

/// Calls `judge` with `cases` random values. Panics if `judge` returns a text,
/// which describes a difference between tor and the library.
fn at_random<S: Strategy>(
    cases: u32,
    strategy: &S,
    mut judge: impl FnMut(S::Value) -> Option<String>,
) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let judge = std::cell::RefCell::new(&mut judge);
    let result = TestRunner::new(config).run(strategy, |value| match (judge.borrow_mut())(value) {
        Some(wrong) => Err(TestCaseError::fail(wrong)),
        None => Ok(()),
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn random_values_are_judged_like_tor() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let number = "[ \t\x0b]?[-+]?[0-9]{0,12}(\\.[0-9]{0,4})?(e[-+]?[0-9]{1,2})?";
    let unit = "[ \t\n#]{0,2}(b|bytes|[kmgt]?(b|bit|bits)|kilobyte|megabits|msec|seconds?|minutes|hour|days|weeks|MONTHS?|x)?";
    let numbers = format!("{number}({unit})?");
    at_random(400, &(0..9_usize, numbers.as_str()), |(which, text)| {
        let (ty, option) = &OPTIONS[which];
        disagreement(&c, ty, option, &text)
    });
    let lists = "[ ]?(\\{[a-z?]{0,3}\\}|[$]?[0-9A-F]{38,41}([~=][a-z]{0,2})?|[a-zA-Z0-9_]{0,20}|[ \t,]{1,3}){1,4}(,[a-z ]{0,3}){0,3}";
    at_random(200, &(11..14_usize, lists), |(which, text)| {
        let (ty, option) = &OPTIONS[which];
        disagreement(&c, ty, option, &text)
    });
}

#[test]
fn random_texts_are_judged_and_saved_like_tor() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let texts = any::<String>().prop_filter("tor cannot take a NUL", |text| !text.contains('\0'));
    let near = "[\"\\\\' #=,;a\\r\\n\\té✓]{0,12}";
    at_random(300, &(9..14_usize, texts, near), |(which, text, near)| {
        let (ty, option) = &OPTIONS[which];
        disagreement(&c, ty, option, &text).or_else(|| disagreement(&c, ty, option, &near))
    });
    // tor reads back the values that it writes into a torrc. (Exceptions are a
    // backslash at the end, and spaces at the beginning or the end, because tor
    // 0.4.9 writes them without quotes.)
    let odd = " a \"b\" 'c' \\d\\ # é ✓ = \t\r\n\x01\x7f \"";
    let list = vec![odd.to_owned(), "\"quoted\"".to_owned(), "#x".to_owned(), "\\x".to_owned()];
    let name = "RecommendedClientVersions";
    let values: Vec<(&str, &str)> = list.iter().map(|line| (name, line.as_str())).collect();
    set_conf(&c, &[values, vec![("ContactInfo", odd)]].concat()).unwrap();
    c.save_conf().unwrap();
    c.reset_conf([name, "ContactInfo"]).unwrap();
    assert_eq!(c.get_conf_list(name).unwrap(), [""; 0]);
    c.load_conf(&tor.torrc()).unwrap();
    assert_eq!(c.get_conf_list(name).unwrap(), list);
    assert_eq!(c.get_conf("ContactInfo").unwrap().as_deref(), Some(odd));
}

#[test]
fn every_option_accepts_its_own_value() {
    let tor =
        RealTor::start("Nickname someone\nExitPolicy reject *:*\nLog notice stdout\nSocksPort 0\n");
    let c = tor.controller();
    let names = c.info().config_names().unwrap();
    assert!(names.len() > 300, "{}", names.len());
    for name in names {
        let lines = c.get_conf_list(&name.name).unwrap();
        for line in &lines {
            if name.ty == ConfigType::Virtual {
                assert_eq!(check(&name.ty, line), Err(ConfigValueProblem::Virtual));
                continue;
            }
            assert_eq!(check(&name.ty, line), Ok(()), "{}={line:?}", name.name);
            let normal = normal(&name.ty, line);
            let pattern = only_tor_can_tell(&ConfigType::RouterList, line)
                && name.ty == ConfigType::RouterList;
            assert!(normal.as_ref() == Some(line) || pattern, "{}={line:?}: {normal:?}", name.name);
            assert!(means_the_same(&name.ty, line, line));
        }
        let typed = match &name.ty {
            ConfigType::Boolean => bool::from_config(&name.ty, &lines).map(drop),
            ConfigType::BooleanAuto => AutoBool::from_config(&name.ty, &lines).map(drop),
            ConfigType::Integer => u64::from_config(&name.ty, &lines).map(drop),
            ConfigType::SignedInteger => i32::from_config(&name.ty, &lines).map(drop),
            ConfigType::Float => f64::from_config(&name.ty, &lines).map(drop),
            ConfigType::DataSize => DataSize::from_config(&name.ty, &lines).map(drop),
            ConfigType::TimeInterval | ConfigType::TimeMsecInterval => {
                Duration::from_config(&name.ty, &lines).map(drop)
            }
            ConfigType::String => Option::<String>::from_config(&name.ty, &lines).map(drop),
            ConfigType::Filename => Option::<PathBuf>::from_config(&name.ty, &lines).map(drop),
            _ if name.name.ends_with("Port") => {
                Vec::<PortLine>::from_config(&name.ty, &lines).map(drop)
            }
            _ => Vec::<String>::from_config(&name.ty, &lines).map(drop),
        };
        assert_eq!(typed, Ok(()), "{}: {lines:?}", name.name);
    }
}

/// Sets a typed value, and checks that the same value is read back.
fn there_and_back<T>(c: &Controller, ty: ConfigType, option: &str, value: T)
where
    T: ToConfigValue + FromConfigValue + PartialEq + Debug,
{
    let lines = value.to_config(&ty).unwrap();
    c.set_conf(lines.iter().map(|line| (option, line))).unwrap();
    let given = c.get_conf_list(option).unwrap();
    assert_eq!(T::from_config(&ty, &given), Ok(value), "{option}: {given:?}");
    c.reset_conf([option]).unwrap();
}

#[test]
fn typed_values_are_set_and_read_back() {
    let tor = RealTor::start("");
    let c = tor.controller();
    there_and_back(&c, ConfigType::Boolean, "AvoidDiskWrites", true);
    for value in [AutoBool::On, AutoBool::Off, AutoBool::Auto] {
        there_and_back(&c, ConfigType::BooleanAuto, "ExtendByEd25519ID", value);
    }
    there_and_back(&c, ConfigType::Integer, "NumEntryGuards", 7_u8);
    there_and_back(&c, ConfigType::SignedInteger, "PathBiasCircThreshold", i32::MIN);
    there_and_back(&c, ConfigType::Float, "CircuitPriorityHalflife", -0.25);
    there_and_back(&c, ConfigType::DataSize, "BandwidthRate", DataSize::new(3 << 19));
    there_and_back(&c, ConfigType::DataSize, "TestingMinExitFlagThreshold", DataSize::MAX);
    there_and_back(&c, ConfigType::TimeInterval, "MaxCircuitDirtiness", Duration::from_secs(90));
    there_and_back(
        &c,
        ConfigType::TimeInterval,
        "SocksTimeout",
        Duration::from_secs(i32::MAX as u64),
    );
    there_and_back(
        &c,
        ConfigType::TimeMsecInterval,
        "KISTSchedRunInterval",
        Duration::from_millis(7),
    );
    there_and_back(&c, ConfigType::Filename, "GeoIPFile", PathBuf::from("/does not/exist \"é\""));
    there_and_back(&c, ConfigType::CommaList, "LongLivedPorts", vec![22_u16, 5190]);
    let relays = vec![Fingerprint::from_bytes([0xab; 20]), Fingerprint::from_bytes([1; 20])];
    there_and_back(&c, ConfigType::RouterList, "ExcludeNodes", relays);
    there_and_back(
        &c,
        ConfigType::LineList,
        "RecommendedClientVersions",
        vec!["a,b".to_owned(), " c ".to_owned()],
    );
    there_and_back(&c, ConfigType::String, "ContactInfo", Some("a # \"b\"".to_owned()));
}

#[test]
fn empty_value_resets_the_option() {
    let tor = RealTor::start("");
    let c = tor.controller();
    for (ty, option) in OPTIONS {
        assert_eq!(check(ty, ""), Ok(()));
        assert_eq!(set(&c, option, ""), Answer::Taken(normal(ty, "")), "{option}");
    }
    // In a list, an empty line removes the preceding lines, so it is refused
    // there.
    let name = "RecommendedClientVersions";
    c.set_conf([(name, "a"), (name, ""), (name, "b")]).unwrap();
    assert_ne!(c.get_conf_list(name).unwrap(), ["a", "", "b"]);
    assert!(["a", "", "b"].to_config(&ConfigType::LineList).is_err());
}

#[test]
fn port_lines_of_every_kind_are_set_and_read_back() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let ty = ConfigType::Dependent;
    let socket = format!(
        "unix:\"{}\"",
        tor.folder().join("a \"b\" é/#s").display().to_string().replace('"', "\\\"")
    );
    let lines: Vec<PortLine> = [
        "9150",
        "auto IsolateDestAddr SessionGroup=7",
        "127.0.0.1:9151 NoIPv4Traffic IPv6Traffic PreferIPv6",
        "127.0.0.1:auto",
        "[::1]:9152 Sparkling",
        "[::1]:auto",
        "localhost:9153",
        "localhost:auto",
        &format!("{socket} GroupWritable RelaxDirModeCheck"),
    ]
    .iter()
    .map(|line| line.parse().unwrap())
    .collect();
    let written = lines.to_config(&ty).unwrap();
    c.set_conf(written.iter().map(|line| ("SocksPort", line))).unwrap();
    let given = c.get_conf_list("SocksPort").unwrap();
    assert_eq!(Vec::<PortLine>::from_config(&ty, &given), Ok(lines));
    for bad in ["unix:\"/a", "unix:", "unix:\"/a\\000b\"", "\"9050\"", "127.0.0.1", "::1:9050"] {
        c.set_conf([("SocksPort", bad)]).unwrap_err();
    }
}

#[test]
fn port_flags_are_known_to_tor() {
    use PortSwitch::{
        Advertise, GroupWritable, IPv4Only, IPv6Only, Listen, RelaxDirModeCheck, WorldWritable,
    };
    let tor = RealTor::start("");
    let c = tor.controller();
    let socket = PortAddress::Unix(tor.folder().join("socks"));
    let mut expected = Vec::new();
    for switch in PortSwitch::KNOWN {
        let (option, address) = match switch {
            Advertise | Listen | IPv4Only | IPv6Only => ("ORPort", PortAddress::Port(9150)),
            GroupWritable | WorldWritable | RelaxDirModeCheck => ("SocksPort", socket.clone()),
            _ => ("SocksPort", PortAddress::Port(9150)),
        };
        for flag in [PortFlag::from(*switch), switch.off()] {
            let line = PortLine::new(address.clone()).flag(flag);
            // With some of these flags, a relay needs other ports, too. tor
            // reads the flags before it notices that these are missing.
            if let Err(error) = c.set_conf([(option, line.to_string())]) {
                assert!(option == "ORPort" && error.refusal().is_some(), "{line}: {error}");
            }
            // A flag that is unknown here is unknown to tor too.
            if let Some(PortFlag::Other(flag)) = line.typed_flags().next() {
                expected.push(flag.into_string());
            }
        }
        c.set_conf([(option, "0")]).unwrap();
    }
    c.set_conf([("SocksPort", "9150 Sparkling SessionGroup=7")]).unwrap();
    expected.push("Sparkling".to_owned());
    let log = tor.log();
    let mut unknown: Vec<String> = log
        .lines()
        .filter(|line| line.contains("Unrecognized ") || line.contains("Unsupported "))
        .filter_map(|line| {
            Some(line.split_once("Port option '")?.1.split_once('\'')?.0.replace('"', ""))
        })
        .collect();
    unknown.sort();
    unknown.dedup();
    expected.sort();
    assert_eq!(unknown, expected, "{log}");
}

/// Lines of options with a special syntax, and true if tor accepts the line.
/// None of them makes tor resolve a name or open a port that matters.
const LINES: &[(&str, &str, bool)] = &[
    ("SocksPort", "99999", false),
    ("SocksPort", "-1", false),
    ("SocksPort", "80x", false),
    ("SocksPort", "0x50", false),
    ("SocksPort", "127.0.0.1", false),
    ("SocksPort", "127.0.0.1:0", false),
    ("SocksPort", "127.0.0.1:99999", false),
    ("SocksPort", "127.0.0.1:-80", false),
    ("SocksPort", "::1:80", false),
    ("SocksPort", ":80", false),
    ("SocksPort", ":auto", false),
    ("SocksPort", "unix:", false),
    ("SocksPort", "unix:\"/a", false),
    ("SocksPort", "# 9050", false),
    ("SocksPort", "0", true),
    ("SocksPort", "-0", true),
    ("SocksPort", "+9050", true),
    ("SocksPort", "9050 # x", true),
    ("SocksPort", "127.0.0.1:+9050", true),
    ("SocksPort", "127.0.0.1:09050", true),
    ("SocksPort", "[::1]:9050", true),
    ("SocksPort", "::1:auto", true),
    ("SocksPort", "AUTO Odd", true),
    ("ORPort", "99999", false),
    ("ORPort", "1.2.3.4:x", false),
    ("ORPort", "0", true),
    ("DNSPort", "-1", false),
    ("DNSPort", "auto", true),
    ("TransPort", "99999", false),
    ("NATDPort", "99999", false),
    ("HTTPTunnelPort", "99999", false),
    ("ExtORPort", "99999", false),
    ("DirPort", "99999", false),
    ("ControlPort", "99999", false),
    ("ExitPolicy", "reject nonsense", false),
    ("ExitPolicy", "*:80", false),
    ("ExitPolicy", "accept", false),
    ("ExitPolicy", "# x", false),
    ("ExitPolicy", "accept *:80 junk", false),
    ("ExitPolicy", "accept *:-1", false),
    ("ExitPolicy", "accept *:80-", false),
    ("ExitPolicy", "accept *:80,x", false),
    ("ExitPolicy", "accept */8", false),
    ("ExitPolicy", "accept *::80", false),
    ("ExitPolicy", "accept 1.2.3.4/33", false),
    ("ExitPolicy", "accept 1.2.3.4/255.0.255.0", false),
    ("ExitPolicy", "accept ::1", false),
    ("ExitPolicy", "accept privately:80", false),
    ("ExitPolicy", "accept private :80", false),
    ("ExitPolicy", "accept [::ffff:1.2.3.4]/64", false),
    ("ExitPolicy", "reject6 2607:5300::/32", true),
    ("ExitPolicy", "accept6 *4:80,accept *:*", true),
    ("ExitPolicy", "reject6 1.2.3.4", true),
    ("ExitPolicy", "opt accept *:80", true),
    ("ExitPolicy", "accept *:80 # x", true),
    ("ExitPolicy", ",accept *:80,,", true),
    ("ExitPolicy", "accept *:", true),
    ("ExitPolicy", "accept *:-0", true),
    ("ExitPolicy", "accept *:80-+90", true),
    ("ExitPolicy", "accept 1.2.3.4/:80", true),
    ("ExitPolicy", "accept 1.2.3.4/+8:80", true),
    ("ExitPolicy", "accept 1.2.3.4/4294967296", true),
    ("ExitPolicy", "accept [::1]x:80", true),
    ("ExitPolicy", "accept [1.2.3.4]:80", true),
    ("ExitPolicy", "accept ::01.2.3.4/8", true),
    ("ExitPolicy", "accept [::ffff:1.2.3.4]/24", true),
    ("ExitPolicy", "accept private:", true),
    ("DirPolicy", "junk", false),
    ("SocksPolicy", "junk", false),
    ("ReachableAddresses", "junk", false),
    ("ReachableAddresses", "::/0", false),
    ("ReachableAddresses", "private:*", false),
    ("ReachableAddresses", "*:80 x", false),
    ("ReachableAddresses", "*:80, reject 1.2.3.4, [::1]:443", true),
    ("ReachableORAddresses", "junk", false),
    ("AuthDirReject", "junk", false),
    ("AuthDirReject", "*:80", true),
    ("AuthDirInvalid", "accept 1.2.3.4", true),
    ("AuthDirBadExit", "junk", false),
    ("AuthDirMiddleOnly", "junk", false),
    ("Log", "loud stdout", false),
    ("Log", "stdout", false),
    ("Log", "notice file", false),
    ("Log", "notice junk", false),
    ("Log", "notice stdout stdout", false),
    ("Log", "notice stdoutx", false),
    ("Log", "notice notice", false),
    ("Log", "notice-", false),
    ("Log", "[net", false),
    ("Log", "#x", false),
    ("Log", "err", true),
    ("Log", "ERR STDOUT", true),
    ("Log", "err-notice stdout", true),
    ("Log", "[net]err [general]err stdout", true),
    ("Log", "[~net,general] err #x", true),
    ("Bridge", "x", false),
    ("Bridge", "obfs4", false),
    ("Bridge", "1.2.3.4:99999", false),
    ("Bridge", "1.2.3.4:0", false),
    ("Bridge", "1.2.3.4:80 xyz", false),
    ("Bridge", "ob-fs 1.2.3.4:80", false),
    ("Bridge", "01.2.3.4:80", false),
    ("Bridge", "obfs4 1.2.3.4:80 junk", false),
    ("Bridge", "obfs4 1.2.3.4:80 =v", false),
    ("Bridge", "obfs4 1.2.3.4:80 k=v junk", false),
    ("Bridge", "1.2.3.4:80 4352E58420E68F5E40BF7C74FADDCCD9D1349413 k=v", false),
    ("Bridge", "1.2.3.4", true),
    ("Bridge", "[::1]", true),
    ("Bridge", "::1:80", true),
    ("Bridge", "::01.2.3.4", true),
    ("Bridge", "1.2.3.4:+80", true),
    ("Bridge", "1.2.3.4:80 4352 E58420E68F5E40BF7C74FADDCCD9D1349413", true),
    ("Bridge", "obfs4 1.2.3.4:80 k=", true),
    ("Bridge", "obfs4 1.2.3.4:80 4352E58420E68F5E40BF7C74FADDCCD9D1349413 cert=x iat-mode=0", true),
    ("Nickname", "a-b", false),
    ("Nickname", "aaaaaaaaaaaaaaaaaaaa", false),
    ("Nickname", "a1", true),
    ("NodeFamily", "$abc", false),
    ("NodeFamily", "a-b,c", false),
    ("NodeFamily", "{us},abc", true),
    ("OutboundBindAddress", "localhost", false),
    ("OutboundBindAddress", "1.2.3.4:80", false),
    ("OutboundBindAddress", "[::1]", true),
    ("OutboundBindAddressOR", "x", false),
    ("HTTPProxy", "1.2.3.4:99999", false),
    ("HTTPProxy", ":80", false),
    ("HTTPProxy", "1.2.3.4", true),
    ("HTTPProxy", "::1", true),
    ("HTTPSProxy", "1.2.3.4:99999", false),
    ("HTTPSProxy", "1.2.3.4:", false),
    ("HTTPSProxy", ":80", false),
    ("HTTPSProxy", "1.2.3.4:+80", true),
    ("HTTPSProxy", "::1", true),
    ("Socks4Proxy", "1.2.3.4:x", false),
    ("Socks5Proxy", "1.2.3.4:0", false),
    ("Socks5Proxy", "1.2.3.4", true),
    ("FirewallPorts", "x", false),
    ("FirewallPorts", "80,0", false),
    ("FirewallPorts", "80x, +81,82-90", true),
    ("LongLivedPorts", "65536", false),
    ("RejectPlaintextPorts", "x", false),
    ("WarnPlaintextPorts", "-1", false),
    ("HashedControlPassword", "password", false),
    ("HashedControlPassword", "16:38F4", false),
    (
        "HashedControlPassword",
        "16:38f4aeb6edb6fff96029fa371ce0ce68a4e5ce3fdeb9a1b8cc0f1b3b25",
        true,
    ),
    ("HashedControlPassword", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", true),
    ("AccountingRule", "SUM", false),
    ("AccountingRule", "sum", true),
];

fn type_of(c: &Controller, option: &str) -> ConfigType {
    let names = c.info().config_names().unwrap();
    names.iter().find(|name| name.name == option).map(|name| name.ty.clone()).unwrap()
}

/// Sets the option and restores it. Returns true if tor accepted the line.
fn is_taken(c: &Controller, option: &str, line: &str) -> bool {
    let taken = matches!(set(c, option, line), Answer::Taken(_));
    if taken {
        c.reset_conf([option]).unwrap();
    }
    taken
}

#[test]
fn option_lines_are_refused_like_tor_refuses_them() {
    let tor = RealTor::start("SocksPort 0\n");
    let c = tor.controller();
    for (option, line, taken) in LINES {
        let checked = check_option(option, &type_of(&c, option), line);
        assert_eq!(checked.is_ok(), *taken, "{option} {line}: {checked:?}");
        assert_eq!(is_taken(&c, option, line), *taken, "{option} {line}");
    }
}

#[test]
fn random_option_lines_refused_here_are_refused_by_tor() {
    const PIECES: &[&str] = &[
        "",
        " ",
        " ",
        ",",
        ":",
        "-",
        "/",
        "#",
        "\"",
        "\t",
        "0",
        "1",
        "80",
        "9050",
        "99999",
        "+80",
        "-1",
        "auto",
        ":auto",
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]:80",
        "[::1]",
        "::1",
        "::1/8",
        "unix:/a",
        "accept ",
        "reject ",
        "accept6 ",
        "reject6 ",
        "*:80",
        "*",
        "*4",
        "*6",
        "private:*",
        "private",
        "/8",
        "/255.0.0.0",
        "80-90",
        "2001:db8::/32",
        "[net]",
        "err",
        "err ",
        "-err",
        "stdout",
        " stdout",
        "file /dev/null",
        "_x ",
        "k=v",
        " k=v",
        "=",
        "4352E58420E68F5E40BF7C74FADDCCD9D1349413",
        "16:",
        "38f4aeb6edb6fff96029fa371ce0ce68a4e5ce3fdeb9a1b8cc0f1b3b25",
        "sum",
        "a",
        "{de}",
        "$",
    ];
    let tor = RealTor::start("SocksPort 0\n");
    let c = tor.controller();
    let mut options: Vec<&str> = LINES.iter().map(|(option, ..)| *option).collect();
    options.dedup();
    let types: Vec<(&str, ConfigType)> =
        options.iter().map(|option| (*option, type_of(&c, option))).collect();
    let mut refused = 0;
    let pieces = proptest::collection::vec(proptest::sample::select(PIECES), 1..6);
    at_random(4000, &(proptest::sample::select(types), pieces), |((option, ty), pieces)| {
        let line = pieces.concat();
        check_option(option, &ty, &line).err()?;
        refused += 1;
        is_taken(&c, option, &line).then(|| format!("tor takes {option} {line:?}"))
    });
    assert!(refused > 200, "{refused}");
}

/// Checks the errors of values that the library refuses. The library also
/// refuses a `MapAddress` of one word, because tor accepts it with a warning
/// and then ignores it.
#[test]
fn config_set_error_names_option_type_and_value() {
    let tor = RealTor::start("SocksPort 0\n");
    let c = tor.controller();
    let mut config = c.config().unwrap();
    for (option, line) in [
        ("SocksPort", "quux"),
        ("SocksPort", "99999"),
        ("ORPort", "x"),
        ("DNSPort", "-1"),
        ("ExitPolicy", "reject nonsense"),
        ("Log", "loud stdout"),
        ("Bridge", "x"),
        ("MapAddress", "x"),
        ("MapAddress", "x abc.ONION."),
    ] {
        let error = config.set(option, line).unwrap_err().to_string();
        let ty = type_of(&c, option).to_string();
        for part in [option, line, &ty] {
            assert!(error.contains(part), "{option} {line}: {error}");
        }
        assert!(config.append(option, line).is_err(), "{option} {line}");
    }
    assert!(config.diff().is_empty());
    config.set("ExitPolicy", ["accept *:80", "reject6 2607:5300::/32"]).unwrap();
    config.set("Log", "err stdout").unwrap();
    config.save().unwrap();
    // Abbreviations work if they are unambiguous.
    assert_eq!(config.get::<Duration>("MaxCircuitDirt").unwrap(), Duration::from_secs(600));
    assert_eq!(config.get::<Option<String>>("ExitNode").unwrap(), None);
}
