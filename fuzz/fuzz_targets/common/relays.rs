//! Functions that read relays' entries in consensuses and votes, and check the
//! results.

use scape_proto::netdoc::{Relay, RouterStatus, RouterStatuses};

use crate::common::show;

/// Reads all entries by each of the three iterators, which must find the same
/// entries.
pub fn use_relays(relays: &RouterStatuses<'_>) {
    let mut lenient = relays.clone();
    let entries: Vec<RouterStatus<'_>> = lenient.by_ref().collect();
    let results: Vec<_> = relays.clone().results().collect();
    assert_eq!(results.len(), entries.len() + lenient.skipped());
    assert!(results.iter().flatten().eq(&entries));
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        let _ = (error.to_string(), error.line().len(), error.position(), error.problem());
    }
    let strict: Vec<_> = relays.clone().strict().collect();
    assert_eq!(strict.len(), results.len());
    for (strict, result) in strict.iter().zip(&results) {
        match strict {
            Ok(strict) => assert_eq!(result.as_ref().ok(), Some(strict)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    entries.iter().for_each(use_relay);
}

/// Calls every method of an entry, to check that none panics.
pub fn use_relay(status: &RouterStatus<'_>) {
    show(status);
    let _ = (status.bandwidth_words().count(), status.version_text(), status.protocols_text());
    let _ = (status.policy_text(), status.unknown_lines().count(), status.to_string());
    assert_eq!(status.lines().count(), status.text().split_inclusive(|b| *b == b'\n').count());
    let relay = Relay::from(status);
    show(&relay);
    let _ = (relay.to_string(), relay.name());
    assert_eq!(relay.fingerprint(), status.fingerprint());
    assert_eq!(relay.nickname(), status.nickname());
    assert_eq!((relay.flags(), relay.bandwidth()), (status.flags(), status.bandwidth()));
    assert_eq!(
        (relay.policy().cloned(), relay.version().cloned()),
        (status.policy(), status.version())
    );
    assert_eq!(relay.other_addresses(), status.other_addresses().collect::<Vec<_>>());
}
