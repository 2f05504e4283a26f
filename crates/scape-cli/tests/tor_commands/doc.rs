use std::fs;

use crate::real_tor::RealTor;
use crate::run::Scape;

#[test]
fn countries_of_a_consensus_are_asked_from_tor() {
    // All relays are at 127.0.0.1, so this database puts them in Germany.
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "2130706432,2147483647,DE\n").unwrap();
    let tor = RealTor::start(&format!("GeoIPFile {}\n", file.path().display()));
    let summary = || {
        let summary = Scape::new(["doc", "summary", "--ask-tor"]).control(tor.port());
        summary.arg("../scape-proto/tests/data/documents/consensus-ns")
    };
    let values = summary().json();
    assert_eq!(values[0]["counts"]["countries"], serde_json::json!({"de": 10}));
    assert_eq!(values[0]["counts"]["bandwidth_by_country"], serde_json::json!({"de": 15000}));
    let text = summary().ok();
    assert!(text.contains("\n\nCountries\n  de  10  100.0 %  ##"), "{text}");
}
