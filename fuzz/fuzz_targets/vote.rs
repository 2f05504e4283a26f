//! Parses votes: the header, the certificate, all entries and the footer.
#![no_main]

mod common;
#[path = "common/relays.rs"]
mod relays;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{LineProblem, Vote};

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (Vote::parse(data), Vote::parse_strict(data));
    common::check(data, false, &lenient, &strict, |vote| vote.skipped().to_vec());
    // A text with this beginning is refused only for its version or its status.
    if let (Err(error), true) = (&lenient, common::begins_with(data, "network-status-version")) {
        let is_fixed = matches!(error.keyword(), "network-status-version" | "vote-status");
        assert!(is_fixed && error.problem() != LineProblem::Start, "{error}");
    }
    let Ok(vote) = lenient else { return };
    common::use_items(vote.unknown_items());
    relays::use_relays(&vote.relays());
    for entry in vote.relays() {
        let _ = entry.vote_microdescriptors().filter_map(|digest| digest.sha256()).count();
    }
    for (name, _) in vote.params.iter().take(9) {
        assert!(vote.param(name).is_some());
    }
    assert_eq!(vote.digest_sha1().is_some(), vote.signed_text().is_some());
    let _ = (vote.digest_sha256(), vote.bandwidth_file_sha256(), vote.text());
    if let Some(certificate) = &vote.certificate {
        let _ = (certificate.digest_sha1(), certificate.identity_key_fingerprint());
    }
    if let Ok(vote) = strict {
        assert!(vote.relays().strict().all(|entry| entry.is_ok()));
    }
});
