use scape::testing::ScriptedTor;

use crate::run::Scape;

const RELAY: &str = "9695DFC35FFEB861329B9F1AB04C46397020CE31";

/// Starts a scripted tor with circuits and streams. Some of their statuses and
/// purposes are words that the library doesn't know, as a later version of tor
/// may have.
fn tor() -> ScriptedTor {
    let circuits = format!(
        "1 BUILT ${RELAY}~moria1,relay2 PURPOSE=GENERAL\n\
         2 BUILT relay3 PURPOSE=HS_CLIENT_REND\n\
         3 EXTENDED relay2 PURPOSE=GENERAL\n\
         4 SIMMERING relay4 PURPOSE=TEA"
    );
    let streams = "11 SUCCEEDED 1 www.example.com:443\n\
                   12 SUCCEEDED 2 www.example.org:80\n\
                   13 NEW 0 [2001:db8::1]:443\n\
                   14 BREWING 1 example.net:22";
    let guards = format!("${RELAY}~moria1 up\n${}~relay2 dozing", "1".repeat(40));
    ScriptedTor::builder()
        .info("ns/all", "")
        .info("circuit-status", circuits)
        .info("stream-status", streams)
        .info("entry-guards", guards)
        .info("address-mappings/all", "")
        .info("address-mappings/config", "*.example.com b.example NEVER")
        .info("address-mappings/control", "c.example 192.0.2.1 NEVER")
        .info("address-mappings/cache", "")
        .info("ip-to-country/ipv4-available", "0")
        .info("ip-to-country/ipv6-available", "0")
        .listen()
        .unwrap()
}

fn list(tor: &ScriptedTor, words: &[&str]) -> Scape {
    let scape = words.iter().fold(Scape::new([]), |scape, word| scape.arg(word));
    scape.control(tor.address().unwrap())
}

/// Runs a list command with these words, and returns one field of each listed
/// value.
fn listed(tor: &ScriptedTor, words: &[&str], field: &str) -> Vec<String> {
    let values = list(tor, words).json();
    values.iter().map(|value| value[field].as_str().unwrap().to_owned()).collect()
}

#[test]
fn circuits_are_filtered() {
    let tor = tor();
    for (options, expected) in [
        (&[][..], &["1", "2", "3", "4"][..]),
        (&["--status", "built"], &["1", "2"]),
        (&["--status", "BUILT", "--status", "EXTENDED"], &["1", "2", "3"]),
        (&["--status", "BUILT", "--purpose", "general"], &["1"]),
        (&["--status", "simmering"], &["4"]),
        (&["--purpose", "TEA"], &["4"]),
        (&["--status", "CLOSED"], &[]),
        (&["--relay", RELAY], &["1"]),
        (&["--relay", "RELAY2"], &["1", "3"]),
        (&["--relay", "relay3", "--relay", "relay4"], &["2", "4"]),
        (&["--relay", "relay", "--purpose", "GENERAL", "--status", "EXTENDED"], &["3"]),
    ] {
        let words = [&["circuits"][..], options].concat();
        assert_eq!(listed(&tor, &words, "id"), expected, "{options:?}");
    }
    let done = list(&tor, &["circuits", "--relay", "nobody"]).run().expect(0);
    assert_eq!(done.error, "no circuits fit the options (4 in all)\n");
}

#[test]
fn streams_are_filtered() {
    let tor = tor();
    for (options, expected) in [
        (&["--status", "succeeded"][..], &["11", "12"][..]),
        (&["--status", "brewing"], &["14"]),
        (&["--target", "EXAMPLE.com"], &["11"]),
        (&["--target", ":443"], &["11", "13"]),
        (&["--target", "example.com:443", "--target", ":22"], &["11", "14"]),
        (&["--target", "2001:db8::1"], &["13"]),
        (&["--circuit", "1"], &["11", "14"]),
        (&["--circuit", "1", "--circuit", "2", "--status", "SUCCEEDED"], &["11", "12"]),
    ] {
        let words = [&["streams"][..], options].concat();
        assert_eq!(listed(&tor, &words, "id"), expected, "{options:?}");
    }
    let done = list(&tor, &["streams", "--circuit", "9"]).run().expect(0);
    assert_eq!(done.error, "no streams fit the options (4 in all)\n");
}

#[test]
fn guards_and_addresses_are_filtered() {
    let tor = tor();
    for (options, expected) in [
        (&["--status", "UP"][..], &["moria1"][..]),
        (&["--status", "dozing"], &["relay2"]),
        (&["--name", "ORIA"], &["moria1"]),
        (&["--name", "oria", "--name", "relay"], &["moria1", "relay2"]),
        (&["--name", "oria", "--status", "dozing"], &[]),
    ] {
        let words = [&["guards"][..], options].concat();
        assert_eq!(listed(&tor, &words, "nickname"), expected, "{options:?}");
    }
    for (options, expected) in [
        (&["--name", "Example"][..], &["*.example.com", "c.example"][..]),
        (&["--name", "b.EXAMPLE"], &["*.example.com"]),
        (&["--name", "192.0.2", "--name", "com"], &["*.example.com", "c.example"]),
    ] {
        let words = [&["addresses"][..], options].concat();
        assert_eq!(listed(&tor, &words, "from"), expected, "{options:?}");
    }
    let done = list(&tor, &["addresses", "--name", "nobody"]).run().expect(0);
    assert_eq!(done.error, "no addresses fit the options (2 in all)\n");
}

#[test]
fn unknown_words_are_wrong_usage() {
    let tor = tor();
    for (words, expected) in [
        (
            ["circuits", "--status", "UP"],
            "there is no status \"UP\"; the statuses are LAUNCHED, EXTENDED, GUARD_WAIT, BUILT",
        ),
        (
            ["circuits", "--purpose", "x"],
            "there is no purpose \"x\"; the purposes are GENERAL, HS_CLIENT_HSDIR",
        ),
        (
            ["streams", "--status", "UP"],
            "there is no status \"UP\"; the statuses are NEW, NEWRESOLVE",
        ),
        (
            ["guards", "--status", "NEW"],
            "there is no status \"NEW\"; the statuses are up, never-connected, down, unusable",
        ),
        (["circuits", "--relay", "a b"], "expected a fingerprint, or a part of a nickname"),
        (["circuits", "--country", "x1y"], "x1y"),
        (["circuits", "--geoip", "/nowhere"], "without --country or --exit-country"),
        (["streams", "--target", ":http"], "\"http\" isn't a port"),
        (["streams", "--circuit", "x"], "invalid value 'x'"),
    ] {
        let done = list(&tor, &words).run().expect(2);
        assert!(done.error.contains(expected), "{words:?}: {done:?}");
        assert_eq!(done.out, "");
    }
    for (words, command) in [
        (&["circuits", "--relay", "a", "close", "1"][..], "circuits close"),
        (&["circuits", "--geoip", "/nowhere", "build"], "circuits build"),
        (&["streams", "--circuit", "1", "close", "2"], "streams close"),
        (&["streams", "--target", "a", "attach", "1", "2"], "streams attach"),
        (&["streams", "--target", "a", "release"], "streams release"),
    ] {
        let done = list(&tor, words).run().expect(2);
        assert!(done.error.contains(&format!("filters can't be used with {command}")), "{done:?}");
    }
}

#[test]
fn help_and_completions_contain_the_words() {
    let help = Scape::new(["circuits", "--help"]).ok();
    let completions = Scape::new(["completions", "bash"]).ok();
    for word in ["GUARD_WAIT", "CONFLUX_LINKED"] {
        assert!(help.contains(word) && completions.contains(word), "{word}: {help}");
    }
    let help = Scape::new(["guards", "--help"]).ok();
    assert!(help.contains("never-connected") && completions.contains("never-connected"), "{help}");
}
