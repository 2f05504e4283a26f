//! Tests the parsing of ORCONN events, and of the lines of
//! `GETINFO orconn-status`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use proptest::prelude::*;
use scape_proto::event::{EventBody, OrConnInfo, OrConnReason, OrConnStatus, OrConnTarget};
use scape_proto::word::OrConnId;
use support::event::event;

const RELAY: &str = "$C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97~relay02";

fn or_conn(line: &str) -> OrConnInfo {
    let event = event(format!("ORCONN {line}"));
    let EventBody::OrConn(connection) = event.body() else { panic!("{event}") };
    assert_eq!(OrConnInfo::parse(line.as_bytes()).as_ref(), Some(connection));
    connection.clone()
}

#[test]
fn or_conn_fields_are_parsed() {
    let failed = or_conn(&format!("{RELAY} FAILED REASON=NOROUTE NCIRCS=1 ID=6"));
    assert_eq!(failed.target.to_string(), RELAY);
    assert_eq!(failed.target.relay().unwrap().nickname(), Some("relay02"));
    assert_eq!(failed.status, OrConnStatus::Failed);
    assert_eq!(failed.reason, Some(OrConnReason::NoRoute));
    assert_eq!((failed.circuits, failed.id), (Some(1), Some(OrConnId::new(6))));
    assert!(failed.extra.is_empty() && failed.extra_words.is_empty());
    assert_eq!(failed.to_string(), "relay02 FAILED (NOROUTE)");

    let launched =
        or_conn("$A958A139891C54874CE30704C302CDA9D94CC15D LAUNCHED ID=18446744073709551615");
    assert_eq!((launched.status.clone(), launched.reason.clone()), (OrConnStatus::Launched, None));
    assert_eq!((launched.circuits, launched.id), (None, Some(OrConnId::new(u64::MAX))));
    assert_eq!(launched.to_string(), "$A958A139891C54874CE30704C302CDA9D94CC15D LAUNCHED");
}

#[test]
fn or_conn_of_every_status_and_reason_is_parsed() {
    for status in OrConnStatus::KNOWN.iter().map(|status| status.as_str()).chain(["MUSING"]) {
        assert_eq!(or_conn(&format!("{RELAY} {status} ID=1")).status.as_str(), status);
    }
    for reason in OrConnReason::KNOWN.iter().map(|reason| reason.as_str()).chain(["BOREDOM"]) {
        let connection = or_conn(&format!("{RELAY} CLOSED REASON={reason} ID=1"));
        assert_eq!(connection.reason.unwrap().as_str(), reason);
    }
}

#[test]
fn or_conn_target_in_every_form_is_parsed() {
    for (target, address) in [
        ("127.0.0.1:5001", Some("127.0.0.1:5001")),
        ("2001:db8::1:443", Some("[2001:db8::1]:443")),
        ("::1:9001", Some("[::1]:9001")),
        ("[::1]:9001", Some("[::1]:9001")),
        ("relay.example:9001", None),
        ("127.0.0.1:99999", None),
    ] {
        let connection = or_conn(&format!("{target} NEW ID=2"));
        assert_eq!(connection.target, OrConnTarget::Address(target.to_owned()));
        assert_eq!(
            connection.target.socket_addr(),
            address.map(|address| address.parse().unwrap()),
            "{target}"
        );
        assert_eq!(
            (connection.target.relay(), connection.target.to_string().as_str()),
            (None, target)
        );
    }
    // Older tors send a nickname, or a name with `=`.
    let nickname = or_conn("moria1 CONNECTED");
    assert_eq!(nickname.target.relay().unwrap().nickname(), Some("moria1"));
    assert_eq!((nickname.target.socket_addr(), nickname.id), (None, None));
    let older =
        or_conn("$C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97=relay02 CLOSED REASON=DONE NCIRCS=3");
    assert_eq!(older.target.relay().unwrap().to_string(), RELAY);
    assert_eq!(older.circuits, Some(3));
}

#[test]
fn or_conn_line_of_getinfo_is_parsed() {
    let connection =
        OrConnInfo::parse(b"$83CEA7149F8499EBCFF8E8DB4BA33E4B65237C99~auth0 CONNECTED").unwrap();
    assert_eq!((connection.status, connection.id), (OrConnStatus::Connected, None));
}

#[test]
fn or_conn_keeps_unknown_and_malformed_words() {
    let connection =
        or_conn(&format!("{RELAY} NEW NCIRCS=x stray ID=-1 COLOUR=\"dark red\" ID=3 more"));
    let extra = [("NCIRCS", "x"), ("ID", "-1"), ("COLOUR", "dark red")];
    assert_eq!(connection.extra, extra.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(connection.extra_words, ["stray", "more"]);
    assert_eq!((connection.circuits, connection.id), (None, Some(OrConnId::new(3))));
}

#[test]
fn or_conn_without_target_or_status_is_an_unknown_event() {
    for line in ["ORCONN", "ORCONN ", "ORCONN moria1", "ORCONN moria1 ", "ORCONN  NEW"] {
        assert_eq!(event(line).body(), &EventBody::Unknown, "{line:?}");
    }
}

#[test]
fn or_conn_target_with_control_characters_is_displayed_in_one_line() {
    assert_eq!(or_conn("a\u{1b}[31mb NEW").to_string(), "a\\u{1b}[31mb NEW");
}

proptest! {
    #[test]
    fn or_conn_target_is_displayed_and_parsed_back(text in "[!-~]{1,60}") {
        let target = OrConnTarget::from(&*text);
        prop_assert_eq!(OrConnTarget::from(&*target.to_string()), target);
    }
}
