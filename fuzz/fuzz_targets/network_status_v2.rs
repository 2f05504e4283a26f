//! Parses network statuses of version 2.
#![no_main]

mod common;
#[path = "common/relays.rs"]
mod relays;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{LineProblem, NetworkStatusV2};

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (NetworkStatusV2::parse(data), NetworkStatusV2::parse_strict(data));
    common::check(data, false, &lenient, &strict, |status| status.skipped().to_vec());
    // A text with this beginning is refused only for its version.
    if let (Err(error), true) = (&lenient, common::begins_with(data, "network-status-version")) {
        assert_eq!(error.keyword(), "network-status-version");
        assert_ne!(error.problem(), LineProblem::Start);
    }
    let Ok(status) = lenient else { return };
    common::use_items(status.unknown_items());
    relays::use_relays(&status.relays());
    assert_eq!(status.digest_sha1().is_some(), status.signed_text().is_some());
    assert!(data.ends_with(status.text()));
});
