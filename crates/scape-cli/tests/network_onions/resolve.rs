use scape::testing::TestNetwork;
use serde_json::json;

use crate::{NAME, NAMED, scape};

cases! {
    ONIONS:
    resolve_prints_addresses_and_names = resolves,
    resolve_reports_each_failure = failures,
}

fn resolves(network: &TestNetwork) {
    assert_eq!(scape(network, ["resolve", NAME]).ok(), "127.0.0.1\n");
    let named = NAMED.to_string();
    // This command has no control connection.
    let socks = network.socks().to_string();
    let alone = crate::run::Scape::new(["resolve", &named, "--socks", &socks, "--isolate"]);
    assert_eq!(alone.ok(), "seven.scape.test\n");
    let table = scape(network, ["resolve", &named, NAME]).ok();
    let expected =
        format!("QUERY           ANSWER\n{named}    seven.scape.test\n{NAME}  127.0.0.1\n");
    assert_eq!(table, expected);
    let values = scape(network, ["resolve", NAME, &named]).json();
    assert_eq!(
        values,
        [
            json!({"query": NAME, "address": "127.0.0.1", "name": NAME, "error": null}),
            json!({"query": named, "address": named, "name": "seven.scape.test", "error": null}),
        ]
    );
}

fn failures(network: &TestNetwork) {
    let done = scape(network, ["resolve", "nobody.scape.test"]).run().expect(1);
    assert!(done.error.contains("nobody.scape.test"), "{done:?}");
    assert_eq!(done.out, "");
    let done = scape(network, ["resolve", NAME, "nobody.scape.test"]).run().expect(1);
    assert!(done.out.contains("127.0.0.1") && done.error.contains("1 of 2 look-ups"), "{done:?}");
    assert!(done.error.contains("nobody.scape.test"), "{done:?}");
    let done = scape(network, ["resolve", "nobody.scape.test", NAME, "--json"]).run().expect(1);
    let lines: Vec<serde_json::Value> =
        done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0]["error"].as_str().unwrap().contains("nobody.scape.test"), "{lines:?}");
    assert_eq!(lines[1]["address"], "127.0.0.1");
    let done = scape(network, ["resolve", "a.scape.test", "b.scape.test"]).run().expect(1);
    assert!(done.error.contains("2 of 2 look-ups failed"), "{done:?}");
    assert_eq!(done.out, "");
    for wrong in ["two words", "", "a..b", "[a]"] {
        let done = scape(network, ["resolve", wrong]).run().expect(2);
        assert!(done.error.contains("neither a host name nor an IP address"), "{done:?}");
    }
}
