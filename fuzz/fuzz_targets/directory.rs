//! Directory documents: whatever comes is read without an end, and nothing is
//! counted twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{Consensus, Directory, Microdescriptor, Relay, RouterStatus};

fuzz_target!(|data: &[u8]| {
    let entries: Vec<Relay> = RouterStatus::parse_all(data).map(Relay::from).collect();
    let results = RouterStatus::parse_all(data).results();
    assert_eq!(results.filter(Result::is_ok).count(), entries.len());
    for micro in Microdescriptor::parse_all(data) {
        let _ = format!("{micro:?}");
    }
    let _ = Consensus::parse(data);
    let half = data.len() / 2;
    for (consensus, micros) in [(data, data), data.split_at(half)] {
        if let Ok(directory) = Directory::parse(consensus, micros) {
            assert!(directory.relays().is_sorted_by(|a, b| a.fingerprint() < b.fingerprint()));
        }
    }
});
