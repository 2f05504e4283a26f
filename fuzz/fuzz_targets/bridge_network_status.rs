//! Parses network statuses of a bridge authority.
#![no_main]

mod common;
#[path = "common/relays.rs"]
mod relays;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::BridgeNetworkStatus;

fuzz_target!(|data: &[u8]| {
    let lenient = BridgeNetworkStatus::parse(data);
    let strict = BridgeNetworkStatus::parse_strict(data);
    // Annotations at the start are left out, but not those between the lines.
    let is_complete = common::begins_with(data, "published");
    common::check(data, is_complete, &lenient, &strict, |status| status.skipped().to_vec());
    let Ok(status) = lenient else { return };
    common::use_items(status.unknown_items());
    relays::use_relays(&status.bridges());
    assert!(data.ends_with(status.text()));
});
