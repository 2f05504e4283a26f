use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use scape::control::Signal as TorSignal;

use crate::real_tor::RealTor;
use crate::run::{Done, Lines, Scape, send_signal};

/// The time limit for receiving an event.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends the signal DUMP to tor again and again until the command prints a
/// line. Returns the line.
fn signal_until_line(tor: &RealTor, lines: &Lines) -> String {
    let controller = tor.controller();
    for _ in 0..PATIENCE.as_secs() * 5 {
        controller.signal(TorSignal::Dump).unwrap();
        if let Some(line) = lines.within(Duration::from_millis(200)) {
            return line;
        }
    }
    panic!("no line was printed")
}

#[test]
fn events_are_listed_with_their_meaning() {
    let tor = RealTor::start("");
    let text = Scape::new(["events", "--list"]).control(tor.port()).ok();
    let line = text.lines().find(|line| line.starts_with("BW ")).unwrap();
    assert!(line.ends_with("noisy  bytes read and written in the last second"), "{line}");
    let values = Scape::new(["events", "--list"]).control(tor.port()).json();
    let circuits = values.iter().find(|value| value["kind"] == "CIRC").unwrap();
    assert_eq!(circuits["is_noisy"], false);
    assert_eq!(circuits["meaning"], "the status of a circuit changed");
    assert_eq!(values.len(), text.lines().count() - 1);
    // All kinds that this tor knows are explained.
    assert!(values.iter().all(|value| value["meaning"].is_string()), "{values:?}");
}

#[test]
fn events_are_printed_with_a_local_time() {
    let tor = RealTor::start("");
    let events = Scape::new(["events", "signal", "--count", "2"]).control(tor.port());
    let mut child = events.env("TZ", "UTC").start();
    let lines = Lines::of(child.stdout.take().unwrap());
    let line = signal_until_line(&tor, &lines);
    let (time, rest) = line.split_at("2026-11-30 00:53:20.007".len());
    let time = format!("{}Z", time.replace(' ', "T"));
    let now = std::time::SystemTime::now();
    let age = now.duration_since(humantime::parse_rfc3339(&time).unwrap()).unwrap();
    assert!(age < PATIENCE, "{line}");
    assert!(rest.starts_with("  SIGNAL  ") && rest.contains("DUMP"), "{line}");
    signal_until_line(&tor, &lines);
    Done::of(child, &"scape events").expect(0);
}

#[test]
fn events_are_printed_as_json_and_filtered() {
    let tor = RealTor::start("");
    let events = Scape::new(["events", "CONF_CHANGED", "SIGNAL", "--json", "--match", "dump"]);
    let mut child = events.control(tor.port()).start();
    let lines = Lines::of(child.stdout.take().unwrap());
    let value: serde_json::Value = serde_json::from_str(&signal_until_line(&tor, &lines)).unwrap();
    assert_eq!(value["kind"], "SIGNAL");
    assert_eq!(value["body"]["signal"], "DUMP");
    assert!(!value["arrived"].is_null(), "{value}");
    let controller = tor.controller();
    controller.signal(TorSignal::Debug).unwrap();
    controller.signal(TorSignal::Dump).unwrap();
    // The signal DEBUG doesn't match.
    assert!(lines.next().contains("DUMP"));
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"scape events").expect(130);
}

#[test]
fn events_end_after_a_time_or_at_the_end_of_tor() {
    let mut tor = RealTor::start("");
    let done = Scape::new(["events", "--for", "0.2s"]).control(tor.port()).run().expect(0);
    assert_eq!(done.out, "");
    let done = Scape::new(["events", "nonsense"]).control(tor.port()).run().expect(1);
    assert!(done.error.contains("no events of the kind nonsense"), "{done:?}");
    Scape::new(["events", "--list", "CIRC"]).control(tor.port()).run().expect(2);
    let mut child = Scape::new(["events", "SIGNAL"]).control(tor.port()).start();
    let lines = Lines::of(child.stdout.take().unwrap());
    signal_until_line(&tor, &lines);
    tor.kill();
    let done = Done::of(child, &"scape events").expect(3);
    assert!(done.error.contains("with --follow, scape waits until tor runs again"), "{done:?}");
}

#[test]
fn events_follow_a_tor_that_restarts() {
    follow_a_restart("--color=never");
}

#[test]
fn interruptions_of_events_are_reported_beside_json() {
    follow_a_restart("--json");
}

fn follow_a_restart(option: &str) {
    let mut tor = RealTor::start("");
    let events = Scape::new(["events", "SIGNAL", "--follow", option]);
    let events = events.control(tor.socket().display());
    let mut child = events.start();
    let lines = Lines::of(child.stdout.take().unwrap());
    signal_until_line(&tor, &lines);
    tor.kill();
    // Skip the lines from before tor's end.
    while lines.within(Duration::ZERO).is_some() {}
    tor.restart();
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = tor.over_unix().connect() {
        assert!(Instant::now() < deadline, "{error}");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(signal_until_line(&tor, &lines).contains("DUMP"));
    send_signal(child.id(), Signal::INT);
    let done = Done::of(child, &"scape events").expect(130);
    assert!(done.error.ends_with("waiting for tor\nconnected again\n"), "{done:?}");
}
