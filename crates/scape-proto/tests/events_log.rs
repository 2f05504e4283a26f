//! Tests the parsing of log messages: DEBUG, INFO, NOTICE, WARN and ERR events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use scape_proto::event::{Event, EventBody, EventKind, Severity};
use support::event::events;

fn message(event: &Event) -> &str {
    let EventBody::Log(log) = event.body() else { panic!("{event}") };
    assert_eq!(log.severity.as_str(), event.kind().as_str());
    &log.message
}

fn only(wire: &[u8]) -> Event {
    let mut events = events(wire);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn log_event_of_every_level_is_parsed() {
    for (kind, severity) in EventKind::LOGS.iter().zip(Severity::KNOWN) {
        let event =
            only(format!("650 {kind} channel_x(): Something  happened. \"So\" A=1\r\n").as_bytes());
        let EventBody::Log(log) = event.body() else { panic!("{event}") };
        assert_eq!((event.kind(), &log.severity), (kind, severity));
        assert_eq!(log.message, "channel_x(): Something  happened. \"So\" A=1");
    }
}

#[test]
fn log_message_that_ends_like_a_reply_is_kept_whole() {
    for text in
        ["Connection to OK", "unable to LOOK", "OK", "K", "", " indented", "ends with .", "ONO"]
    {
        let event = only(format!("650 WARN {text}\r\n").as_bytes());
        assert_eq!(message(&event), text);
    }
    assert_eq!(message(&only(b"650 ERR\r\n")), "");
}

#[test]
fn log_message_of_several_lines_is_kept_whole() {
    let cases: [(&[u8], &str); 7] = [
        (b"650+WARN\r\nfirst line\r\nsecond\r\n.\r\n650 OK\r\n", "first line\nsecond"),
        (b"650+WARN\r\nunable to LOOK\r\nOK\r\n.\r\n650 OK\r\n", "unable to LOOK\nOK"),
        (
            b"650+WARN with a head\r\n..dot\r\n\r\nend\r\n.\r\n650 OK\r\n",
            "with a head\n.dot\n\nend",
        ),
        (b"650+WARN\r\n.\r\n650 OK\r\n", ""),
        (b"650-WARN\r\n650-first\r\n650-is it OK\r\n650 OK\r\n", "first\nis it OK"),
        (b"650-WARN first\r\n650-\r\n650 last\r\n", "first\n\nlast"),
        (b"650-WARN OK\r\n650 OK\r\n", "OK"),
    ];
    for (wire, expected) in cases {
        assert_eq!(message(&only(wire)), expected, "{:?}", String::from_utf8_lossy(wire));
    }
}

#[test]
fn log_message_that_is_not_utf_8_is_displayed() {
    let event = only(b"650 NOTICE caf\xe9 \xff.\r\n");
    assert_eq!(message(&event), "caf\u{fffd} \u{fffd}.");
    assert_eq!(event.text(), "NOTICE caf\u{fffd} \u{fffd}.");
    assert_eq!(event.reply().first().text, b"NOTICE caf\xe9 \xff.");
}
