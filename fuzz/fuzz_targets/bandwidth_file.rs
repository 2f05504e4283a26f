//! Parses bandwidth files. A valid one is written again, and the written file
//! must have the same content.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{
    BandwidthFile, BandwidthFileBuilder, BandwidthFileVersion, BandwidthValue,
};

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (BandwidthFile::parse(data), BandwidthFile::parse_strict(data));
    common::check(data, false, &lenient, &strict, |file| file.skipped().to_vec());
    let Ok(file) = lenient else {
        // Only the first line can be wrong.
        assert_eq!(lenient.err().and_then(|error| error.line()), Some(1));
        return;
    };
    for (key, _) in file.header().take(9) {
        assert!(file.header_value(key).is_some());
    }
    let _ = (file.unknown_header().count(), file.destinations_countries().count(), file.digest());
    for relay in file.relays() {
        assert!(relay.fingerprint.is_some() || relay.ed25519.is_some());
        common::show(&relay);
        let _ = (relay.nick(), relay.time(), relay.vote(), relay.unmeasured(), relay.scanner());
        let _ = (relay.under_min_report(), relay.consensus_bandwidth_is_unmeasured());
        let _ = (relay.measured_at(), relay.updated_at(), relay.rtt(), relay.r_strm());
        relay.pairs().take(9).for_each(|(key, _)| assert!(relay.get(key).is_some()));
    }
    if let Ok(file) = strict {
        check_written(&file);
    }
});

/// Writes a file with the same content and compares them. Does nothing if the
/// builder refuses a key, because the file's version doesn't have it.
fn check_written(file: &BandwidthFile<'_>) {
    let has_header = file.version >= BandwidthFileVersion::new(1, 1, 0);
    if !has_header && file.header().next().is_some() {
        // Nothing is written into a header that the version doesn't have.
        return;
    }
    let mut builder = BandwidthFileBuilder::new(file.version, file.timestamp);
    for (key, value) in file.header() {
        if key != "version" && builder.header(key, value).is_err() {
            return;
        }
    }
    for relay in file.relays() {
        let pairs: Vec<(&str, BandwidthValue)> =
            relay.pairs().map(|(key, value)| (key, value.into())).collect();
        if builder.relay(&pairs).is_err() {
            return;
        }
    }
    let text = builder.to_string();
    let written = BandwidthFile::parse_strict(text.as_bytes()).expect("what is written is valid");
    let json = |file: &BandwidthFile<'_>| serde_json::to_string(file).expect("JSON");
    assert_eq!(json(&written), json(file));
    assert!(has_header || written.header().next().is_none());
    let others = |file: &BandwidthFile<'_>| -> Vec<(String, String)> {
        file.header()
            .filter(|(key, _)| *key != "version")
            .map(|(k, v)| (k.into(), v.into()))
            .collect()
    };
    assert_eq!(others(&written), others(file));
    // Writing the values a second time changes nothing.
    assert_eq!(
        written.relays().map(|relay| relay.text().to_owned()).collect::<Vec<_>>().join("\n"),
        text.lines()
            .skip(if has_header { 3 + others(file).len() } else { 1 })
            .collect::<Vec<_>>()
            .join("\n")
    );
}
