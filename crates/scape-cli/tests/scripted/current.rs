use std::thread;
use std::time::Duration;

use scape::testing::{ScriptedTor, ScriptedTorBuilder};

use crate::run::Scape;

const NAMES: &str = "CIRC STREAM ORCONN ADDRMAP BW NOTICE";

/// Returns the settings of a scripted tor that lists one circuit, one stream,
/// one OR connection and one address mapping.
fn tor() -> ScriptedTorBuilder {
    ScriptedTor::builder()
        .info("events/names", NAMES)
        .info("circuit-status", "7 BUILT relay1,relay2 PURPOSE=GENERAL SOCKS_PASSWORD=\"sesame\"")
        .info("stream-status", "4 SUCCEEDED 7 www.example.com:443")
        .info("orconn-status", "relay1 CONNECTED")
        .info("address-mappings/all", "a.example 192.0.2.1 NEVER")
        .info("version", "0.4.9.11")
}

fn events<const N: usize>(tor: &ScriptedTor, arguments: [&str; N]) -> Scape {
    let scape = Scape::new(["events", "--with-current"]);
    let scape = arguments.iter().fold(scape, |scape, argument| scape.arg(argument));
    scape.control(tor.address().unwrap())
}

/// Splits an output into lines, and removes the time at the start of each.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split_at("2026-11-30 00:53:20.007  ".len()).1).collect()
}

#[test]
fn state_is_printed_in_the_form_of_events() {
    let tor = tor().listen().unwrap();
    let text = events(&tor, ["--count", "4"]).ok();
    let expected = [
        "CIRC          7 BUILT GENERAL: relay1, relay2",
        "STREAM        4 SUCCEEDED www.example.com:443 on circuit 7",
        "ORCONN        relay1 CONNECTED",
        "ADDRMAP       a.example -> 192.0.2.1",
    ];
    assert_eq!(lines(&text), expected);
    let text = events(&tor, ["bw", "orconn", "--count", "1"]).ok();
    assert_eq!(lines(&text), expected[2..3]);
    let text = events(&tor, ["--match", "RELAY1", "--count", "1"]).ok();
    assert_eq!(lines(&text), expected[..1]);
    let values = events(&tor, ["--count", "4"]).json();
    let kinds: Vec<_> = values.iter().map(|value| value["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["CIRC", "STREAM", "ORCONN", "ADDRMAP"]);
    assert!(values.iter().all(|value| value["is_current"] == true), "{values:?}");
    assert_eq!(
        (&values[0]["body"]["type"], &values[0]["body"]["id"]),
        (&"circ".into(), &"7".into())
    );
    assert_eq!(values[3]["body"]["to"], "192.0.2.1");
    assert!(!format!("{values:?}").contains("sesame"), "{values:?}");
}

#[test]
fn change_at_the_start_is_printed_once() {
    // tor sends the events for changes before and after the answer that
    // contains the changes.
    let status = "250+circuit-status=\r\n7 BUILT a,b\r\n8 EXTENDED a\r\n.\r\n250 OK\r\n\
                  650 CIRC 7 BUILT a,b\r\n650 CIRC 8 EXTENDED a,b\r\n";
    let tor = tor()
        .on("SETEVENTS CIRC", "250 OK\r\n650 CIRC 7 EXTENDED a,b\r\n650 CIRC 6 CLOSED\r\n")
        .on("GETINFO circuit-status", status)
        .on("GETINFO version", "650 CIRC 9 LAUNCHED\r\n250-version=0.4.9.11\r\n250 OK\r\n")
        .listen()
        .unwrap();
    let text = events(&tor, ["circ", "--count", "5"]).ok();
    let expected = ["7 BUILT: a, b", "8 EXTENDED: a", "6 CLOSED", "8 EXTENDED: a, b", "9 LAUNCHED"];
    let lines: Vec<_> =
        lines(&text).iter().map(|line| line.strip_prefix("CIRC          ").unwrap()).collect();
    assert_eq!(lines, expected);
    // The subscription comes first.
    let sent = tor.sent();
    let place = |command: &str| sent.iter().position(|sent| sent == command).unwrap();
    assert!(place("SETEVENTS CIRC") < place("GETINFO circuit-status"), "{sent:?}");
}

#[test]
fn kinds_without_a_state_are_wrong_usage() {
    let tor = tor().listen().unwrap();
    let done = events(&tor, ["bw", "notice"]).run().expect(2);
    let expected = "--with-current needs one of the kinds CIRC, STREAM, ORCONN, ADDRMAP";
    assert!(done.error.contains(expected), "{done:?}");
    events(&tor, ["--list"]).run().expect(2);
}

#[test]
fn questions_about_the_state_have_one_timeout_together() {
    let asked = |command: &str| command.contains("-status") || command.contains("mappings");
    let slow = tor().on_any(move |command| {
        if asked(command) {
            thread::sleep(Duration::from_secs(2));
        }
        None
    });
    let tor = slow.listen().unwrap();
    // Each of the four answers is in time, but the last one of them comes after
    // eight seconds.
    let done = events(&tor, ["--timeout", "7s", "--count", "4"]).run().expect(4);
    assert!(done.out.is_empty() && done.error.contains("in 7s"), "{done:?}");
}
