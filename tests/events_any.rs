//! Any event: whatever comes is an event, of its kind and with its text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use scape::event::{Event, EventBody, kind_name};
use scape::protocol::{Decoder, Reply};
use scape::types::{EventKind, Signal};
use support::event::{event, events};

fn reply(wire: &[u8]) -> Reply {
    let mut decoder = Decoder::default();
    decoder.feed(wire);
    decoder.next_reply().unwrap().expect("a whole reply")
}

#[test]
fn bandwidth() {
    for (line, read, written) in
        [("BW 0 160", 0, 160), ("BW 18446744073709551615 1", u64::MAX, 1), ("BW 5 6 7 NEW=8", 5, 6)]
    {
        let event = event(line);
        let EventBody::Bw(bandwidth) = event.body() else { panic!("{event}") };
        assert_eq!((bandwidth.read, bandwidth.written), (read, written), "{line}");
    }
    for line in ["BW", "BW x", "BW 1", "BW 1 x", "BW -1 5", "BW 18446744073709551616 1", "BW 1  2"] {
        let event = event(line);
        assert_eq!((event.kind(), event.body()), (&EventKind::Bw, &EventBody::Unknown), "{line}");
        assert_eq!(event.text(), line);
    }
}

#[test]
fn signals() {
    for name in
        ["RELOAD", "DUMP", "DEBUG", "NEWNYM", "CLEARDNSCACHE", "HEARTBEAT", "ACTIVE", "DORMANT", "NEVER"]
    {
        let event = event(format!("SIGNAL {name}"));
        assert_eq!(event.body(), &EventBody::Signal(Signal::from(name)));
    }
    assert_eq!(event("SIGNAL").body(), &EventBody::Unknown);
}

#[test]
fn an_unknown_kind_is_an_event() {
    let event = event("FUTURE_THING a=b \"c\"");
    assert_eq!(event.kind(), &EventKind::from("FUTURE_THING"));
    assert!(!event.kind().is_recognized());
    assert_eq!(event.body(), &EventBody::Unknown);
    assert_eq!(event.text(), "FUTURE_THING a=b \"c\"");
    assert_eq!(format!("{event:?}"), "Event(\"650 FUTURE_THING a=b \\\"c\\\"\")");
}

#[test]
fn kinds_are_known_before_parsing() {
    for (wire, kind) in [
        (&b"650 CIRC 1 BUILT\r\n"[..], &b"CIRC"[..]),
        (b"650 DESCCHANGED\r\n", b"DESCCHANGED"),
        (b"650-CONF_CHANGED\r\n650-Nickname=x\r\n650 OK\r\n", b"CONF_CHANGED"),
        (b"650+NS\r\nr x\r\n.\r\n650 OK\r\n", b"NS"),
        (b"650+HS_DESC_CONTENT a b c\r\n\r\n.\r\n650 OK\r\n", b"HS_DESC_CONTENT"),
        (b"650 \r\n", b""),
    ] {
        let reply = reply(wire);
        assert_eq!(kind_name(&reply), kind);
        let event = Event::parse(reply, SystemTime::UNIX_EPOCH);
        assert_eq!(event.kind().as_str().as_bytes(), kind);
    }
}

#[test]
fn time_and_text() {
    let arrived = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
    let wire = b"650+NS\r\nr one\r\n..two\r\n.\r\n650 OK\r\n";
    let event = Event::parse(reply(wire), arrived);
    assert_eq!(event.arrived(), arrived);
    assert_eq!(event.text(), "NS\nr one\n.two\nOK");
    assert_eq!(event.reply().len(), 2);
    let conf =
        Event::parse(reply(b"650-CONF_CHANGED\r\n650-HashedControlPassword=16:AB\r\n650 OK\r\n"), arrived);
    assert_eq!(conf.text(), "CONF_CHANGED\nHashedControlPassword=16:AB\nOK");
    assert!(!format!("{conf:?} {conf}").contains("16:AB"));
}

/// Kinds that have a form, so that the parsers see more than the first word.
fn kinds() -> impl Strategy<Value = String> {
    let known = (0..EventKind::KNOWN.len()).prop_map(|number| EventKind::KNOWN[number].to_string());
    prop_oneof![3 => known, 1 => "[!-~]{0,10}"]
}

/// Words that are almost right.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let keys = "(REASON|REMOTE_REASON|PURPOSE|TIME_CREATED|SOCKS_PASSWORD|SOCKS_USERNAME|CONFLUX_ID|CONFLUX_RTT|\
                HS_POW|BUILD_FLAGS|ISO_FIELDS|SOURCE_ADDR|SUMMARY|PROGRESS|OLD_TIME_CREATED|X)=";
    let piece = prop_oneof![
        keys.prop_map(String::into_bytes),
        "[0-9]{1,5}|BUILT|NEW|NOTICE|BOOTSTRAP|\\$[0-9A-F]{40}~a|2026-11-21T01:54:30\\.[0-9]{0,12}"
            .prop_map(String::into_bytes),
        "[ \"\\\\:,.$=]{1,3}".prop_map(String::into_bytes),
        proptest::collection::vec(
            any::<u8>().prop_filter("no line end", |b| !matches!(b, b'\r' | b'\n')),
            0..6
        ),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_comes_is_an_event(kind in kinds(), rest in words(), more in proptest::collection::vec(words(), 0..3)) {
        let first = [kind.as_bytes(), b" ", &rest].concat();
        let mut wire = Vec::new();
        for line in [&first].into_iter().chain(&more) {
            wire.extend([b"650-", line.as_slice(), b"\r\n"].concat());
        }
        wire.extend(b"650 OK\r\n");
        let mut all = events(&wire);
        prop_assert_eq!(all.len(), 1);
        let event = all.remove(0);
        prop_assert_eq!(event.kind().as_str(), &kind);
        prop_assert_eq!(kind_name(event.reply()), kind.as_bytes());
        let lines: Vec<Vec<u8>> = event.reply().lines().map(|line| line.text.to_vec()).collect();
        prop_assert_eq!(&lines[0], &first);
        prop_assert_eq!(event.text(), String::from_utf8_lossy(&lines.join(&b'\n')).into_owned());
        // Nor do these fail.
        let _ = format!("{event} {event:?} {:?}", event.body());
        match event.body() {
            EventBody::Circ(circuit) => { let _ = (circuit.to_string(), circuit.rend_address()); }
            EventBody::Stream(stream) => { let _ = (stream.to_string(), stream.source_socket_addr()); }
            EventBody::StatusClient(status) => { let _ = status.bootstrap().map(|b| b.to_string()); }
            _ => {}
        }
    }
}
