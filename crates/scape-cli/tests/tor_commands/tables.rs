use rustix::process::Signal;
use serde_json::Value;

use crate::real_tor::RealTor;
use crate::run::{Done, Scape, send_signal};
use crate::terminal::Terminal;
use crate::watching::Watching;

/// Runs the command `words` on this tor.
fn run(tor: &RealTor, words: &[&str]) -> Done {
    words.iter().fold(Scape::new([]).control(tor.port()), |scape, word| scape.arg(word)).run()
}

#[test]
fn lists_without_rows_have_a_heading_and_a_note() {
    let tor = RealTor::start("");
    for (list, heading, note) in [
        ("circuits", "ID  STATUS  PURPOSE  AGE  STREAMS  PATH  CONFLUX  REASON\n", "no circuits\n"),
        ("streams", "ID  STATUS  CIRCUIT  PURPOSE  AGE  TARGET  SOURCE  REASON\n", "no streams\n"),
        (
            "relays",
            "NICKNAME  FINGERPRINT  BANDWIDTH  WEIGHT  COUNTRY  ADDRESS  VERSION  FLAGS\n",
            "no relays: tor has no consensus yet\n",
        ),
        (
            "guards",
            "NICKNAME  FINGERPRINT  STATUS  SINCE  BANDWIDTH  COUNTRY  ADDRESS  FLAGS\n",
            "no guards\n",
        ),
        ("addresses", "FROM  TO  EXPIRES  SOURCE\n", "no addresses\n"),
    ] {
        let done = run(&tor, &[list]).expect(0);
        assert_eq!((done.out.as_str(), done.error.as_str()), (heading, note));
        let done = run(&tor, &[list, "--json"]).expect(0);
        assert_eq!((done.out.as_str(), done.error.as_str()), ("", ""));
    }
    assert_eq!(run(&tor, &["relays", "--count"]).expect(0).out, "0\n");
    assert_eq!(run(&tor, &["relays", "--count", "--json"]).expect(0).out, "{\"count\":0}\n");
}

#[test]
fn empty_list_at_a_terminal_is_only_a_note() {
    let tor = RealTor::start("");
    let mut terminal = Terminal::open(80, 24);
    let command = Scape::new(["streams"]).control(tor.port()).error(terminal.output());
    Done::of(command.start_with(terminal.output()), &"streams").expect(0);
    assert_eq!(terminal.until("no streams\r\n"), "no streams\r\n");
    let command = Scape::new(["addresses"]).control(tor.port()).error(terminal.output());
    Done::of(command.start_with(terminal.output()), &"addresses").expect(0);
    assert_eq!(terminal.until("no addresses\r\n"), "no addresses\r\n");
}

#[test]
fn watched_list_is_drawn_again_at_a_new_size() {
    let tor = RealTor::start("");
    let mut terminal = Terminal::open(80, 24);
    let command = Scape::new(["addresses", "--watch", "600"]).control(tor.port());
    let child = command.start_with(terminal.output());
    terminal.until("EXPIRES  SOURCE");
    terminal.resize(12, 24);
    // The heading is cut: a control sequence follows its twelve characters.
    terminal.until("FROM  TO  EX\x1b");
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"addresses --watch").expect(130);
}

#[test]
fn addresses_have_a_source_and_an_expiry() {
    let tor = RealTor::start("MapAddress www.example.com b.example\n");
    let controller = tor.controller();
    controller.map_address([("a.example", "192.0.2.1")]).unwrap();
    let text = run(&tor, &["addresses"]).expect(0).out;
    let expected = "FROM             TO         EXPIRES  SOURCE\n\
                    a.example        192.0.2.1  never    control\n\
                    www.example.com  b.example  never    config\n";
    assert_eq!(text, expected);
    let text = run(&tor, &["addresses", "--sort", "source"]).expect(0).out;
    assert!(text.lines().nth(1).unwrap().starts_with("www.example.com"), "{text}");
    let text = run(&tor, &["addresses", "--sort", "source", "--reverse"]).expect(0).out;
    assert!(text.lines().nth(1).unwrap().starts_with("a.example"), "{text}");
    let out = run(&tor, &["addresses", "--json"]).expect(0).out;
    let values: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = serde_json::json!(
        {"from": "a.example", "to": "192.0.2.1", "expires": "NEVER", "source": "control"}
    );
    assert_eq!((&values[0], values.len()), (&first, 2));
}

#[test]
fn unknown_circuits_and_streams_are_failures() {
    let tor = RealTor::start("");
    for (words, expected) in [
        (&["circuits", "close", "7"][..], "tor has no circuit 7; `scape circuits` lists"),
        (&["circuits", "close", "--if-unused", "7"], "tor has no circuit 7; `scape circuits`"),
        (&["streams", "close", "8"], "tor has no stream 8; `scape streams` lists the streams"),
        (&["streams", "attach", "8", "0"], "tor has no stream 8; `scape streams` lists"),
        (&["circuits", "build", "nobody"], "no relay in the consensus has the nickname \"nobody\""),
        (&["circuits", "build", "--length", "2"], "consensus"),
        (&["circuits", "build"], "tor refused EXTENDCIRCUIT 0: 551 Couldn't start circuit"),
    ] {
        let done = run(&tor, words).expect(1);
        assert!(done.error.contains(expected), "{words:?}: {done:?}");
        assert_eq!(done.out, "");
    }
}

#[test]
fn wrong_options_of_lists_are_wrong_usage() {
    let tor = RealTor::start("");
    for (words, expected) in [
        (&["circuits", "--sort", "x"][..], "no column \"x\"; --sort takes id, status, purpose"),
        (&["circuits", "--reverse", "close", "1"], "can't be used with circuits close"),
        (&["circuits", "--watch=1", "build"], "can't be used with circuits build"),
        (&["streams", "--sort", "id", "close", "1"], "can't be used with streams close"),
        (&["streams", "--sort", "id", "attach", "1", "2"], "can't be used with streams attach"),
        (&["streams", "attach", "1", "0", "--hop", "2"], "--hop needs the id of a circuit"),
        (&["streams", "close", "1", "--reason", "x"], "a number or one of MISC, RESOLVEFAILED"),
        (&["streams", "close", "x"], "invalid value 'x'"),
        (&["circuits", "close"], "<ID>"),
        (&["circuits", "close", "99999999999999999999"], "from 0 to 4294967295"),
        (&["circuits", "--watch=-1"], "the time must not be negative"),
        (&["circuits", "--watch=1e400"], "the time is too long"),
        (&["circuits", "build", ""], "the name of the relay is empty"),
        (&["circuits", "build", "relay0,,relay1"], "the name of the relay is empty"),
        (&["info", ""], "the key is empty"),
        (&["circuits", "build", "a", "--length", "2"], "cannot be used with"),
        (&["circuits", "build", "--geoip", "/nowhere"], "without --exit-country"),
        (&["circuits", "build", "--length", "9"], "9 is not in 1..=8"),
        (&["circuits", "build", "--purpose", "x"], "general, controller"),
        (&["circuits", "build", "--exit-country", "x1y"], "x1y"),
        (
            &["relays", "--flag", "Nix"],
            "there is no flag \"Nix\"; the flags are Authority, BadExit",
        ),
        (&["relays", "--without-flag", "Nix"], "there is no flag \"Nix\""),
        (&["relays", "--flag", "!Nix"], "there is no flag \"Nix\""),
        (&["relays", "--country", "x1y"], "x1y"),
        (&["relays", "--address", "1.2.3.4/40"], "expected a network such as 192.0.2.0/24"),
        (&["relays", "--version", "new"], "expected a version such as 0.4.8"),
        (&["relays", "--port", "0"], "0 is not in 1..=65535"),
        (&["relays", "--count", "--limit", "1"], "cannot be used with"),
        (&["relays", "--geoip", "/nowhere"], "--geoip: the GeoIP database /nowhere"),
        (&["guards", "--watch", "0"], "the time must be longer than zero"),
    ] {
        let done = run(&tor, words).expect(2);
        assert!(done.error.contains(expected), "{words:?}: {done:?}");
        assert_eq!(done.out, "");
    }
}

#[test]
fn watched_list_ends_with_the_connection() {
    let mut tor = RealTor::start("");
    let watching =
        Watching::start(Scape::new(["circuits", "--watch", "600", "--json"]).control(tor.port()));
    let value = watching.value(|_| true);
    assert_eq!(value["circuits"], serde_json::json!([]));
    tor.kill();
    let done = watching.end().expect(3);
    assert!(done.error.starts_with("scape: ") && done.error.contains("closed"), "{done:?}");
}
