//! Parses values of GETINFO that consist of several words. Any bytes must be
//! parsed or refused, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape_proto::info::{AddressMapping, ConfigName, DownloadStatus, EntryGuard, InfoName};

fuzz_target!(|data: &[u8]| {
    if let Some(mapping) = AddressMapping::parse(data) {
        assert!(mapping.to_string().contains(" -> "));
    }
    if let Some(guard) = EntryGuard::parse(data) {
        let _ = format!("{guard:?}");
    }
    if let Some(option) = ConfigName::parse(data) {
        assert!(!option.name.is_empty());
    }
    if let Some(key) = InfoName::parse(data) {
        assert!(!format!("{key:?}").is_empty());
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = DownloadStatus::parse(text);
    }
});
