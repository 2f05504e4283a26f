//! Parses microdescriptors, both as a single document and as a sequence.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::Microdescriptor;

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (Microdescriptor::parse(data), Microdescriptor::parse_strict(data));
    let is_complete = common::begins_with(data, "onion-key");
    common::check(data, is_complete, &lenient, &strict, Microdescriptor::skipped);
    let mut length = 0;
    let all: Vec<_> = Microdescriptor::parse_all(data).collect();
    for relay in &all {
        common::use_items(relay.unknown_items());
        common::show(relay);
        let _ = (relay.onion_key(), relay.identities().count(), relay.skipped().len());
        let _ = (relay.family_text(), relay.family_ids_text(), relay.policy_text());
        let _ = (relay.policy_v6_text(), relay.lines().count());
        assert!(relay.ipv6().is_none() || relay.other_addresses().next().is_some());
        length += relay.text().len();
        // Each of them is a document by itself.
        assert_eq!(Microdescriptor::parse(relay.text()).as_ref(), Ok(relay));
    }
    assert!(length <= data.len());
    assert_eq!(all.len(), Microdescriptor::parse_all(data).strict().count());
});
