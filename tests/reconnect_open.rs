//! Checks that callers can use a reconnected connection only after everything
//! has been restored.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "support/place.rs"]
mod place;
#[path = "support/seed.rs"]
mod seed;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use place::{Place, SOON, eager, next, plain, statuses};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use scape::Config;
use scape::Controller;
use scape::State;
use scape::config::{ConfigError, ConfigProblem};
use scape::connection::{CloseCause, ConnectionStatus, EventItem, QueueLimit};
use scape::control::{AddOnion, Reconnect};
use scape::event::EventKind;
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::word::OnionKey;

const SERVICE: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";

fn key() -> OnionKey {
    OnionKey::from_seed(&[7; 32])
}

/// Returns a scripted tor that doesn't answer commands that begin with `slow`
/// until the returned sender is dropped. The returned receiver gets a message
/// when such a command arrives.
fn gated(
    slow: &'static str,
    builder: ScriptedTorBuilder,
) -> (ScriptedTor, Receiver<()>, Sender<()>) {
    let ((reached, at_gate), (open, gate)) = (unbounded(), bounded(0));
    let builder = builder.on_any(move |line| {
        if line.starts_with(slow) {
            let _ = reached.send(());
            // A test that has failed drops the other end.
            let _ = gate.recv();
        }
        line.starts_with("SETEVENTS").then(|| b"250 OK\r\n".to_vec())
    });
    (builder.start().unwrap(), at_gate, open)
}

fn with_state(builder: ScriptedTorBuilder, circuits: &str) -> ScriptedTorBuilder {
    builder
        .info("ns/all", "")
        .info("stream-status", "")
        .info("address-mappings/all", "")
        .info("entry-guards", "")
        .info("circuit-status", circuits)
}

fn with_config(builder: ScriptedTorBuilder) -> ScriptedTorBuilder {
    builder
        .info("config/names", "ContactInfo String\nNickname String")
        .info("config/defaults", "Nickname \"Unnamed\"")
}

/// Waits until the tor after the reconnect has received a command that it
/// doesn't answer yet: see [`gated`].
fn at_gate(gate: &Receiver<()>) {
    gate.recv_timeout(SOON).unwrap();
}

#[test]
fn callers_are_admitted_after_everything_was_restored() {
    let place = Place::default();
    let tor = || {
        let builder =
            with_config(with_state(ScriptedTor::builder(), "7 BUILT moria1 PURPOSE=GENERAL"));
        let builder =
            builder.on_prefix("ADD_ONION", format!("250-ServiceID={SERVICE}\r\n250 OK\r\n"));
        let builder =
            builder.on("MAPADDRESS a.test=b.test", "250 a.test=b.test\r\n").on_any(|line| {
                thread::sleep(Duration::from_millis(2));
                line.starts_with("SETEVENTS").then(|| b"250 OK\r\n".to_vec())
            });
        builder.start().unwrap()
    };
    place.put(tor());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    controller.add_onion(&AddOnion::new().key(key()).local_port(80)).unwrap();
    controller.map_address([("a.test", "b.test")]).unwrap();
    let (_state, _config) = (State::new(&controller).unwrap(), Config::new(&controller).unwrap());
    for _ in 0..20 {
        place.kill();
        controller.wait_closed(SOON).unwrap();
        place.put(tor());
        controller.wait_connected(SOON).unwrap();
        let sent = place.with(ScriptedTor::sent);
        for command in
            ["SETEVENTS", "ADD_ONION", "MAPADDRESS", "GETINFO ns/all", "GETINFO config/names"]
        {
            assert!(
                sent.iter().any(|line| line.starts_with(command)),
                "{command} comes too late: {sent:?}"
            );
        }
        // No event is lost from here on.
        place.with(|tor| (0..30).for_each(|n| tor.send(format!("650 BW {n} 0\r\n"))));
        for n in 0..30 {
            assert_eq!(events.next_timeout(SOON).unwrap().text(), format!("BW {n} 0"));
        }
    }
}

#[test]
fn calls_fail_during_the_restore() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let (_listener, told) = statuses(&controller);
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    place.kill();
    let closed = controller.wait_closed(SOON).unwrap();
    let (tor, gate, open) = gated("SETEVENTS", ScriptedTor::builder().info("version", "0.4.9.11"));
    place.put(tor);
    at_gate(&gate);
    for _ in 0..3 {
        let error = controller.get_info("version").unwrap_err();
        assert_eq!(error.to_string(), closed.to_string());
        assert!(controller.subscribe([EventKind::Bw]).unwrap_err().is_closed());
        assert!(!controller.is_open() && !controller.is_alive());
        assert!(controller.wait_connected(Duration::from_millis(1)).unwrap_err().is_timeout());
    }
    assert_eq!([next(&told), next(&told)], ["connected", "closed"]);
    open.send(()).unwrap();
    controller.wait_connected(SOON).unwrap();
    assert_eq!(controller.get_info("version").unwrap(), "0.4.9.11");
    assert_eq!(events.interruptions(), 1);
    // The first attempts may have found no tor.
    while let status = next(&told)
        && status != "reconnected, 0 lost"
    {
        assert_eq!(status, "failed");
    }
    let sent = place.with(ScriptedTor::sent);
    assert_eq!(
        sent.iter().filter(|line| line.starts_with("GETINFO version")).count(),
        1,
        "{sent:?}"
    );
}

#[test]
fn events_of_the_new_connection_come_after_its_status() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    let (sender, seen) = unbounded();
    let (status_sender, weak) = (sender.clone(), controller.downgrade());
    let _status = controller.on_status(move |status| {
        if matches!(status, ConnectionStatus::Reconnected(_)) {
            status_sender.send("reconnected".to_owned()).unwrap();
        }
    });
    let _callback = controller
        .on_event([EventKind::Bw], move |event| {
            // The controller works inside of the callback.
            let version = weak.upgrade().unwrap().get_info("version");
            sender.send(format!("{} {}", event.text(), version.unwrap())).unwrap();
        })
        .unwrap();
    place.kill();
    controller.wait_closed(SOON).unwrap();
    let (tor, gate, open) = gated("SETEVENTS", ScriptedTor::builder().info("version", "0.4.9.11"));
    tor.send("650 BW 1 0\r\n650 BW 2 0\r\n");
    place.put(tor);
    at_gate(&gate);
    place.with(|tor| tor.send("650 BW 3 0\r\n"));
    thread::sleep(Duration::from_millis(20));
    assert!(seen.is_empty() && events.waiting() == 0);
    open.send(()).unwrap();
    controller.wait_connected(SOON).unwrap();
    // Everything that tor sent before this answer has been delivered.
    controller.get_info("version").unwrap();
    assert_eq!(events.waiting(), 1);
    assert_eq!([next(&seen), next(&seen)], ["reconnected", "BW 3 0 0.4.9.11"]);
    let items: Vec<String> = (0..3).map(|_| shown(&events.next_item(SOON).unwrap())).collect();
    assert_eq!(items, ["disconnected", "reconnected", "BW 3 0"]);
}

fn shown(item: &EventItem) -> String {
    match item {
        EventItem::Event(event) => event.text(),
        EventItem::Missed(count) => format!("{count} missed"),
        EventItem::Disconnected(_) => "disconnected".into(),
        EventItem::Reconnected(_) => "reconnected".into(),
        _ => "something new".into(),
    }
}

#[test]
fn subscription_reports_gaps_between_events() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    let few = controller.subscribe_with([EventKind::Bw], QueueLimit::Bounded(2)).unwrap();
    let watcher =
        thread::spawn(move || events.items().map(|item| shown(&item)).collect::<Vec<_>>());
    let send = |numbers: std::ops::Range<u32>| {
        place.with(|tor| numbers.for_each(|n| tor.send(format!("650 BW {n} 0\r\n"))));
        controller.sync().unwrap();
    };
    send(0..5);
    for round in 1..3 {
        place.kill();
        controller.wait_closed(SOON).unwrap();
        place.put(plain());
        controller.wait_connected(SOON).unwrap();
        send(10 * round..10 * round + 2);
    }
    controller.close().unwrap();
    let seen = watcher.join().unwrap();
    let gone = ["disconnected", "reconnected"];
    let expected: Vec<&str> = ["BW 0 0", "BW 1 0", "BW 2 0", "BW 3 0", "BW 4 0"]
        .into_iter()
        .chain(gone)
        .chain(["BW 10 0", "BW 11 0"])
        .chain(gone)
        .chain(["BW 20 0", "BW 21 0", "disconnected"])
        .collect();
    assert_eq!(seen, expected);
    let few: Vec<String> = few.items().map(|item| shown(&item)).collect();
    let expected: Vec<&str> = ["BW 0 0", "BW 1 0", "3 missed"]
        .into_iter()
        .chain(gone)
        .chain(["2 missed"])
        .chain(gone)
        .chain(["2 missed", "disconnected"])
        .collect();
    assert_eq!(few, expected);
}

#[test]
fn connection_that_dies_during_the_restore_counts_as_an_attempt() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().reconnect(eager().max_attempts(4)).connect().unwrap();
    let (_listener, told) = statuses(&controller);
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    let hangs_up = Arc::new(AtomicUsize::new(0));
    let hung_up = hangs_up.clone();
    let mean = ScriptedTor::builder().on_any(move |line| {
        line.starts_with("SETEVENTS").then(|| {
            hung_up.fetch_add(1, Ordering::SeqCst);
            // This line isn't part of the control protocol, so it ends the
            // connection.
            b"650 BW 1 1\r\nnonsense\r\n".to_vec()
        })
    });
    // Putting this tor in the place ends the connection to the first tor. Every
    // attempt connects to this tor.
    place.put(mean.start().unwrap());
    let closed = controller.wait_closed(SOON).unwrap();
    assert_eq!(events.iter().count(), 0);
    let words: Vec<String> = (0..6).map(|_| next(&told)).collect();
    assert_eq!(words[..2], ["connected", "closed"]);
    assert_eq!(words[2..].iter().filter(|word| *word == "gave up").count(), 1, "{words:?}");
    assert!(told.is_empty());
    // For a moment, no tor may have been there to connect to.
    assert!((3..=4).contains(&hangs_up.load(Ordering::SeqCst)));
    // The connection was down all the time, for the same cause.
    assert_eq!(controller.closed().unwrap().to_string(), closed.to_string());
    assert_eq!(events.interruptions(), 1);
}

#[test]
fn connection_can_be_closed_during_the_restore() {
    for by_hand in [false, true] {
        let place = Place::default();
        place.put(plain());
        let connect = place.connect();
        let connect = if by_hand { connect } else { connect.reconnect(eager()) };
        let controller = connect.connect().unwrap();
        let events = controller.subscribe([EventKind::Bw]);
        let _callback = controller.on_event([EventKind::Bw], |_| ()).unwrap();
        place.kill();
        controller.wait_closed(SOON).unwrap();
        let (tor, gate, _open) = gated("SETEVENTS", ScriptedTor::builder());
        place.put(tor);
        let hand = controller.clone();
        let reconnecting = by_hand.then(|| thread::spawn(move || hand.reconnect()));
        at_gate(&gate);
        let began = Instant::now();
        controller.clone().close().unwrap();
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(events.unwrap().iter().count(), 0);
        if let Some(reconnecting) = reconnecting {
            assert!(reconnecting.join().unwrap().unwrap_err().is_closed());
        }
        assert!(controller.wait_connected(SOON).unwrap_err().is_closed());
        assert!(controller.reconnect().unwrap_err().is_closed());
    }
}

#[test]
fn callback_may_reconnect() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().connect().unwrap();
    let (sender, seen) = unbounded();
    let (weak, count) = (controller.downgrade(), AtomicUsize::new(0));
    let _callback = controller
        .on_event([EventKind::Bw], move |event| {
            if count.fetch_add(1, Ordering::SeqCst) < 5 {
                let made = weak.upgrade().unwrap().reconnect();
                sender.send(format!("{} {}", event.text(), made.unwrap().failures.len())).unwrap();
            }
        })
        .unwrap();
    for round in 0..5 {
        place.with(|tor| tor.send(format!("650 BW {round} 0\r\n")));
        assert_eq!(next(&seen), format!("BW {round} 0 0"));
    }
    assert!(controller.is_alive());
}

#[test]
fn onion_service_that_tor_has_already_counts_as_restored() {
    // tor answers with a data block if it has several services.
    let other = OnionKey::from_seed(&[8; 32]).address().service_id();
    for current in
        [SERVICE.to_owned(), format!("{other}\n{SERVICE}"), format!("{SERVICE}\n{other}")]
    {
        let place = Place::default();
        let added = format!("250-ServiceID={SERVICE}\r\n250 OK\r\n");
        place.put(ScriptedTor::builder().on_prefix("ADD_ONION", added).start().unwrap());
        let controller = place.connect().reconnect(eager()).connect().unwrap();
        let (sender, told) = unbounded();
        let _status = controller
            .on_status(move |status| {
                let word = match status {
                    ConnectionStatus::RestoreFailed { attempt, .. } => {
                        format!("attempt {attempt} failed")
                    }
                    ConnectionStatus::Restored { what } => what.clone(),
                    _ => return,
                };
                sender.send(word).unwrap();
            })
            .unwrap();
        controller.add_onion(&AddOnion::new().key(key()).local_port(80)).unwrap();
        place.kill();
        controller.wait_closed(SOON).unwrap();
        // An earlier attempt has succeeded, but its answer was not received.
        let again =
            ScriptedTor::builder().on_prefix("ADD_ONION", "550 Onion address collision\r\n");
        place.put(again.info("onions/current", current).start().unwrap());
        let what = next(&told);
        assert!(what.contains(SERVICE), "{what}");
        controller.close().unwrap();
    }
}

#[test]
fn refused_onion_service_is_tried_again() {
    for by_hand in [false, true] {
        let place = Place::default();
        let added = format!("250-ServiceID={SERVICE}\r\n250 OK\r\n");
        place.put(ScriptedTor::builder().on_prefix("ADD_ONION", added.clone()).start().unwrap());
        let connect = place.connect();
        let connect = if by_hand { connect } else { connect.reconnect(eager()) };
        let controller = connect.connect().unwrap();
        let (sender, told) = unbounded();
        let _status = controller
            .on_status(move |status| {
                let word = match status {
                    ConnectionStatus::Reconnected(made) => {
                        format!("reconnected, {} missing", made.failures.len())
                    }
                    ConnectionStatus::RestoreFailed { attempt, next: Some(_), error, .. } => {
                        format!("attempt {attempt}: {}", error.code().unwrap())
                    }
                    ConnectionStatus::Restored { what } => what.clone(),
                    _ => return,
                };
                sender.send(word).unwrap();
            })
            .unwrap();
        controller.add_onion(&AddOnion::new().key(key()).local_port(80)).unwrap();
        place.kill();
        controller.wait_closed(SOON).unwrap();
        let mut attempts = 0;
        let again = ScriptedTor::builder().info("onions/current", "").on_any(move |line| {
            line.starts_with("ADD_ONION").then(|| {
                attempts += 1;
                if attempts < 3 {
                    b"550 Onion address collision\r\n".to_vec()
                } else {
                    added.clone().into_bytes()
                }
            })
        });
        place.put(again.start().unwrap());
        if by_hand {
            let made = controller.reconnect().unwrap();
            assert!(made.failures[0].0.contains(SERVICE), "{made:?}");
        }
        let words: Vec<String> = (0..3).map(|_| next(&told)).collect();
        assert_eq!(words[..2], ["reconnected, 1 missing", "attempt 1: 550"]);
        assert!(words[2].contains(SERVICE));
        controller.close().unwrap();
    }
}

#[test]
fn state_listeners_find_an_open_connection() {
    let place = Place::default();
    let tor = |circuits: &str| {
        let builder = with_state(ScriptedTor::builder().info("version", "0.4.9.11"), circuits);
        let builder = builder.on_any(|line| {
            thread::sleep(Duration::from_millis(1));
            line.starts_with("SETEVENTS").then(|| b"250 OK\r\n".to_vec())
        });
        builder.start().unwrap()
    };
    place.put(tor("7 BUILT moria1 PURPOSE=GENERAL"));
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let state = State::new(&controller).unwrap();
    let (sender, closed) = unbounded();
    let _listener = state.on_circuit_closed(move |circuit| {
        let version = circuit.state().controller().get_info("version");
        sender.send((circuit.id().get(), version.unwrap())).unwrap();
    });
    for id in 8..28 {
        place.kill();
        controller.wait_closed(SOON).unwrap();
        place.put(tor(&format!("{id} BUILT moria1 PURPOSE=GENERAL")));
        controller.wait_connected(SOON).unwrap();
        assert_eq!(
            state.circuits().iter().map(|circuit| circuit.id().get()).collect::<Vec<_>>(),
            [id]
        );
        assert_eq!(closed.recv_timeout(SOON).unwrap(), (id - 1, "0.4.9.11".to_owned()));
    }
}

#[test]
fn refused_state_snapshot_is_tried_again() {
    let place = Place::default();
    place
        .put(with_state(ScriptedTor::builder(), "7 BUILT moria1 PURPOSE=GENERAL").start().unwrap());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let state = State::new(&controller).unwrap();
    let (sender, told) = unbounded();
    let _status = controller
        .on_status(move |status| {
            if let ConnectionStatus::Restored { what } = status {
                sender.send(what.clone()).unwrap();
            }
        })
        .unwrap();
    place.kill();
    controller.wait_closed(SOON).unwrap();
    let mut refusals = 0;
    let busy =
        with_state(ScriptedTor::builder(), "8 BUILT moria1 PURPOSE=GENERAL").on_any(move |line| {
            let refuses = line.starts_with("GETINFO ns/all") && refusals < 2;
            refusals += u32::from(refuses);
            refuses.then(|| b"551 Internal error\r\n".to_vec())
        });
    place.put(busy.start().unwrap());
    assert_eq!(next(&told), "the live state");
    assert_eq!(state.circuits().iter().map(|circuit| circuit.id().get()).collect::<Vec<_>>(), [8]);
}

#[test]
fn manual_reconnect_has_one_deadline() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().connect().unwrap();
    let _callback = controller.on_event([EventKind::Bw], |_| ()).unwrap();
    place.kill();
    controller.wait_closed(SOON).unwrap();
    let (tor, _gate, _open) = gated("SETEVENTS", ScriptedTor::builder());
    place.put(tor);
    let began = Instant::now();
    let error = controller.with_timeout(Duration::from_millis(300)).reconnect().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!controller.is_open());
}

#[test]
fn unknown_events_are_reported_and_the_others_arrive() {
    let place = Place::default();
    place.put(plain());
    // The reconnect is manual, but subscriptions go on.
    let never = Reconnect::new()
        .first_delay(Duration::from_secs(3600))
        .max_delay(Duration::from_secs(3600));
    let controller = place.connect().reconnect(never).connect().unwrap();
    let events = controller.subscribe([EventKind::Bw, EventKind::Guard]).unwrap();
    let older = ScriptedTor::builder().on_any(|line| match line.strip_prefix("SETEVENTS ") {
        Some(kinds) if kinds.contains("GUARD") => {
            Some(b"552 Unrecognized event \"GUARD\"\r\n".to_vec())
        }
        Some(_) => Some(b"250 OK\r\n".to_vec()),
        None => None,
    });
    place.put(older.start().unwrap());
    let made = controller.reconnect().unwrap();
    assert_eq!(made.failures.len(), 1, "{made:?}");
    let (what, error) = &made.failures[0];
    assert_eq!((what.as_str(), error.code()), ("the events", Some(552)));
    assert!(error.to_string().contains("GUARD"), "{error}");
    place.with(|tor| tor.send("650 BW 1 0\r\n"));
    assert_eq!(events.next_timeout(SOON).unwrap().text(), "BW 1 0");
}

#[test]
fn save_never_overwrites_the_configuration_of_another_tor() {
    let place = Place::default();
    let mut random = StdRng::seed_from_u64(seed::seed());
    let tor = |value: &'static str, random: &mut StdRng| {
        let mut pauses = StdRng::seed_from_u64(random.random());
        let builder = with_config(ScriptedTor::builder()).on_any(move |line| {
            // This gives the connection time to end and to reconnect in the
            // middle of a save.
            thread::sleep(Duration::from_micros(pauses.random_range(0..2000)));
            match line {
                "GETCONF ContactInfo" => Some(format!("250 ContactInfo={value}\r\n").into_bytes()),
                _ if line.starts_with("SETEVENTS") => Some(b"250 OK\r\n".to_vec()),
                _ if line.starts_with("SETCONF") => Some(b"250 OK\r\n".to_vec()),
                _ => None,
            }
        });
        builder.start().unwrap()
    };
    place.put(tor("me", &mut random));
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let config = controller.config().unwrap();
    let mut cut_off = 0;
    for round in 0..60 {
        let mut config = config.clone();
        controller.wait_connected(SOON).unwrap();
        assert_eq!(config.lines("ContactInfo").unwrap(), ["me"]);
        config.set("ContactInfo", "us").unwrap();
        let saving = thread::spawn(move || config.save());
        if round % 2 == 0 {
            thread::sleep(Duration::from_micros(random.random_range(0..3000)));
        }
        place.kill();
        place.put(tor("somebody else", &mut random));
        match saving.join().unwrap() {
            // The change was saved before.
            Ok(()) => {}
            Err(error) if error.is_closed() => cut_off += 1,
            Err(error) => match error.get::<ConfigError>() {
                Some(config) if config.problem == ConfigProblem::Conflict => cut_off += 1,
                _ => panic!("{error}"),
            },
        }
        controller.wait_connected(SOON).unwrap();
        let sent = place.with(ScriptedTor::sent);
        assert!(
            !sent.iter().any(|line| line.starts_with("SETCONF")),
            "overwritten in round {round}: {sent:?}"
        );
        place.kill();
        controller.wait_closed(SOON).unwrap();
        place.put(tor("me", &mut random));
    }
    assert!(cut_off > 0, "tor ended in the middle of no save");
}

#[test]
fn storm_of_events_and_calls_loses_no_event() {
    let place = Place::default();
    let tor = || {
        let builder =
            with_config(with_state(ScriptedTor::builder(), "7 BUILT moria1 PURPOSE=GENERAL"));
        let builder = builder.info("version", "0.4.9.11").info("onions/current", SERVICE);
        let builder =
            builder.on_prefix("ADD_ONION", format!("250-ServiceID={SERVICE}\r\n250 OK\r\n"));
        let mut n = 0;
        let builder = builder.on_any(move |line| {
            // Each answer comes with events.
            n += 1;
            let events = format!("650 BW {n} 0\r\n650 CIRC {n} BUILT moria1 PURPOSE=GENERAL\r\n");
            line.starts_with("SETEVENTS")
                .then(|| format!("{events}250 OK\r\n{events}").into_bytes())
        });
        builder.start().unwrap()
    };
    place.put(tor());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    controller.add_onion(&AddOnion::new().key(key()).local_port(80)).unwrap();
    let state = State::new(&controller).unwrap();
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (controller, calls, over): (Controller, _, _) =
                (controller.clone(), calls.clone(), over.clone());
            thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    match controller.get_info("onions/current") {
                        Ok(onions) => {
                            assert_eq!(onions, SERVICE);
                            calls.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => assert!(error.is_closed(), "{error}"),
                    }
                    match controller.subscribe([EventKind::Bw, EventKind::Stream]) {
                        Ok(events) => drop(events),
                        Err(error) => assert!(error.is_closed(), "{error}"),
                    }
                }
            })
        })
        .collect();
    for round in 1..=60_u64 {
        place.kill();
        let closed = controller.wait_closed(SOON).unwrap();
        assert!(!matches!(closed.cause(), CloseCause::Local), "{closed}");
        place.put(tor());
        controller.wait_connected(SOON).unwrap();
        assert_eq!(events.interruptions(), round);
        // The live state is that of the new tor.
        assert!(state.circuits().iter().any(|circuit| circuit.id().get() == 7));
        let marks: Vec<String> = (0..30).map(|n| format!("BW {} {n}", 1000 + round)).collect();
        place.with(|tor| marks.iter().for_each(|mark| tor.send(format!("650 {mark}\r\n"))));
        let mut seen = Vec::new();
        while seen.len() < marks.len() {
            let text = events.next_timeout(SOON).unwrap().text();
            if text.starts_with(&format!("BW {} ", 1000 + round)) {
                seen.push(text);
            }
        }
        assert_eq!(seen, marks);
    }
    over.store(true, Ordering::SeqCst);
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    assert!(calls.load(Ordering::SeqCst) > 0);
}

#[test]
fn listener_finished_during_the_restore_is_not_called_afterwards() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let (sender, seen) = unbounded();
    let listener = controller
        .on_event([EventKind::Bw], move |event| sender.send(event.text()).unwrap())
        .unwrap();
    place.kill();
    controller.wait_closed(SOON).unwrap();
    let (tor, gate, open) = gated("SETEVENTS", ScriptedTor::builder());
    place.put(tor);
    at_gate(&gate);
    let finishing = thread::spawn(move || listener.finish(SOON));
    // `finish` waits for pending events, so it can't end before the connection
    // is open.
    thread::sleep(Duration::from_millis(50));
    assert!(!finishing.is_finished());
    drop(open);
    controller.wait_connected(SOON).unwrap();
    finishing.join().unwrap().unwrap();
    place.with(|tor| tor.send("650 BW 5 5\r\n"));
    controller.sync().unwrap();
    assert!(seen.is_empty());
}

#[test]
fn state_with_a_malformed_snapshot_ends() {
    let place = Place::default();
    place
        .put(with_state(ScriptedTor::builder(), "7 BUILT moria1 PURPOSE=GENERAL").start().unwrap());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let state = State::new(&controller).unwrap();
    place.kill();
    controller.wait_closed(SOON).unwrap();
    let odd = ScriptedTor::builder().on_any(|line| match line {
        line if line.starts_with("SETEVENTS") => Some(b"250 OK\r\n".to_vec()),
        line if line.starts_with("GETINFO ns/all") => {
            Some(b"250-version=0.4.9.11\r\n250 OK\r\n".to_vec())
        }
        _ => None,
    });
    place.put(odd.start().unwrap());
    controller.wait_connected(SOON).unwrap();
    let begun = Instant::now();
    // The wait doesn't go on for a state that never comes.
    let waited = state.wait(Duration::from_secs(60), |_| None::<()>);
    assert!(waited.unwrap_err().is_closed());
    assert!(begun.elapsed() < Duration::from_secs(10));
}
