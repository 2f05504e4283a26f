//! The live state (`scape::State`) with a scripted tor.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, unbounded};
use scape::control::{CircuitError, Refusal};
use scape::error::{Phase, Timeout};
use scape::event::{CircuitPurpose, CircuitReason, CircuitStatus, EndReason, StreamStatus};
use scape::info::EntryGuardStatus;
use scape::state::{CircuitListener, StreamListener};
use scape::testing::ScriptedTor;
use scape::word::{CircuitId, Fingerprint, RelayName, StreamId};
use scape::{CircuitBuilder, Connect, Controller, State};

const SOON: Duration = Duration::from_secs(20);
const A: &str = "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
                 s Authority Fast Running\nw Bandwidth=4000\n";
const B: &str = "r bob YHzG9/3r3mWKlzmuYTz4mRuVvDU plQ6EsZYTpzKMobnfTr0p6PnKMw 2038-01-01 00:00:00 127.0.0.22 9012 0\n\
                 s Exit Running\nw Bandwidth=12000\n";
const ALICE: &str = "256498816C85C6ABA4DF222205CF3FA091E63CCE";

/// Returns a scripted tor with these circuits and streams, and a controller for
/// it. A test makes tor send further events by asking for `GETINFO` with a
/// made-up key.
fn tor(circuits: &str, streams: &str) -> (ScriptedTor, Controller) {
    let tor = ScriptedTor::builder()
        .info("ns/all", format!("{A}{B}"))
        .info("circuit-status", circuits)
        .info("stream-status", streams)
        .info("address-mappings/all", "a.example 192.0.2.1 NEVER")
        .info("entry-guards", format!("${ALICE}~alice never-connected"))
        .on_prefix("SETEVENTS", "250 OK\r\n")
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    (tor, controller)
}

/// Like [`tor`], but with additional answers to commands, and without an
/// address mapping. Returns the live state in place of the controller.
fn tor_that(answers: &[(&str, &str)], circuits: &str, streams: &str) -> (ScriptedTor, State) {
    let mut builder = ScriptedTor::builder()
        .info("ns/all", format!("{A}{B}"))
        .info("circuit-status", circuits)
        .info("stream-status", streams)
        .info("address-mappings/all", "")
        .info("entry-guards", format!("${ALICE}~alice never-connected"))
        .on_prefix("SETEVENTS", "250 OK\r\n");
    for (command, answer) in answers {
        builder = builder.on(*command, *answer);
    }
    let tor = builder.start().unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let state = State::new(&controller).unwrap();
    (tor, state)
}

/// Makes tor send events: sends `GETINFO` with the made-up key `what`. Returns
/// after the events have arrived.
fn say(state: &State, what: &str) {
    state.controller().msg(&format!("GETINFO {what}")).unwrap();
}

#[test]
fn state_starts_with_the_existing_objects() {
    let (_tor, controller) =
        tor("7 BUILT moria1,dizum PURPOSE=GENERAL", "4 SUCCEEDED 7 a.example:80");
    let state = State::new(&controller).unwrap();
    let circuit = state.circuit(CircuitId::new(7)).unwrap();
    assert_eq!((circuit.path().len(), circuit.purpose()), (2, Some(CircuitPurpose::General)));
    assert!(circuit.is_built() && !circuit.is_ended());
    let streams = circuit.streams();
    assert_eq!(streams.len(), 1);
    assert_eq!(streams[0].circuit().as_ref(), Some(&circuit));
    assert_eq!(streams, state.streams());
    assert_eq!(state.addresses().get("a.example").unwrap().to, "192.0.2.1");
    assert_eq!(state.entry_guards()[0].status, EntryGuardStatus::NeverConnected);
    let routers = state.routers();
    assert_eq!((routers.len(), routers.named("ALICE").len()), (2, 1));
    assert_eq!(state.authorities()[0].nickname().as_deref(), Some("alice"));
    assert_eq!(routers.iter().map(|router| router.bandwidth().unwrap()).sum::<u32>(), 16000);
    // A connection has one state.
    assert_eq!(State::new(&controller).unwrap().circuits(), state.circuits());
}

#[test]
fn state_snapshot_that_times_out_after_a_reconnect_is_reported_and_read_again() {
    // After the reconnect the snapshot is refused, then not answered, and then
    // answered.
    let mut asked = 0;
    let tor = ScriptedTor::builder()
        .info("ns/all", "")
        .info("circuit-status", "7 BUILT")
        .info("stream-status", "")
        .info("address-mappings/all", "")
        .info("entry-guards", "")
        .on_any(move |line| {
            if !line.contains("circuit-status") {
                return None;
            }
            asked += 1;
            match asked {
                2 => Some("551 Internal error\r\n".into()),
                3 => Some(Vec::new()),
                _ => None,
            }
        })
        .on_prefix("SETEVENTS", "250 OK\r\n")
        .listen()
        .unwrap();
    let connect = Connect::to(tor.address().cloned().unwrap()).unwrap();
    let controller = connect.timeout(Duration::from_secs(2)).connect().unwrap();
    let state = State::new(&controller).unwrap();
    let (sender, failures) = unbounded();
    let _listener = controller.on_status(move |status| {
        if let scape::connection::ConnectionStatus::RestoreFailed { error, next, .. } = status {
            let _ = sender.send((error.is_timeout(), *next));
        }
    });
    assert!(!controller.reconnect().unwrap().failures.is_empty());
    while tor.sent().iter().filter(|line| line.contains("circuit-status")).count() < 3 {
        thread::sleep(Duration::from_millis(5));
    }
    // The snapshot is being read. Threads that wait now are told of the
    // failure, and don't wait for later attempts.
    let error = state.wait(SOON, |_| None::<()>).unwrap_err();
    assert!(error.to_string().contains("the live state can no longer be loaded"), "{error}");
    let (is_timeout, next) = failures.recv_timeout(SOON).unwrap();
    assert!(is_timeout && next.is_some_and(|next| next < Duration::from_secs(6)), "{next:?}");
    let deadline = Instant::now() + SOON;
    while state.wait(Duration::ZERO, |_| None::<()>).unwrap_err().is_closed() {
        assert!(Instant::now() < deadline, "it is not read again");
        thread::sleep(Duration::from_millis(10));
    }
    assert!(state.circuit(CircuitId::new(7)).is_some());
}

#[test]
fn state_follows_the_events() {
    let events = "650 CIRC 8 LAUNCHED PURPOSE=GENERAL\r\n650 CIRC 8 EXTENDED alice\r\n650 CIRC 8 BUILT alice,bob\r\n\
                  650 STREAM 5 NEW 0 b.example:80 SOURCE_ADDR=127.0.0.1:7 PURPOSE=USER\r\n650 STREAM 5 SENTCONNECT 8 b.example:80\r\n\
                  650 CIRC_MINOR 8 PURPOSE_CHANGED alice,bob PURPOSE=CONTROLLER OLD_PURPOSE=GENERAL\r\n\
                  650 ADDRMAP b.example 192.0.2.2 NEVER CACHED=\"YES\"\r\n\
                  250-more=\r\n250 OK\r\n";
    let gone = "650 STREAM 5 CLOSED 8 b.example:80 REASON=DONE\r\n650 CIRC 8 CLOSED REASON=FINISHED\r\n\
                650+NEWCONSENSUS\r\nr bob YHzG9/3r3mWKlzmuYTz4mRuVvDU plQ6EsZYTpzKMobnfTr0p6PnKMw 2038-01-01 00:00:00 127.0.0.22 9012 0\r\n\
                s Running\r\n.\r\n650 OK\r\n250-end=\r\n250 OK\r\n";
    let (_tor, state) = tor_that(&[("GETINFO more", events), ("GETINFO end", gone)], "", "");
    let (sender, told) = unbounded();
    struct Told(crossbeam_channel::Sender<String>);
    impl CircuitListener for Told {
        fn circuit_new(&mut self, circuit: &scape::state::Circuit) {
            self.0.send(format!("new {}", circuit.id())).unwrap();
        }
        fn circuit_extended(&mut self, circuit: &scape::state::Circuit, hop: &RelayName) {
            self.0.send(format!("extended {} {hop}", circuit.id())).unwrap();
        }
        fn circuit_closed(&mut self, circuit: &scape::state::Circuit) {
            self.0.send(format!("closed {}", circuit.id())).unwrap();
        }
    }
    impl StreamListener for Told {
        fn stream_attached(
            &mut self,
            stream: &scape::state::Stream,
            circuit: &scape::state::Circuit,
        ) {
            self.0.send(format!("attached {} {}", stream.id(), circuit.id())).unwrap();
        }
    }
    let _circuits = state.listen_to_circuits(Told(sender.clone()));
    let _streams = state.listen_to_streams(Told(sender.clone()));
    let for_built = sender.clone();
    let built = state.on_circuit_built(move |circuit| {
        for_built.send(format!("built {}", circuit.id())).unwrap();
    });
    let _removed = state.on_router_removed(move |router| {
        sender.send(format!("removed {}", router.name().nickname().unwrap())).unwrap();
    });
    let alice = state.router(ALICE.parse().unwrap());
    let bob = state.routers().named("bob").remove(0);

    say(&state, "more");
    // Everything that came before a reply is in the state when the reply
    // arrives.
    let circuit = state.circuit(CircuitId::new(8)).unwrap();
    let stream = state.stream(StreamId::new(5)).unwrap();
    assert_eq!((circuit.purpose(), circuit.streams().len()), (Some(CircuitPurpose::Controller), 1));
    assert_eq!(
        (stream.status(), stream.source_addr()),
        (StreamStatus::SentConnect, "127.0.0.1:7".parse().ok())
    );
    assert_eq!(state.addresses().len(), 1);
    // A callback that is dropped before it is due is not called.
    state.controller().sync().unwrap();
    drop(built);

    say(&state, "end");
    assert!(state.circuits().is_empty() && state.streams().is_empty());
    assert_eq!((circuit.status(), circuit.path().len()), (CircuitStatus::Closed, 2));
    assert_eq!(circuit.info().reason, Some(CircuitReason::Finished));
    assert!(stream.is_ended() && circuit.streams().is_empty());
    assert!(!alice.is_in_consensus() && alice.nickname().is_some() && bob.is_in_consensus());
    assert_eq!(state.routers().len(), 1);

    state.controller().sync().unwrap();
    let told: Vec<String> = told.try_iter().collect();
    let expected = [
        "new 8",
        "extended 8 alice",
        "extended 8 bob",
        "built 8",
        "attached 5 8",
        "closed 8",
        "removed alice",
    ];
    assert_eq!(told, expected);
}

#[test]
fn ended_stream_has_no_later_circuit_with_the_same_id() {
    let end = "650 STREAM 4 CLOSED 7 a.example:80 REASON=DONE\r\n250-end=\r\n250 OK\r\n";
    // tor sends such events after a restart.
    let again = "650 CIRC 7 CLOSED alice\r\n650 CIRC 7 LAUNCHED\r\n650 CIRC 7 BUILT bob\r\n\
                 250-again=\r\n250 OK\r\n";
    let (_tor, state) = tor_that(
        &[("GETINFO end", end), ("GETINFO again", again)],
        "7 BUILT alice",
        "4 SUCCEEDED 7 a.example:80",
    );
    let circuit = state.circuit(CircuitId::new(7)).unwrap();
    let stream = state.stream(StreamId::new(4)).unwrap();
    assert_eq!(stream.circuit().as_ref(), Some(&circuit));
    say(&state, "end");
    assert!(stream.is_ended());
    assert_eq!(stream.circuit().as_ref(), Some(&circuit));
    say(&state, "again");
    let other = state.circuit(CircuitId::new(7)).unwrap();
    assert!(circuit.is_ended() && other != circuit);
    assert_eq!(stream.circuit(), None);
    // The same holds for the handle of the circuit that has ended.
    assert!(circuit.streams().is_empty());
    let error = circuit.extend(["bob"]).unwrap_err();
    assert!(error.get::<CircuitError>().is_some(), "{error}");
}

#[test]
fn close_of_circuits_and_streams_waits_for_the_event() {
    let close = "250 OK\r\n650 CIRC 7 CLOSED moria1 REASON=REQUESTED\r\n";
    let end = "250 OK\r\n650 STREAM 4 CLOSED 7 a.example:80 REASON=DONE\r\n";
    let (tor, state) = tor_that(
        &[
            ("CLOSECIRCUIT 7", close),
            ("CLOSESTREAM 4 6", end),
            ("CLOSECIRCUIT 9", "552 Unknown circuit \"9\"\r\n650 CIRC 9 CLOSED\r\n"),
        ],
        "7 BUILT moria1\n9 BUILT moria1",
        "4 SUCCEEDED 7 a.example:80",
    );
    let (circuit, nine) =
        (state.circuit(CircuitId::new(7)).unwrap(), state.circuit(CircuitId::new(9)).unwrap());
    let stream = state.stream(StreamId::new(4)).unwrap();
    thread::scope(|scope| {
        // Any number of threads may wait.
        let waiting = scope.spawn(|| stream.wait_closed(SOON));
        assert!(stream.close(EndReason::DONE).unwrap());
        assert_eq!(waiting.join().unwrap().unwrap().id, stream.id());
    });
    assert!(circuit.close().unwrap());
    // The second call sends nothing.
    assert!(!circuit.close().unwrap());
    assert!(!stream.close(EndReason::DONE).unwrap());
    // tor has closed this circuit itself.
    assert!(!nine.close().unwrap());
    let error = circuit.wait_built(SOON).unwrap_err();
    let error: &CircuitError = error.get().unwrap();
    assert_eq!(error.reason, Some(CircuitReason::Requested));
    assert_eq!(tor.sent().iter().filter(|command| command.starts_with("CLOSE")).count(), 3);
}

#[test]
fn built_circuit_is_known_from_its_answer_or_its_events() {
    for (answer, built) in [
        ("250 EXTENDED 8\r\n650 CIRC 8 LAUNCHED\r\n650 CIRC 8 BUILT alice\r\n", true),
        ("650 CIRC 8 LAUNCHED\r\n650 CIRC 8 BUILT alice\r\n250 EXTENDED 8\r\n", true),
        ("650 CIRC 8 LAUNCHED\r\n650 CIRC 8 FAILED REASON=NOPATH\r\n250 EXTENDED 8\r\n", false),
        ("250 EXTENDED 8\r\n650 CIRC 8 FAILED REASON=NOPATH\r\n", false),
    ] {
        let (_tor, state) = tor_that(&[("EXTENDCIRCUIT 0 alice", answer)], "", "");
        match CircuitBuilder::along(["alice"]).attempts(1).timeout(SOON).build(&state) {
            Ok(circuit) => assert!(built && circuit.is_built() && circuit.id().get() == 8),
            Err(error) => {
                let circuit: &CircuitError = error.get().unwrap_or_else(|| panic!("{error}"));
                assert!(!built && circuit.reason == Some(CircuitReason::NoPath));
            }
        }
    }
}

#[test]
fn circuit_that_is_not_built_in_time_is_closed() {
    let (tor, state) = tor_that(
        &[
            ("EXTENDCIRCUIT 0", "250 EXTENDED 8\r\n650 CIRC 8 LAUNCHED\r\n"),
            ("CLOSECIRCUIT 8", "250 OK\r\n"),
        ],
        "",
        "",
    );
    let built = CircuitBuilder::new().attempts(1).timeout(Duration::from_secs(2)).build(&state);
    assert_eq!(built.unwrap_err().get().map(Timeout::phase), Some(Phase::Circuit));
    tor.wait_for("CLOSECIRCUIT 8").unwrap();
}

#[test]
fn closed_registration_of_a_state_callback_is_not_called_any_more() {
    let (tor, state) = tor_that(&[], "7 BUILT alice", "");
    let (sender, told) = unbounded();
    let registration = state.on_circuit_closed(move |circuit| sender.send(circuit.id()).unwrap());
    assert_eq!(registration.lost(), 0);
    assert!(registration.close(SOON).unwrap());
    tor.send("650 CIRC 7 CLOSED alice REASON=FINISHED\r\n");
    state.wait(SOON, |state| state.circuit(CircuitId::new(7)).is_none().then_some(())).unwrap();
    assert_eq!(told.recv_timeout(SOON), Err(RecvTimeoutError::Disconnected));
    // The state's own subscription goes on, so tor is told nothing.
    assert!(!tor.sent().iter().any(|sent| sent == "SETEVENTS"), "{:?}", tor.sent());
    let registration = state.on_circuit_closed(|_| ());
    tor.hang_up();
    state.controller().wait_closed(SOON).unwrap();
    assert!(!registration.close(SOON).unwrap());
}

#[test]
fn end_of_the_connection_ends_state_waits() {
    let (tor, state) = tor_that(&[], "7 EXTENDED alice", "");
    let circuit = state.circuit(CircuitId::new(7)).unwrap();
    let begun = Instant::now();
    thread::scope(|scope| {
        let waiting = [
            scope.spawn(|| circuit.wait_built(SOON * 3)),
            scope.spawn(|| circuit.wait_closed(SOON * 3).map(drop)),
            scope.spawn(|| state.wait(SOON * 3, |_| None::<()>)),
        ];
        tor.hang_up();
        for waiting in waiting {
            assert!(waiting.join().unwrap().unwrap_err().is_closed());
        }
    });
    assert!(begun.elapsed() < SOON * 2);
    // The last known state stays.
    assert_eq!(state.circuits().len(), 1);
    assert!(state.wait(SOON, |_| None::<()>).unwrap_err().is_closed());
    assert!(state.wait(SOON, |state| state.circuit(circuit.id())).is_ok());
}

#[test]
fn state_listeners_may_do_anything() {
    let events = "650 CIRC 8 LAUNCHED\r\n650 CIRC 8 BUILT alice\r\n250-more=\r\n250 OK\r\n";
    let (_tor, state) = tor_that(
        &[
            ("GETINFO more", events),
            ("GETINFO again", "650 CIRC 8 CLOSED\r\n250-again=\r\n250 OK\r\n"),
        ],
        "",
        "",
    );
    let (sender, told) = unbounded();
    let slot = Arc::new(parking_lot::Mutex::new(None));
    let mine = slot.clone();
    *slot.lock() = Some(state.on_circuit_new(move |circuit| {
        // The callback waits, sends a command, and removes itself.
        circuit.wait_built(SOON).unwrap();
        circuit.state().controller().msg("GETINFO again").unwrap();
        circuit.wait_closed(SOON).unwrap();
        drop(mine.lock().take());
        sender.send(circuit.clone()).unwrap();
        panic!("for the log");
    }));
    let (late, heard) = unbounded();
    let _other = state.on_circuit_closed(move |circuit| late.send(circuit.id()).unwrap());
    say(&state, "more");
    assert_eq!(told.recv_timeout(SOON).unwrap().id().get(), 8);
    assert_eq!(heard.recv_timeout(SOON).unwrap().get(), 8);
}

#[test]
fn listener_of_one_circuit_hears_only_that_circuit() {
    let events = "650 CIRC 7 CLOSED\r\n650 CIRC 9 CLOSED\r\n250-more=\r\n250 OK\r\n";
    let (_tor, state) = tor_that(&[("GETINFO more", events)], "7 BUILT alice\n9 BUILT bob", "");
    struct Closed(crossbeam_channel::Sender<CircuitId>);
    impl CircuitListener for Closed {
        fn circuit_closed(&mut self, circuit: &scape::state::Circuit) {
            self.0.send(circuit.id()).unwrap();
        }
    }
    let (sender, told) = unbounded();
    let _listener = state.circuit(CircuitId::new(9)).unwrap().listen(Closed(sender));
    say(&state, "more");
    state.controller().sync().unwrap();
    assert_eq!(told.try_iter().map(CircuitId::get).collect::<Vec<_>>(), [9]);
}

#[test]
fn events_during_the_snapshot_are_not_lost() {
    // tor may send events for changes before the snapshot after it, and the
    // other way round.
    let tor = ScriptedTor::builder()
        .on_prefix("SETEVENTS", "250 OK\r\n650 CIRC 8 LAUNCHED\r\n650 CIRC 9 BUILT bob\r\n650 CIRC 10 CLOSED\r\n")
        .on_prefix(
            "GETINFO ns/all",
            "250-ns/all=\r\n250+circuit-status=\r\n7 BUILT alice\r\n8 BUILT alice,bob\r\n.\r\n250-stream-status=\r\n\
             250-address-mappings/all=\r\n250-entry-guards=\r\n250 OK\r\n\
             650 CIRC 8 EXTENDED alice\r\n650 CIRC 8 BUILT alice,bob\r\n650 CIRC 7 CLOSED alice\r\n",
        )
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let state = State::new(&controller).unwrap();
    let ids = |state: &State| {
        state.circuits().iter().map(|circuit| circuit.id().get()).collect::<Vec<_>>()
    };
    state
        .wait(SOON, |state| (ids(state) == [8, 9] && state.circuits()[0].is_built()).then_some(()))
        .unwrap();
}

#[test]
fn state_is_read_again_after_a_reconnect() {
    let second = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_second = second.clone();
    let tor = ScriptedTor::builder()
        .on_prefix("SETEVENTS", "250 OK\r\n")
        .on_any(move |command| {
            let circuits = match is_second.load(std::sync::atomic::Ordering::SeqCst) {
                false => "7 BUILT alice\r\n8 EXTENDED alice",
                true => "8 BUILT alice,bob\r\n9 LAUNCHED",
            };
            let answer = format!(
                "250-ns/all=\r\n250+circuit-status=\r\n{circuits}\r\n.\r\n250-stream-status=\r\n250-address-mappings/all=\r\n250-entry-guards=\r\n250 OK\r\n"
            );
            command.starts_with("GETINFO ns/all").then(|| answer.into_bytes())
        })
        .listen()
        .unwrap();
    let controller = Connect::to(tor.address().unwrap().clone())
        .unwrap()
        .reconnect(scape::control::Reconnect::new())
        .connect()
        .unwrap();
    let state = State::new(&controller).unwrap();
    let [seven, eight] = [7, 8].map(|id| state.circuit(CircuitId::new(id)).unwrap());
    let (sender, told) = unbounded();
    let _closed = state.on_circuit_closed(move |circuit| sender.send(circuit.id().get()).unwrap());
    second.store(true, std::sync::atomic::Ordering::SeqCst);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| eight.wait_built(SOON));
        tor.hang_up();
        waiting.join().unwrap().unwrap();
    });
    assert!(seven.is_ended() && seven.wait_closed(SOON).is_ok());
    assert_eq!(eight.path().len(), 2);
    assert_eq!(state.circuits().len(), 2);
    assert_eq!(told.recv_timeout(SOON).unwrap(), 7);
}

#[test]
fn address_mappings_expire_in_time() {
    let end =
        humantime::format_rfc3339_seconds(std::time::SystemTime::now() + Duration::from_secs(2))
            .to_string();
    let end = end.replace('T', " ").replace('Z', "");
    let event = format!(
        "650 ADDRMAP c.example 192.0.2.3 \"{end}\" EXPIRES=\"{end}\" CACHED=\"YES\"\r\n250-more=\r\n250 OK\r\n"
    );
    let (_tor, state) = tor_that(&[("GETINFO more", &event)], "", "");
    let (sender, told) = unbounded();
    let expired = sender.clone();
    let _added = state
        .on_address_added(move |mapping| sender.send(format!("added {}", mapping.from)).unwrap());
    let _expired = state.on_address_expired(move |mapping| {
        expired.send(format!("expired {}", mapping.from)).unwrap();
    });
    say(&state, "more");
    assert_eq!(state.addresses().len(), 1);
    assert_eq!(told.recv_timeout(SOON).unwrap(), "added c.example");
    assert_eq!(told.recv_timeout(SOON).unwrap(), "expired c.example");
    assert!(state.addresses().is_empty());
}

#[test]
fn refused_state_subscription_is_reported() {
    let tor =
        ScriptedTor::builder().on_prefix("SETEVENTS", "510 Command filtered\r\n").start().unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    assert_eq!(State::new(&controller).unwrap_err().get().map(Refusal::code), Some(510));
}

#[test]
fn router_stubs_live_as_long_as_they_are_held() {
    let (_tor, state) =
        tor_that(&[], "7 BUILT $0000000000000000000000000000000000000001~bridge,alice", "");
    let stub = state.circuit(CircuitId::new(7)).unwrap().routers().remove(0);
    assert!(!stub.is_in_consensus() && stub.nickname().is_none() && stub.flags().is_empty());
    let fingerprint: Fingerprint = "0000000000000000000000000000000000000001".parse().unwrap();
    assert_eq!(state.router(fingerprint), stub);
}

#[test]
fn dropped_state_unsubscribes_its_events() {
    let (tor, state) = tor_that(&[], "7 BUILT alice", "");
    let controller = state.controller().clone();
    let circuit = state.circuit(CircuitId::new(7)).unwrap();
    drop(state);
    // A circuit keeps the state alive.
    assert_eq!(circuit.state().circuits().len(), 1);
    drop(circuit);
    tor.wait_for("SETEVENTS").unwrap();
    controller.msg("GETINFO version").unwrap();
    assert_eq!(
        tor.sent().iter().rfind(|command| command.starts_with("SETEVENTS")).unwrap(),
        "SETEVENTS"
    );
}

#[test]
fn registration_keeps_the_state_alive() {
    let built = "650 CIRC 7 BUILT alice\r\n";
    for of_one in [false, true] {
        let (tor, state) = tor_that(&[], "7 EXTENDED alice", "");
        let (sender, told) = unbounded();
        let registration = if of_one {
            struct Built(crossbeam_channel::Sender<CircuitId>);
            impl CircuitListener for Built {
                fn circuit_built(&mut self, circuit: &scape::state::Circuit) {
                    self.0.send(circuit.id()).unwrap();
                }
            }
            state.circuit(CircuitId::new(7)).unwrap().listen(Built(sender))
        } else {
            state.on_circuit_built(move |circuit| sender.send(circuit.id()).unwrap())
        };
        // The registration is now the last value that keeps the connection
        // open.
        drop(state);
        tor.send(built);
        assert_eq!(told.recv_timeout(SOON).unwrap(), CircuitId::new(7));
        registration.finish(SOON).unwrap();
        assert_eq!(told.recv_timeout(SOON), Err(RecvTimeoutError::Disconnected));
    }
}

#[test]
fn panic_at_the_end_of_a_state_listener_does_not_end_the_others() {
    struct PanicsAtItsEnd;
    impl Drop for PanicsAtItsEnd {
        fn drop(&mut self) {
            panic!("this panic is part of the test");
        }
    }
    let (tor, state) = tor_that(&[], "", "");
    let own = Arc::new(parking_lot::Mutex::new(None::<scape::Registration>));
    let (to_drop, value) = (own.clone(), PanicsAtItsEnd);
    let registration = state.on_circuit_new(move |_| {
        let _ = &value;
        // The closure is dropped when this call has returned.
        drop(to_drop.lock().take());
    });
    *own.lock() = Some(registration);
    let (sender, told) = unbounded();
    let _other = state.on_circuit_new(move |circuit| sender.send(circuit.id()).unwrap());
    for number in 7..10 {
        tor.send(format!("650 CIRC {number} LAUNCHED\r\n"));
        assert_eq!(told.recv_timeout(SOON).unwrap(), CircuitId::new(number));
    }
    assert!(own.lock().is_none());
}
