//! Tests the parsing of BUILDTIMEOUT_SET events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use scape_proto::event::{BuildTimeoutChange, BuildTimeoutSet, EventBody};
use support::event::event;

fn build_timeout(line: &str) -> BuildTimeoutSet {
    let event = event(format!("BUILDTIMEOUT_SET {line}"));
    let EventBody::BuildTimeoutSet(set) = event.body() else { panic!("{event}") };
    set.clone()
}

#[test]
fn build_timeout_fields_are_parsed() {
    let set = build_timeout(
        "COMPUTED TOTAL_TIMES=124 TIMEOUT_MS=9019 XM=1375 ALPHA=0.855662 CUTOFF_QUANTILE=0.800000 \
         TIMEOUT_RATE=0.137097 CLOSE_MS=21850 CLOSE_RATE=0.072581",
    );
    assert_eq!((&set.change, set.total_times), (&BuildTimeoutChange::Computed, Some(124)));
    assert_eq!(
        (set.timeout, set.close),
        (Some(Duration::from_millis(9019)), Some(Duration::from_millis(21850)))
    );
    assert_eq!((set.xm, set.alpha), (Some(Duration::from_millis(1375)), Some(0.855_662)));
    assert_eq!((set.cutoff_quantile, set.timeout_rate), (Some(0.8), Some(0.137_097)));
    assert_eq!(set.close_rate, Some(0.072_581));
    assert!(set.extra.is_empty() && set.extra_words.is_empty());
    assert_eq!(set.to_string(), "COMPUTED: 9.019s");
}

#[test]
fn build_timeout_reset_after_dropguards_is_parsed() {
    let set = build_timeout(
        "RESET TOTAL_TIMES=0 TIMEOUT_MS=60000 XM=0 ALPHA=0.000000 CUTOFF_QUANTILE=1.000000 TIMEOUT_RATE=0.000000 \
         CLOSE_MS=60000 CLOSE_RATE=0.000000",
    );
    assert_eq!(
        (&set.change, set.timeout),
        (&BuildTimeoutChange::Reset, Some(Duration::from_secs(60)))
    );
    assert_eq!((set.alpha, set.cutoff_quantile), (Some(0.0), Some(1.0)));
}

#[test]
fn build_timeout_of_every_change_and_of_older_tors_is_parsed() {
    for change in BuildTimeoutChange::KNOWN.iter().map(|change| change.as_str()).chain(["PONDERED"])
    {
        let set = build_timeout(&format!("{change} TOTAL_TIMES=1 TIMEOUT_MS=2"));
        assert_eq!((set.change.as_str(), set.total_times, set.close), (change, Some(1), None));
    }
    assert_eq!(build_timeout("RESUME").to_string(), "RESUME");
}

#[test]
fn build_timeout_keeps_unknown_and_malformed_words() {
    let set = build_timeout("RESET TIMEOUT_MS=-1 odd ALPHA=big COLOUR=red XM=1");
    let extra = [("TIMEOUT_MS", "-1"), ("ALPHA", "big"), ("COLOUR", "red")];
    assert_eq!(set.extra, extra.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!((set.extra_words, set.xm), (vec!["odd".to_owned()], Some(Duration::from_millis(1))));
    for line in ["BUILDTIMEOUT_SET", "BUILDTIMEOUT_SET ", "BUILDTIMEOUT_SET  RESET"] {
        assert_eq!(event(line).body(), &EventBody::Unknown, "{line:?}");
    }
}

#[test]
fn build_timeout_equality_is_total() {
    let nan = build_timeout("COMPUTED ALPHA=nan");
    assert!(nan.alpha.unwrap().is_nan());
    assert_eq!(nan, nan.clone());
    assert_ne!(build_timeout("COMPUTED ALPHA=0"), build_timeout("COMPUTED ALPHA=-0"));
    assert_ne!(build_timeout("COMPUTED ALPHA=0"), build_timeout("COMPUTED CLOSE_RATE=0"));
    assert_ne!(build_timeout("COMPUTED"), build_timeout("RESET"));
    assert_ne!(build_timeout("COMPUTED XM=1"), build_timeout("COMPUTED CLOSE_MS=1"));
    assert_ne!(build_timeout("COMPUTED A=1"), build_timeout("COMPUTED A=2"));
}
