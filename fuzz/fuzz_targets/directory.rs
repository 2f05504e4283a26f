//! Parses the documents of a directory. Parsing any bytes must end, and a
//! directory must contain each relay only once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{
    BridgeNetworkStatus, Consensus, ConsensusDiff, DetachedSignatures, Directory, DirectoryList,
    KeyCertificate, Microdescriptor, NetworkStatusV2, Relay, RouterStatus, Vote,
};

fuzz_target!(|data: &[u8]| {
    let entries: Vec<Relay> = RouterStatus::parse_all(data).map(Relay::from).collect();
    let results = RouterStatus::parse_all(data).results();
    assert_eq!(results.filter(Result::is_ok).count(), entries.len());
    for micro in Microdescriptor::parse_all(data) {
        let _ = format!("{micro:?}");
    }
    let _ = (Consensus::parse(data), Consensus::parse_strict(data));
    let _ = (Vote::parse(data), Vote::parse_strict(data), DetachedSignatures::parse(data));
    let _ = (NetworkStatusV2::parse(data), BridgeNetworkStatus::parse_strict(data));
    assert!(KeyCertificate::parse_all(data).count() <= data.len());
    if let Ok(diff) = ConsensusDiff::parse(data) {
        let _ = diff.apply(data);
    }
    let list = DirectoryList::parse(data);
    let _ = (list.authorities().count(), list.fallbacks().count());
    let half = data.len() / 2;
    for (consensus, micros) in [(data, data), data.split_at(half)] {
        if let Ok(directory) = Directory::parse(consensus, micros) {
            assert!(directory.relays().is_sorted_by(|a, b| a.fingerprint() < b.fingerprint()));
        }
    }
});
