use std::fs;
use std::path::PathBuf;

use scape::testing::TestNetwork;
use tempfile::TempDir;

use crate::mmdb::{Mmdb, Value};
use crate::scape;

cases! { TABLES:
    relays_are_listed_and_counted = listed,
    relays_are_filtered = filtered,
    relays_have_countries = countries,
    guards_are_listed_with_their_consensus_entries = guards,
}

/// Writes a GeoIP database that places the network's addresses in Germany.
/// Returns a guard that deletes the database's folder when dropped, and the
/// path of the database.
pub(crate) fn geoip_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countries.mmdb");
    let country = Value::Map(vec![("country", Value::Map(vec![("iso_code", Value::Text("DE"))]))]);
    let database = Mmdb::new("GeoLite2-Country", 4, 24).with("127.0.0.0/8", &country);
    fs::write(&file, database.bytes()).unwrap();
    (folder, file)
}

fn listed(network: &TestNetwork) {
    let count = network.relays().count();
    let all = scape(network, ["relays"]).json();
    assert!(all.len() > count, "{all:?}");
    let first = network.relays().next().unwrap();
    let fingerprint = first.fingerprint().unwrap().to_string();
    let relay = all.iter().find(|relay| relay["fingerprint"] == fingerprint.as_str()).unwrap();
    let version = first.controller().version().unwrap().numbers().map(|number| number.to_string());
    assert_eq!(relay["nickname"], first.nickname());
    assert!(relay["version"].as_str().unwrap().starts_with(&version.join(".")), "{relay}");
    assert!(relay["flags"].as_array().unwrap().contains(&"Running".into()), "{relay}");
    assert!(relay["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{relay}");
    assert_eq!(relay["exit_policy"], "accept 1-65535");

    let text = scape(network, ["relays"]).ok();
    assert!(text.starts_with("NICKNAME"), "{text}");
    let line = text.lines().find(|line| line.contains(&fingerprint)).unwrap();
    assert!(line.starts_with(first.nickname()) && line.contains("Running"), "{line}");

    let counted = scape(network, ["relays", "--count"]).ok();
    assert_eq!(counted, format!("{}\n", all.len()));
    let counted = scape(network, ["relays", "--count"]).json();
    assert_eq!(counted, [serde_json::json!({"count": all.len()})]);
    assert_eq!(scape(network, ["relays", "--limit", "2"]).json().len(), 2);
    let text = scape(network, ["relays", "--sort", "nickname", "--reverse", "--limit", "1"]).ok();
    assert!(text.lines().nth(1).unwrap().starts_with("relay"), "{text}");
}

fn filtered(network: &TestNetwork) {
    let count = |words: &[&str]| -> usize {
        let scape =
            words.iter().fold(scape(network, ["relays", "--count"]), |scape, word| scape.arg(word));
        scape.ok().trim().parse().unwrap()
    };
    let all = count(&[]);
    let exits = count(&["--flag", "Exit"]);
    let authorities = count(&["--flag", "authority"]);
    assert!(exits > 0 && authorities > 0);
    assert_eq!(count(&["--flag", "!Exit"]), all - exits);
    assert_eq!(count(&["--without-flag", "Exit"]), all - exits);
    assert_eq!(count(&["--flag", "Running", "--flag", "Authority"]), authorities);
    assert_eq!(count(&["--flag", "Exit", "--flag", "!Running"]), 0);
    assert_eq!(count(&["--port", "25"]), exits);
    assert_eq!(count(&["--name", "AUTHORITY"]), authorities);
    let first = network.relays().next().unwrap().nickname();
    assert_eq!(count(&["--name", first]), 1);
    assert_eq!(count(&["--name", first, "--name", "authority"]), authorities + 1);
    for (address, expected) in
        [("127.0.0.0/8", all), ("127.0", all), ("127.0.0.1", all), ("10.0.0.0/8", 0), ("::/0", 0)]
    {
        assert_eq!(count(&["--address", address]), expected, "{address}");
    }
    for (version, expected) in [("0.4", all), (">=0.4.0.0", all), ("<0.4.0.0", 0), ("0.3", 0)] {
        assert_eq!(count(&["--version", version]), expected, "{version}");
    }
    let done = scape(network, ["relays", "--name", "nobody"]).run().expect(0);
    assert_eq!(done.error, format!("no relays fit the options ({all} in all)\n"));
}

fn countries(network: &TestNetwork) {
    let (_folder, file) = geoip_file();
    let relays = |country: &str| {
        scape(network, ["relays", "--country", country]).arg("--geoip").arg(&file).json()
    };
    let found = relays("de");
    assert!(!found.is_empty() && found.iter().all(|relay| relay["country"] == "de"), "{found:?}");
    assert!(relays("FR").is_empty());
    let done = scape(network, ["relays", "--country", "de"]).run().expect(1);
    assert!(done.error.contains("--geoip"), "{done:?}");
}

fn guards(network: &TestNetwork) {
    let (_folder, file) = geoip_file();
    let values = scape(network, ["guards"]).arg("--geoip").arg(&file).json();
    let used = values.iter().find(|guard| guard["status"] == "up").unwrap();
    assert_eq!((&used["in_consensus"], &used["country"]), (&true.into(), &"de".into()));
    assert!(used["flags"].as_array().unwrap().contains(&"Guard".into()), "{used}");
    let name = used["nickname"].as_str().unwrap().to_uppercase();
    let guards = |country: &str| {
        let scape = scape(network, ["guards", "--status", "up", "--name", &name]);
        scape.arg("--country").arg(country).arg("--geoip").arg(&file).json()
    };
    assert_eq!(guards("de"), std::slice::from_ref(used));
    assert!(guards("fr").is_empty());
    let text = scape(network, ["guards", "--sort", "status", "--reverse"]).ok();
    assert!(text.lines().nth(1).unwrap().contains("  up  "), "{text}");
    assert!(text.contains(used["fingerprint"].as_str().unwrap()), "{text}");
}
