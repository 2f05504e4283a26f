use rustix::process::Signal;
use scape::testing::TestNetwork;

use crate::run::{Done, send_signal};
use crate::scape;
use crate::terminal::Terminal;
use crate::watching::Watching;

cases! { TABLES:
    watched_list_is_printed_when_it_changes = piped,
    watched_list_is_a_line_of_json_a_snapshot = json,
    watched_list_is_redrawn_on_a_terminal = redrawn,
    every_list_is_watched = every,
}

fn build(network: &TestNetwork) -> String {
    let values = scape(network, ["circuits", "build"]).json();
    values[0]["id"].as_str().unwrap().to_owned()
}

fn piped(network: &TestNetwork) {
    let id = build(network);
    let watching = Watching::start(scape(network, ["circuits", "--watch", "600"]));
    let title = watching.line();
    assert!(title.contains("Z  ") && title.ends_with(" circuits"), "{title}");
    assert!(watching.line().starts_with("ID"));
    while !watching.line().trim_start().starts_with(&format!("{id}  BUILT")) {}
    scape(network, ["circuits", "close", &id]).ok();
    // Snapshots are separated by empty lines.
    while !watching.line().is_empty() {}
    assert!(watching.line().ends_with(" circuits"));
    let closed = loop {
        let line = watching.line();
        if line.trim_start().starts_with(&format!("{id}  CLOSED")) {
            break line;
        }
    };
    assert!(closed.ends_with("REQUESTED"), "{closed}");
    let done = watching.interrupt().expect(130);
    assert_eq!(done.error, "");
}

fn json(network: &TestNetwork) {
    let watching =
        Watching::start(scape(network, ["circuits", "--watch", "0.3", "--sort", "id", "--json"]));
    // Even without changes, a snapshot is printed every 0.3 seconds.
    let times: Vec<String> =
        (0..3).map(|_| watching.value(|_| true)["time"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted() && times[0] != times[2], "{times:?}");
    let id = build(network);
    let has = |value: &serde_json::Value, status: &str| {
        let circuits = value["circuits"].as_array().unwrap();
        circuits.iter().any(|it| it["id"] == id.as_str() && it["status"] == status)
    };
    watching.value(|value| has(value, "BUILT"));
    scape(network, ["circuits", "close", &id]).ok();
    watching.value(|value| has(value, "CLOSED"));
    // Some seconds later, the circuit isn't shown any more.
    watching.value(|value| !has(value, "CLOSED"));
    watching.interrupt().expect(130);
}

fn redrawn(network: &TestNetwork) {
    let id = build(network);
    let mut terminal = Terminal::open(60, 40);
    let watching = scape(network, ["circuits", "--watch"]).start_with(terminal.output());
    // The command switches to the alternate screen and hides the cursor.
    terminal.until("\x1b[?1049h\x1b[?25l\x1b[?2026h\x1b[H");
    let frame = terminal.until("\x1b[J\x1b[?2026l");
    let text = anstream::adapter::strip_str(&frame).to_string();
    assert!(text.contains(&format!("{id}  BUILT")), "{text}");
    assert!(text.lines().all(|line| line.trim_end().chars().count() <= 60), "{text}");
    assert!(frame.contains("\x1b[1mID"), "{frame:?}");
    // A change is drawn over the last table.
    scape(network, ["circuits", "close", &id]).ok();
    terminal.until("\x1b[?2026h\x1b[H");
    terminal.until(&format!("{id}  CLOSED"));
    // The table fits a smaller terminal.
    terminal.until("\x1b[?2026l");
    terminal.resize(60, 3);
    terminal.until(" more lines)\x1b[K\x1b[J\x1b[?2026l");
    send_signal(watching.id(), Signal::INT);
    terminal.until("\x1b[?25h\x1b[?1049l");
    let done = Done::of(watching, &"a watching command").expect(130);
    assert_eq!(done.error, "");
}

fn every(network: &TestNetwork) {
    for list in ["circuits", "streams", "relays", "guards", "addresses"] {
        let watching = Watching::start(scape(network, [list, "--watch", "1", "--json"]));
        for _ in 0..2 {
            watching.value(|value| value["time"].is_string() && value[list].is_array());
        }
        watching.interrupt().expect(130);
    }
    let watching = Watching::start(scape(network, ["addresses", "--watch", "1", "--json"]));
    watching.value(|_| true);
    let mapped = network.client().mapped_address("watched.example", "192.0.2.1").unwrap();
    let value = watching.value(|value| !value["addresses"].as_array().unwrap().is_empty());
    assert_eq!(value["addresses"][0]["source"], "control");
    // tor sends no event for a removal, so the command has to ask tor.
    mapped.remove().unwrap();
    watching.value(|value| value["addresses"].as_array().unwrap().is_empty());
    watching.interrupt().expect(130);
}
