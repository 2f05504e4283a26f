//! Parses detached signatures of a consensus.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::DetachedSignatures;

fuzz_target!(|data: &[u8]| {
    let lenient = DetachedSignatures::parse(data);
    let strict = DetachedSignatures::parse_strict(data);
    let is_complete = common::begins_with(data, "consensus-digest");
    common::check(data, is_complete, &lenient, &strict, |all| all.skipped().to_vec());
    if let Ok(signatures) = &lenient {
        common::use_items(signatures.unknown_items());
        assert!(signatures.text().len() <= data.len());
    }
});
