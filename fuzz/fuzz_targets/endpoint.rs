//! Parses and writes endpoint strings. A written endpoint must be parsed to the
//! same endpoint, and no secret may be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape::endpoint::Endpoint;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            let exposed = endpoint.expose();
            assert_eq!(exposed.parse().as_ref(), Ok(&endpoint));
            let shown = endpoint.to_string();
            assert_eq!(shown.parse::<Endpoint>().is_ok(), shown == *exposed);
        }
        Err(error) => assert!(
            text.is_char_boundary(error.position().unwrap()) && !error.to_string().is_empty()
        ),
    }
});
