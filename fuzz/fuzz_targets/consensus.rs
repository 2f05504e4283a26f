//! Parses consensuses: the header, all entries, the footer, and the directory
//! that is made from them.
#![no_main]

mod common;
#[path = "common/relays.rs"]
mod relays;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::onion::HsDirParams;
use scape_proto::netdoc::{Consensus, Directory, LineProblem};

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (Consensus::parse(data), Consensus::parse_strict(data));
    common::check(data, false, &lenient, &strict, |consensus| consensus.skipped().to_vec());
    // A text with this beginning is refused only for its version or its status.
    if let (Err(error), true) = (&lenient, common::begins_with(data, "network-status-version")) {
        let is_fixed = matches!(error.keyword(), "network-status-version" | "vote-status");
        assert!(is_fixed && error.problem() != LineProblem::Start, "{error}");
    }
    let Ok(consensus) = lenient else { return };
    common::use_items(consensus.unknown_items());
    relays::use_relays(&consensus.relays());
    let lines = consensus.header_lines().count() + consensus.footer_lines().count();
    assert!(lines <= data.split_inclusive(|b| *b == b'\n').count());
    for (name, _) in consensus.params.iter().take(9) {
        assert!(consensus.param(name).is_some());
    }
    for (name, value) in consensus.bandwidth_weights.iter().take(9) {
        assert!(value <= consensus.bandwidth_weights.scale());
        assert!(consensus.bandwidth_weights.get(name).is_some());
    }
    assert_eq!(consensus.digest_sha1().is_some(), consensus.signed_text().is_some());
    assert_eq!(consensus.digest_sha256().is_some(), consensus.signed_text().is_some());
    let _ = (consensus.digest_sha3(), consensus.digest_sha3_signed());
    let _ = consensus.dir_sources.iter().map(|source| source.is_legacy()).count();
    if let Some(params) = HsDirParams::new(&consensus) {
        let _ = (params.period(), params.fetch(), params.uploads());
    }
    let entries = consensus.relays().count();
    if let Ok(directory) = Directory::parse(data, data) {
        assert!(directory.relays().is_sorted_by(|a, b| a.fingerprint() < b.fingerprint()));
        assert!(directory.relays().len() + directory.skipped() >= entries);
        common::show(&directory);
        for relay in directory.relays() {
            assert!(directory.named(relay.nickname()).next().is_some());
            assert!(directory.relay(relay.fingerprint()).is_some());
        }
    }
    if let Ok(consensus) = strict {
        assert!(consensus.relays().strict().all(|entry| entry.is_ok()));
    }
});
