//! Tests the parsing of CONF_CHANGED events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use proptest::prelude::*;
use scape_proto::control::c_string;
use scape_proto::event::{ConfChanged, EventBody};
use support::event::events;

fn body(lines: &[&str]) -> EventBody {
    let mut wire = String::from("650-CONF_CHANGED\r\n");
    wire.extend(lines.iter().map(|line| format!("650-{line}\r\n")));
    wire.push_str("650 OK\r\n");
    events(wire.as_bytes()).pop().expect("an event").body().clone()
}

fn conf_changed(lines: &[&str]) -> ConfChanged {
    let EventBody::ConfChanged(changed) = body(lines) else { panic!("{lines:?}") };
    changed
}

fn pairs(changed: &ConfChanged) -> Vec<(&str, Option<&str>)> {
    changed.options.iter().map(|line| (line.name.as_str(), line.value.as_deref())).collect()
}

#[test]
fn conf_changed_values_are_those_of_getconf() {
    let changed = conf_changed(&[
        "MaxCircuitDirtiness=20",
        "ContactInfo=\"two words \\\"q\\\" \\\\ \\303\\251 #x\"",
        "ExitNodes",
        "Nickname=",
        "ORPort=a=b\"c",
    ]);
    let expected = [
        ("MaxCircuitDirtiness", Some("20")),
        ("ContactInfo", Some("two words \"q\" \\ é #x")),
        ("ExitNodes", None),
        ("Nickname", Some("")),
        ("ORPort", Some("a=b\"c")),
    ];
    assert_eq!(pairs(&changed), expected);
    assert_eq!(changed.values("contactinfo").collect::<Vec<_>>(), ["two words \"q\" \\ é #x"]);
    assert!(changed.contains("EXITNODES") && changed.values("ExitNodes").next().is_none());
    assert!(!changed.contains("Log"));
}

#[test]
fn conf_changed_lists_and_groups_keep_their_order() {
    let log = conf_changed(&["Log=notice stdout", "Log=err stderr"]);
    assert_eq!(log.values("Log").collect::<Vec<_>>(), ["notice stdout", "err stderr"]);
    assert_eq!(log.to_string(), "Log=notice stdout, Log=err stderr");
    let services = conf_changed(&[
        "HiddenServiceDir=/run/tor/one",
        "HiddenServicePort=80 127.0.0.1:8080",
        "HiddenServicePort=443",
        "HiddenServiceDir=/run/tor/two",
        "HiddenServicePort=22",
    ]);
    let names: Vec<&str> = pairs(&services).iter().map(|(name, _)| *name).collect();
    let expected = [
        "HiddenServiceDir",
        "HiddenServicePort",
        "HiddenServicePort",
        "HiddenServiceDir",
        "HiddenServicePort",
    ];
    assert_eq!(names, expected, "in order");
    for emptied in ["SocksPortLines", "HiddenServiceOptions"] {
        assert_eq!(pairs(&conf_changed(&[emptied])), [(emptied, None)]);
    }
    assert_eq!(pairs(&conf_changed(&[])), []);
}

#[test]
fn conf_changed_secrets_are_readable_but_not_displayed() {
    let changed = conf_changed(&[
        "HashedControlPassword=16:ABCDEF",
        "Socks5ProxyPassword=\"o p\"",
        "Nickname=x",
    ]);
    assert_eq!(changed.values("HashedControlPassword").collect::<Vec<_>>(), ["16:ABCDEF"]);
    let shown = format!("{changed} {changed:?} {:?}", EventBody::ConfChanged(changed.clone()));
    assert!(
        !shown.contains("16:AB") && !shown.contains("o p") && shown.contains("Nickname=x"),
        "{shown}"
    );
}

#[test]
fn malformed_conf_changed_is_an_unknown_event() {
    for wire in [
        "650 CONF_CHANGED\r\n",
        "650 CONF_CHANGED Nickname=x\r\n",
        "650-CONF_CHANGED\r\n650 Nickname=x\r\n",
        "650-CONF_CHANGED\r\n650 ok\r\n",
    ] {
        let all = events(wire.as_bytes());
        assert_eq!(all.len(), 1, "{wire:?}");
        assert_eq!(
            (all[0].kind().as_str(), all[0].body()),
            ("CONF_CHANGED", &EventBody::Unknown),
            "{wire:?}"
        );
    }
}

proptest! {
    #[test]
    fn conf_changed_quoted_value_is_parsed_back(value in "[^\0]*") {
        let changed = conf_changed(&[&format!("ContactInfo={}", c_string(&value)), "Nickname=x"]);
        prop_assert_eq!(changed.values("ContactInfo").collect::<Vec<_>>(), [value.as_str()]);
        prop_assert!(changed.contains("Nickname"));
        prop_assert_eq!(changed.to_string().lines().count(), 1);
    }
}
