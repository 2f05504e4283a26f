//! Parses first layers of onion service descriptors.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::onion::FirstLayer;

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (FirstLayer::parse(data), FirstLayer::parse_strict(data));
    // Annotations have no meaning inside of a layer.
    let is_complete = common::begins_with(data, "desc-auth-type")
        && !data.starts_with(b"@")
        && !contains(data, b"\n@")
        && !data.contains(&0);
    common::check(data, is_complete, &lenient, &strict, |layer| layer.skipped().to_vec());
    let Ok(layer) = lenient else { return };
    common::use_items(layer.unknown_items());
    assert!(data.starts_with(layer.text()));
});

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
