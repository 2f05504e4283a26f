//! Compares the answers of tor that the documentation shows with those of a
//! real tor. The documentation's examples themselves run with a scripted tor.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use scape::control::{Command, ConfLine, Refusal};
use scape::info::VersionStatus;
use support::real_tor::RealTor;

/// Checks the answers in the sections "Commands" and "Configuration" of the
/// crate's front page.
#[test]
fn front_page_answers_are_those_of_tor() {
    let tor = RealTor::start("Nickname relay01\n");
    let controller = tor.controller();
    let version = controller.version().unwrap();
    assert!(version >= "0.4.8.0".parse().unwrap(), "{version}");
    assert_eq!(controller.get_conf("Nickname").unwrap().as_deref(), Some("relay01"));
    controller.set_conf([("MaxCircuitDirtiness", "60")]).unwrap();

    let error = controller.set_conf([("NoSuchOption", "x")]).unwrap_err();
    assert_eq!(error.code(), Some(552));
    let text = "552 Unrecognized option: Unknown option 'NoSuchOption'.  Failing.";
    assert!(error.to_string().contains(text), "{error}");

    let mut config = controller.config().unwrap();
    assert_eq!(config.get::<Duration>("MaxCircuitDirtiness").unwrap(), Duration::from_secs(60));
    config.set("MaxCircuitDirtiness", Duration::from_secs(70)).unwrap();
    config.save().unwrap();
    assert_eq!(controller.get_conf("MaxCircuitDirtiness").unwrap().as_deref(), Some("70"));
}

/// Checks the documentation of `Controller::set_conf`: tor accepts an
/// abbreviated name of an option.
#[test]
fn abbreviated_option_name_sets_the_option() {
    let tor = RealTor::start("Nickname relay01\n");
    let controller = tor.controller();
    controller.set_conf([("Nick", "x")]).unwrap();
    assert_eq!(controller.get_conf("Nickname").unwrap().as_deref(), Some("x"));
}

/// Checks the answers in the documentation of `Controller::get_info` and of the
/// methods that send GETINFO.
#[test]
fn getinfo_answers_are_those_of_tor() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let error = controller.get_info("nonsense").unwrap_err();
    assert_eq!(
        error.to_string(),
        "tor refused GETINFO nonsense: 552 Unrecognized key \"nonsense\""
    );
    let error = controller.get_info("address").unwrap_err();
    assert!(error.to_string().ends_with("551 Address unknown"), "{error}");
    for (key, code) in [
        ("network-status", 552),
        ("exit-policy/full", 552),
        ("fingerprint", 551),
        ("dir/status-vote/current/consensus", 551),
        ("desc/id/9695DFC35FFEB861329B9F1AB04C46397020CE31", 552),
    ] {
        assert_eq!(controller.get_info(key).unwrap_err().code(), Some(code), "{key}");
    }
    assert_eq!(controller.info().version_status().unwrap(), VersionStatus::Unknown);
    assert_eq!(controller.info().recommended_versions().unwrap(), None);
}

/// Checks the answers in the documentation of `Controller::get_conf`,
/// `set_conf` and `load_conf`, and of the groups of onion services.
#[test]
fn configuration_answers_are_those_of_tor() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    assert_eq!(controller.get_conf("ContactInfo").unwrap(), None);
    let none = controller.get_conf_lines(["HiddenServiceOptions"]).unwrap();
    assert_eq!(none, [ConfLine::new("HiddenServiceOptions", None)]);
    let codes = |result: scape::Result<()>| result.unwrap_err().code();
    assert_eq!(controller.get_conf("Nonsense").unwrap_err().code(), Some(552));
    assert_eq!(codes(controller.set_conf([("SocksPort", "99999")])), Some(513));
    assert_eq!(codes(controller.set_conf([("DataDirectory", "/x")])), Some(553));
    assert_eq!(codes(controller.load_conf("NoSuchOption 1\n")), Some(552));
    assert_eq!(codes(controller.load_conf("MaxCircuitDirtiness x\n")), Some(552));
    assert_eq!(codes(controller.load_conf("DisableNetwork 1\nDataDirectory /x\n")), Some(553));
}

/// Checks the answers in the documentation of `Controller::map_address` and
/// `mapped_address`.
#[test]
fn mapaddress_answers_are_those_of_tor() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let answers =
        controller.map_address([("0.0.0.0", "torproject.org"), ("x.test", "b@d")]).unwrap();
    let from = &answers[0].as_ref().unwrap().from;
    assert!(from.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.octets()[0] == 127), "{from}");
    let refusal = answers[1].as_ref().unwrap_err();
    assert!(refusal.is_bad_argument());
    assert!(refusal.text().contains("syntax error: invalid address 'b@d'"), "{refusal}");
    let mapped = controller.mapped_address("a.test", "b.test").unwrap();
    assert_eq!(mapped.from(), "a.test");
    mapped.remove().unwrap();
}

/// Checks the answers in the documentation of `Refusal`: to commands about
/// objects that no longer exist, and to commands that tor doesn't know.
#[test]
fn refusal_kinds_are_those_of_tor() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let ask = |command: &str| controller.send(Command::raw(command, None)?)?.wait_ok();
    let refusal = |command: &str| {
        let error = ask(command).unwrap_err();
        error.get::<Refusal>().unwrap_or_else(|| panic!("{command}: {error:?}")).clone()
    };
    assert!(refusal("CLOSECIRCUIT 9").is_unknown_circuit());
    assert!(refusal("CLOSESTREAM 9 1").is_unknown_stream());
    assert!(refusal("EXTENDCIRCUIT 0 relay01").is_unknown());
    assert!(refusal("EXTENDCIRCUIT 0").is_not_allowed());
    assert!(refusal("NONSENSE").is_unrecognized_command());
    assert!(refusal("HSFETCH v2-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").is_bad_argument());
}
