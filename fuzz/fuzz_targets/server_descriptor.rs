//! Parses server descriptors, both as a single document and as a sequence.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{ExitPolicy, ServerDescriptor};

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (ServerDescriptor::parse(data), ServerDescriptor::parse_strict(data));
    let is_complete = common::begins_with(data, "router");
    common::check(data, is_complete, &lenient, &strict, |relay| relay.skipped().to_vec());
    if let Ok(relay) = &lenient {
        common::use_items(relay.unknown_items());
        assert!(data.ends_with(relay.text()) || data.contains(&b'@'));
        let policy = relay.exit_policy().unwrap_or_else(|_| ExitPolicy::default());
        let _ = (policy.summary_v4(), relay.family().len());
        for history in [relay.read_history, relay.write_history].into_iter().flatten() {
            let _ = history.values().count();
        }
    }
    if let Ok(relay) = &strict {
        assert!(relay.digest().is_some() || !relay.is_sanitized());
        assert!(lenient.is_ok_and(|relay| relay.exit_policy().is_ok()));
    }
    // No document in a file is lost, whatever is in it.
    let all = ServerDescriptor::parse_all(data).inspect(|relay| assert!(relay.text().len() >= 6));
    assert_eq!(all.count(), ServerDescriptor::parse_all(data).strict().count());
});
