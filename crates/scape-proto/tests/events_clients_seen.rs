//! Tests the parsing of CLIENTS_SEEN events, and of the value of
//! `GETINFO status/clients-seen`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::{Duration, SystemTime};

use scape_proto::event::{ClientsSeen, EventBody};
use support::event::event;

fn clients_seen(line: &str) -> ClientsSeen {
    let event = event(format!("CLIENTS_SEEN {line}"));
    let EventBody::ClientsSeen(seen) = event.body() else { panic!("{event}") };
    assert_eq!(ClientsSeen::parse(line.as_bytes()).as_ref(), Some(seen));
    seen.clone()
}

fn counts(counts: &[(String, u64)]) -> Vec<(&str, u64)> {
    counts.iter().map(|(name, count)| (name.as_str(), *count)).collect()
}

#[test]
fn clients_seen_fields_are_parsed() {
    let seen = clients_seen(
        "TimeStarted=\"2026-11-21 01:51:21\" CountrySummary=us=16,de=8,??=8 IPVersions=v4=16,v6=40",
    );
    assert_eq!(seen.started, SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_225_881));
    assert_eq!(counts(&seen.countries), [("us", 16), ("de", 8), ("??", 8)]);
    assert_eq!(counts(&seen.ip_versions), [("v4", 16), ("v6", 40)]);
    assert!(seen.extra.is_empty() && seen.extra_words.is_empty());
    assert_eq!(seen.to_string(), "clients: us 16, de 8, ?? 8");
}

#[test]
fn clients_seen_without_clients_and_of_older_tors() {
    let nobody =
        clients_seen("TimeStarted=\"2026-11-21 01:51:21\" CountrySummary= IPVersions=v4=0,v6=0");
    assert_eq!(
        (counts(&nobody.countries), counts(&nobody.ip_versions)),
        (vec![], vec![("v4", 0), ("v6", 0)])
    );
    let older = clients_seen("TimeStarted=\"2008-12-25 23:50:43\" CountrySummary=us=16");
    assert_eq!((counts(&older.countries), counts(&older.ip_versions)), (vec![("us", 16)], vec![]));
}

#[test]
fn clients_seen_keeps_unknown_and_malformed_words() {
    let seen = clients_seen(
        "odd TimeStarted=\"2026-11-21 01:51:21\" CountrySummary=us IPVersions=v4=x Tea=green",
    );
    let extra = [("CountrySummary", "us"), ("IPVersions", "v4=x"), ("Tea", "green")];
    assert_eq!(seen.extra, extra.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!((seen.extra_words, counts(&seen.countries)), (vec!["odd".to_owned()], vec![]));
    for line in [
        "CLIENTS_SEEN",
        "CLIENTS_SEEN CountrySummary=us=8",
        "CLIENTS_SEEN TimeStarted=\"yesterday\"",
    ] {
        assert_eq!(event(line).body(), &EventBody::Unknown, "{line:?}");
    }
}
