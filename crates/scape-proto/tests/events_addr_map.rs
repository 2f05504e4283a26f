//! Tests the parsing of ADDRMAP events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::{Duration, SystemTime};

use scape_proto::event::{AddrMapEvent, EventBody};
use scape_proto::word::{Expiry, StreamId};
use support::event::event;

fn addr_map(line: &str) -> AddrMapEvent {
    let event = event(format!("ADDRMAP {line}"));
    let EventBody::AddrMap(mapping) = event.body() else { panic!("{event}") };
    mapping.clone()
}

fn nothing_unread(mapping: &AddrMapEvent) -> bool {
    mapping.extra.is_empty() && mapping.extra_words.is_empty()
}

#[test]
fn addr_map_that_never_expires() {
    for (from, to) in [
        ("x.example", "1.2.3.4"),
        ("127.223.226.129", "www.torproject.org"),
        ("[fe8f:9935:72d0:bc8e:f984:f6d5:8277:7e3d]", "www.torproject.org"),
        // tor sends these events for `MAPADDRESS *.e.example=*.f.example`.
        ("e.example", "f.example"),
        (".e.example", "f.example"),
        ("*.e.example", "*.f.example"),
    ] {
        let mapping = addr_map(&format!("{from} {to} NEVER CACHED=\"YES\""));
        assert_eq!((mapping.from.as_str(), mapping.to.as_deref()), (from, Some(to)));
        assert_eq!((&mapping.expires, &mapping.expires_local), (&Expiry::Never, &None));
        assert_eq!((mapping.cached, mapping.stream, &mapping.error), (Some(true), None, &None));
        assert!(nothing_unread(&mapping) && !mapping.is_failure());
        assert_eq!(mapping.to_string(), format!("{from} -> {to}"));
    }
}

#[test]
fn addr_map_without_a_target() {
    let mapping = addr_map("a.com  NEVER CACHED=\"YES\"");
    assert_eq!((mapping.from.as_str(), &mapping.to), ("a.com", &None));
    assert_eq!(
        (&mapping.expires, mapping.cached, mapping.is_failure()),
        (&Expiry::Never, Some(true), false)
    );
    assert!(nothing_unread(&mapping));
    assert_eq!(mapping.to_string(), "a.com -> nothing");
}

#[test]
fn addr_map_of_a_resolve_has_the_time_of_expires() {
    let mapping = addr_map(
        "x.example 1.2.3.4 \"2026-11-20 21:13:04\" EXPIRES=\"2026-11-21 02:13:04\" CACHED=\"NO\" STREAMID=7",
    );
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_227_184);
    assert_eq!((&mapping.expires, mapping.expires.time()), (&Expiry::At(time), Some(time)));
    assert_eq!(mapping.expires_local.as_deref(), Some("2026-11-20 21:13:04"));
    assert_eq!((mapping.cached, mapping.stream), (Some(false), Some(StreamId::new(7))));
    assert!(nothing_unread(&mapping) && !mapping.is_failure());
    assert_eq!(mapping.to_string(), "x.example -> 1.2.3.4, until 2026-11-21 02:13:04");
}

#[test]
fn addr_map_of_a_failed_resolve() {
    let times = "EXPIRES=\"2026-11-21 02:12:34\" CACHED=\"NO\" STREAMID=7";
    let failed = addr_map(&format!("i.exit <error> \"2026-11-21 02:12:34\" error=yes {times}"));
    assert_eq!(
        (failed.from.as_str(), &failed.to, failed.error.as_deref()),
        ("i.exit", &None, Some("yes"))
    );
    assert!(failed.is_failure() && nothing_unread(&failed));
    assert_eq!(failed.to_string(), "i.exit -> nothing (error: yes)");
    let internal =
        addr_map(&format!("x.example x.example \"2026-11-21 02:12:34\" internal {times}"));
    assert_eq!(
        (internal.to.as_deref(), internal.error.as_deref()),
        (Some("x.example"), Some("internal"))
    );
    assert!(internal.is_failure() && nothing_unread(&internal));
    assert_eq!(internal.stream, Some(StreamId::new(7)));
    let never = addr_map("x.example <error> NEVER error=yes CACHED=\"NO\" STREAMID=7");
    assert!(never.is_failure() && never.expires == Expiry::Never);
}

#[test]
fn addr_map_of_older_tors_has_local_time_only() {
    let mapping = addr_map("x.example 1.2.3.4 \"2008-11-20 21:13:04\"");
    assert_eq!(mapping.expires, Expiry::Other("2008-11-20 21:13:04".into()));
    assert_eq!((mapping.expires.time(), mapping.cached, mapping.stream), (None, None, None));
    assert_eq!(mapping.expires_local.as_deref(), Some("2008-11-20 21:13:04"));
    assert_eq!(mapping.to_string(), "x.example -> 1.2.3.4, until 2008-11-20 21:13:04 local time");
}

#[test]
fn addr_map_keeps_unknown_and_malformed_words() {
    let mapping = addr_map(
        "a b \"2026-11-20 21:13:04\" odd EXPIRES=\"soon\" CACHED=\"MAYBE\" STREAMID=x COLOUR=red other",
    );
    assert_eq!(mapping.expires, Expiry::Other("2026-11-20 21:13:04".into()));
    let extra = [("EXPIRES", "soon"), ("CACHED", "MAYBE"), ("STREAMID", "x"), ("COLOUR", "red")];
    assert_eq!(mapping.extra, extra.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(mapping.extra_words, ["odd", "other"]);
    assert_eq!((mapping.cached, mapping.stream, mapping.is_failure()), (None, None, false));
}

#[test]
fn addr_map_without_addresses_or_expiry_is_an_unknown_event() {
    for line in [
        "ADDRMAP",
        "ADDRMAP a",
        "ADDRMAP a b",
        "ADDRMAP a b ",
        "ADDRMAP a b soon",
        "ADDRMAP  b NEVER",
        "ADDRMAP a NEVER CACHED=\"YES\"",
        "ADDRMAP a b \"2026-11-20",
    ] {
        assert_eq!(event(line).body(), &EventBody::Unknown, "{line:?}");
    }
}
