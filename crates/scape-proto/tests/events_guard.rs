//! Tests the parsing of GUARD events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use scape_proto::event::{EventBody, GuardEvent, GuardStatus, GuardType};
use support::event::event;

const FINGERPRINT: &str = "EBE39ED456396195C1592B91E1EDE995795F2CDB";

fn guard(line: &str) -> GuardEvent {
    let event = event(format!("GUARD {line}"));
    let EventBody::Guard(guard) = event.body() else { panic!("{event}") };
    guard.clone()
}

#[test]
fn guard_of_every_status_is_parsed() {
    for status in GuardStatus::KNOWN.iter().map(|status| status.as_str()).chain(["HUNGRY"]) {
        let guard = guard(&format!("ENTRY ${FINGERPRINT}~relay08 {status}"));
        assert_eq!((&guard.guard_type, guard.status.as_str()), (&GuardType::Entry, status));
        assert_eq!(guard.relay.fingerprint(), FINGERPRINT.parse().ok());
        assert_eq!(guard.relay.nickname(), Some("relay08"));
        assert!(guard.extra.is_empty() && guard.extra_words.is_empty());
        assert_eq!(guard.to_string(), format!("relay08 {status}"));
    }
}

#[test]
fn guard_nickname_none_means_no_nickname() {
    for name in [format!("${FINGERPRINT}~None"), format!("${FINGERPRINT}")] {
        let guard = guard(&format!("ENTRY {name} GOOD_L2"));
        assert_eq!((guard.relay.nickname(), guard.status.clone()), (None, GuardStatus::GoodL2));
        assert_eq!(guard.to_string(), format!("${FINGERPRINT} GOOD_L2"));
    }
    // A bare word is always a nickname, also if it is `None`.
    assert_eq!(guard("ENTRY None UP").relay.nickname(), Some("None"));
}

#[test]
fn guard_events_of_older_and_newer_tors_are_parsed() {
    let older = guard(&format!("ENTRY ${FINGERPRINT}=relay08 BAD"));
    assert_eq!((older.relay.nickname(), older.status), (Some("relay08"), GuardStatus::Bad));
    let newer = guard(&format!("MIDDLE ${FINGERPRINT}~relay08 NEW now LAYER=3 COLOUR=red"));
    assert_eq!((newer.guard_type.as_str(), newer.extra_words), ("MIDDLE", vec!["now".to_owned()]));
    assert_eq!(newer.extra, [("LAYER".into(), "3".into()), ("COLOUR".into(), "red".to_owned())]);
}

#[test]
fn guard_event_without_its_three_words_is_an_unknown_event() {
    for line in
        ["GUARD", "GUARD ENTRY", "GUARD ENTRY $AB~c", "GUARD ENTRY  UP", "GUARD ENTRY relay08 "]
    {
        assert_eq!(event(line).body(), &EventBody::Unknown, "{line:?}");
    }
}
