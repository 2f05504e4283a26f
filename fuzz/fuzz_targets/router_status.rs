//! Parses relays' entries without the consensus or vote around them.
#![no_main]

mod common;
#[path = "common/relays.rs"]
mod relays;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{DocumentText, RouterStatus};

fuzz_target!(|data: &[u8]| {
    relays::use_relays(&RouterStatus::parse_all(data));
    let strict = RouterStatus::parse_strict(data);
    let text = DocumentText::<RouterStatus<'static>>::new(data.to_vec());
    assert_eq!(text.documents().count(), RouterStatus::parse_all(data).count());
    assert_eq!(text.parse_strict(), strict);
    match strict {
        Ok(status) => {
            relays::use_relay(&status);
            assert_eq!(text.parse(), Ok(status));
        }
        Err(error) => common::check_errors(data, [&error]),
    }
});
