//! Stream attachers with real streams.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, unbounded};
use parking_lot::Mutex;
use scape::State;
use scape::attach::{Decision, StreamAnswer, StreamAttacher, StreamKind, StreamRequest};
use scape::control::{Signal, StreamError, StreamProblem};
use scape::event::{EndReason, StreamInfo, StreamReason};
use scape::info::ListenerKind;
use scape::socks::{SocksError, SocksStream};
use scape::state::Circuit;
use scape::testing::TestNetwork;
use scape::transport::{Address, Transport};
use scape::word::Fingerprint;
use scape::{CircuitBuilder, Connect, Controller, Error, Tor, TorClient};

use crate::{NAME, NAMED, SOON};

cases! {
    STREAMS:
    streams_are_attached_where_the_attacher_decides = goes,
    attacher_builds_a_circuit_before_it_decides = builds,
    stream_that_the_exit_refuses_is_offered_again = asked_again,
    attachers_that_panic_block_postpone_or_forget_streams = misbehave,
    attach_option_is_restored_after_every_end = put_back,
    two_controllers_attach_their_own_streams = two_controllers,
    waiting_streams_survive_a_reconnect = reconnect,
    waiting_streams_are_closed_after_a_lost_connection = lost,
    example_signals_ended_by_sigterm_and_sigint = signals,
}

/// Launches a tor with a control port for other controllers.
fn tor(network: &TestNetwork) -> Tor {
    let launch = network
        .launch()
        .option("ControlPort", "127.0.0.1:auto")
        .option("CookieAuthentication", "1");
    let tor = Tor::launch(launch).unwrap();
    tor.become_ready(SOON).unwrap();
    tor
}

/// Returns a `Connect` for another control connection to the same tor.
fn other(tor: &Tor) -> Connect {
    let listeners = tor.controller().unwrap().info().listeners(&ListenerKind::Control).unwrap();
    Connect::to(Address::from(listeners[0].clone())).unwrap().timeout(SOON)
}

fn option(controller: &Controller) -> String {
    controller.get_conf("__LeaveStreamsUnattached").unwrap().unwrap()
}

fn circuit(network: &TestNetwork, state: &State, first: usize) -> Circuit {
    let relays: Vec<Fingerprint> =
        network.relays().filter_map(|relay| relay.fingerprint()).collect();
    let path = [0, 1, 2].map(|step| relays[(first + step) % relays.len()]);
    CircuitBuilder::along(path)
        .attempts(1)
        .attempt_timeout(SOON)
        .timeout(SOON)
        .build(state)
        .unwrap()
}

fn client(tor: &Tor) -> TorClient {
    tor.client().unwrap().allow_private_addresses(true).timeout(SOON).isolated()
}

/// Starts an echo server and returns its port.
fn server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut byte = [0];
                while connection.read_exact(&mut byte).is_ok()
                    && connection.write_all(&byte).is_ok()
                {}
            });
        }
    });
    port
}

fn echoes(stream: &mut SocksStream) {
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

/// Returns the circuit to which tor has attached the stream of this connection.
fn circuit_of(state: &State, stream: &SocksStream) -> Circuit {
    let own = stream.as_tcp().unwrap().local_addr().unwrap();
    let live = |state: &State| {
        let live = state.streams().into_iter().find(|live| live.source_addr() == Some(own));
        live?.circuit()
    };
    state.wait(SOON, live).unwrap()
}

/// Returns an attacher that postpones every decision, and a receiver for the
/// answer objects with which the test can decide later.
fn keeper() -> (impl StreamAttacher, Receiver<StreamAnswer>) {
    let (sender, kept) = unbounded();
    let attacher = move |stream: &StreamRequest| {
        sender.send(stream.answer_later()).unwrap();
        Decision::Later
    };
    (attacher, kept)
}

fn goes(network: &TestNetwork) {
    let (tor, one, two) = (tor(network), server(), server());
    let state = tor.state().unwrap();
    let circuits = [circuit(network, &state, 0), circuit(network, &state, 1)];
    let by_port = {
        let circuits = circuits.clone();
        move |stream: &StreamRequest| match stream.target().port() {
            Some(port) if port == one => Decision::on(&circuits[0]),
            // Resolves are attached as well.
            Some(0) => Decision::on(&circuits[1]),
            Some(80) => Decision::Refuse(EndReason::EXIT_POLICY),
            _ => Decision::Pass,
        }
    };
    let attacher = state.attach(by_port).unwrap();
    let client = client(&tor);
    let mut stream = client.connect((NAME, one)).unwrap();
    echoes(&mut stream);
    assert_eq!(circuit_of(&state, &stream), circuits[0]);
    // tor chooses a circuit, possibly one of those above.
    let mut other = client.connect((NAME, two)).unwrap();
    echoes(&mut other);
    assert!(circuit_of(&state, &other).is_built());
    let (sender, told) = unbounded();
    let _listener = state.on_stream_attached(move |stream, _| {
        let _ = sender.send((stream.first_target().host().to_owned(), stream.circuit()));
    });
    assert_eq!(client.dns_resolve(NAME).unwrap(), Ipv4Addr::LOCALHOST);
    assert_eq!(told.recv_timeout(SOON).unwrap(), (NAME.to_owned(), Some(circuits[1].clone())));
    // Resolves that a controller requests are attached too.
    assert_eq!(tor.controller().unwrap().resolve_reverse(NAMED, SOON).unwrap(), "seven.scape.test");
    assert_eq!(told.recv_timeout(SOON).unwrap().1, Some(circuits[1].clone()));
    let error = client.connect((NAME, 80)).unwrap_err();
    assert!(error.get().and_then(SocksError::status).is_some(), "{error}");
    // Streams to onion services are left to tor, which finds out that there is
    // no such service.
    let nobody = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    assert!(client.connect((nobody, 81)).unwrap_err().get().and_then(SocksError::status).is_some());
    attacher.close().unwrap();
    // Open streams go on.
    echoes(&mut stream);
    let mut stream = client.connect((NAME, one)).unwrap();
    echoes(&mut stream);
}

fn builds(network: &TestNetwork) {
    let (tor, port) = (tor(network), server());
    let state = tor.state().unwrap();
    let relays: Vec<Fingerprint> =
        network.relays().filter_map(|relay| relay.fingerprint()).collect();
    let building = state.clone();
    let attacher = state
        .attach(move |_: &StreamRequest| {
            CircuitBuilder::along(&relays[..3])
                .attempts(1)
                .attempt_timeout(SOON)
                .timeout(SOON)
                .build(&building)
                .map_or(Decision::Refuse(EndReason::NO_ROUTE), |circuit| Decision::on(&circuit))
        })
        .unwrap();
    let client = client(&tor);
    let mut used = Vec::new();
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..5).map(|_| scope.spawn(|| client.connect((NAME, port)).unwrap())).collect();
        for thread in threads {
            let mut stream = thread.join().unwrap();
            echoes(&mut stream);
            used.push(circuit_of(&state, &stream).id());
        }
    });
    used.sort_unstable();
    used.dedup();
    assert_eq!(used.len(), 5);
    attacher.close().unwrap();
}

fn asked_again(network: &TestNetwork) {
    let tor = tor(network);
    let state = tor.state().unwrap();
    let circuits = [circuit(network, &state, 0), circuit(network, &state, 1)];
    let (sender, asked) = unbounded();
    struct InTurn(
        [Circuit; 2],
        crossbeam_channel::Sender<Vec<StreamReason>>,
        crossbeam_channel::Sender<Error>,
    );
    impl StreamAttacher for InTurn {
        fn decide(&self, stream: &StreamRequest) -> Decision {
            let tried: Vec<_> =
                stream.tried().filter_map(|(_, reason, _)| reason.cloned()).collect();
            let next = self.0[tried.len().min(1)].clone();
            self.1.send(tried).unwrap();
            Decision::on(next)
        }
        fn failed(&self, _: &StreamInfo, error: &Error) {
            self.2.send(error.clone()).unwrap();
        }
    }
    let (failing, failed) = unbounded();
    let _attacher = state.attach(InTurn(circuits.clone(), sender, failing)).unwrap();
    // Nobody listens on this port.
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let error = client(&tor).connect((NAME, closed)).unwrap_err();
    assert!(error.get::<SocksError>().is_some(), "{error}");
    assert_eq!(asked.recv_timeout(SOON).unwrap(), []);
    assert_eq!(asked.recv_timeout(SOON).unwrap(), [StreamReason::End]);
    // tor gives up after the third attempt, or the same circuit is chosen again
    // and the stream is closed.
    if let Ok(again) = asked.recv_timeout(Duration::from_secs(1)) {
        assert_eq!(again.len(), 2);
        let error = failed.recv_timeout(SOON).unwrap();
        let problem = &error.get::<StreamError>().unwrap().problem;
        assert!(matches!(problem, StreamProblem::TriedBefore(_)), "{error}");
    }
}

fn misbehave(network: &TestNetwork) {
    let (tor, port) = (tor(network), server());
    let state = tor.state().unwrap();
    let circuit = circuit(network, &state, 0);
    let (open, gate) = bounded::<()>(0);
    let (keep, kept) = unbounded();
    let good = circuit.clone();
    let attacher = state
        .attach(move |stream: &StreamRequest| match stream.target().port() {
            Some(1) => panic!("meant to"),
            Some(2) => {
                let _ = gate.recv();
                Decision::Refuse(EndReason::EXIT_POLICY)
            }
            Some(3) => {
                keep.send(stream.answer_later()).unwrap();
                Decision::Later
            }
            Some(4) => Decision::Later,
            _ => Decision::on(&good),
        })
        .unwrap();
    let client = client(&tor);
    // The stream is closed at once, and not after two minutes.
    let begun = Instant::now();
    for forgotten in [1, 4] {
        let error = client.connect((NAME, forgotten)).unwrap_err();
        assert!(error.get::<SocksError>().is_some(), "{error}");
    }
    thread::scope(|scope| {
        let blocked = scope.spawn(|| client.connect((NAME, 2)));
        let waiting = scope.spawn(|| client.connect((NAME, 3)));
        let answer = kept.recv_timeout(SOON).unwrap();
        // Other streams are not delayed.
        for _ in 0..5 {
            echoes(&mut client.connect((NAME, port)).unwrap());
        }
        assert!(!blocked.is_finished() && !waiting.is_finished());
        // The attacher is removed while streams wait. It still decides on those
        // that it was asked about.
        attacher.close().unwrap();
        assert_eq!(option(state.controller()), "0");
        echoes(&mut client.connect((NAME, port)).unwrap());
        assert!(!blocked.is_finished() && !waiting.is_finished());
        drop((open, answer));
        assert!(blocked.join().unwrap().is_err() && waiting.join().unwrap().is_err());
    });
    // Nobody waits for a client that gives up.
    let (attacher, kept) = keeper();
    let attacher = state.attach(attacher).unwrap();
    let error =
        client.clone().timeout(Duration::from_millis(300)).connect((NAME, port)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let answer = kept.recv_timeout(SOON).unwrap();
    state.wait(SOON, |_| answer.is_gone().then_some(())).unwrap();
    let error = answer.attach(&circuit).unwrap_err();
    assert!(error.get::<StreamError>().unwrap().is_stream_gone(), "{error}");
    attacher.close().unwrap();
    assert!(begun.elapsed() < SOON);
}

fn put_back(network: &TestNetwork) {
    let tor = tor(network);
    let port = server();
    // Each controller is separate, like that of another program.
    let watcher = other(&tor).connect().unwrap();
    let begin = |connect: &Connect| {
        let controller = connect.connect().unwrap();
        let guard = controller.attach_streams(|_: &StreamRequest| Decision::Pass).unwrap();
        assert_eq!(option(&watcher), "1");
        (controller, guard)
    };
    let connect = other(&tor);
    let (_controller, guard) = begin(&connect);
    drop(guard);
    assert_eq!(option(&watcher), "0");
    // Closing the connection restores the option, and so does QUIT, even while
    // a stream waits.
    for quit in [false, true] {
        let (controller, guard) = begin(&connect);
        let (attacher, kept) = keeper();
        let waiting = controller.attach_streams_with(1, attacher).unwrap();
        thread::scope(|scope| {
            let stream = scope.spawn(|| client(&tor).connect((NAME, port)));
            let answer = kept.recv_timeout(SOON).unwrap();
            let closed = if quit { controller.clone().quit() } else { controller.clone().close() };
            closed.unwrap();
            assert!(stream.join().unwrap().is_err());
            assert_eq!(option(&watcher), "0");
            drop((answer, waiting, guard));
        });
    }
    // A panic restores the option, too.
    let unwound = thread::scope(|scope| {
        let panics = || {
            let _held = begin(&connect);
            panic!("meant to");
        };
        scope.spawn(panics).join()
    });
    assert!(unwound.is_err());
    assert_eq!(option(&watcher), "0");
    // A reload resets the option, and it is set again.
    let (_controller, guard) = begin(&connect);
    let state = tor.state().unwrap();
    watcher.signal(Signal::Reload).unwrap();
    let is_set = |_: &State| (option(&watcher) == "1").then_some(());
    state.wait(SOON, is_set).unwrap();
    echoes(&mut client(&tor).connect((NAME, port)).unwrap());
    guard.close().unwrap();
    assert_eq!(option(&watcher), "0");
    // An option that was 1 before stays 1.
    watcher.set_conf([("__LeaveStreamsUnattached", "1")]).unwrap();
    let (_controller, guard) = begin(&connect);
    guard.close().unwrap();
    assert_eq!(option(&watcher), "1");
    // A stream that waits already is offered to the attacher.
    thread::scope(|scope| {
        let stream = scope.spawn(|| client(&tor).connect((NAME, port)));
        let there = |state: &State| {
            state
                .streams()
                .into_iter()
                .find(|s| s.target().port() == Some(port) && s.circuit().is_none())
        };
        state.wait(SOON, there).unwrap();
        let guard = state.attach(|_: &StreamRequest| Decision::Tor).unwrap();
        echoes(&mut stream.join().unwrap().unwrap());
        guard.close().unwrap();
    });
    watcher.reset_conf(["__LeaveStreamsUnattached"]).unwrap();
}

fn two_controllers(network: &TestNetwork) {
    let (tor, one, two) = (tor(network), server(), server());
    let first = tor.state().unwrap();
    let second = State::new(&other(&tor).connect().unwrap()).unwrap();
    let theirs = circuit(network, &second, 1);
    let own = first.wait(SOON, |state| state.circuit(theirs.id())).unwrap();
    // Each controller has a connection over its own circuit at the same time,
    // and leaves the other's streams alone.
    let via_first = own.client().unwrap().allow_private_addresses(true).timeout(SOON);
    let second_tor = Tor::from(second.controller().clone());
    let via_second = second_tor
        .client()
        .unwrap()
        .via(&theirs)
        .unwrap()
        .allow_private_addresses(true)
        .timeout(SOON);
    thread::scope(|scope| {
        for client in [&via_first, &via_second] {
            for _ in 0..10 {
                scope.spawn(|| echoes(&mut client.connect((NAME, one)).unwrap()));
            }
        }
    });
    // A circuit of one connection is refused by the other.
    let error = Tor::from(first.controller().clone()).client().unwrap().via(&theirs).unwrap_err();
    let told: &StreamError = error.get().unwrap();
    assert!(matches!(told.problem, StreamProblem::OtherConnection), "{error}");
    // The first controller ends. Streams still wait for the second one, which
    // restores the option at the end.
    drop(via_first);
    second.wait(SOON, |_| (option(second.controller()) == "1").then_some(())).unwrap();
    echoes(&mut via_second.connect((NAME, two)).unwrap());
    drop(via_second);
    second.wait(SOON, |_| (option(second.controller()) == "0").then_some(())).unwrap();
    echoes(&mut client(&tor).connect((NAME, two)).unwrap());
}

fn reconnect(network: &TestNetwork) {
    let (tor, port) = (tor(network), server());
    let watcher = tor.controller().unwrap();
    // tor reports the source of a stream only in its first event.
    let observer = tor.state().unwrap();
    let controller = other(&tor).connect().unwrap();
    let state = State::new(&controller).unwrap();
    let circuit = circuit(network, &state, 0);
    let (attacher, kept) = keeper();
    let guard = controller.attach_streams(attacher).unwrap();
    let via = circuit.client().unwrap().allow_private_addresses(true).timeout(SOON);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client(&tor).connect((NAME, port)));
        let stale = kept.recv_timeout(SOON).unwrap();
        assert_eq!(stale.info().target.port(), Some(port));
        assert_eq!(StreamKind::of(stale.info()), StreamKind::Client);
        assert!(controller.reconnect().unwrap().failures.is_empty());
        // The stream still waits, and is offered again.
        let fresh = kept.recv_timeout(SOON).unwrap();
        assert_eq!(fresh.id(), stale.id());
        assert!(stale.attach(&circuit).unwrap_err().get::<StreamError>().unwrap().is_stream_gone());
        let circuit = state.wait(SOON, |state| state.circuit(circuit.id())).unwrap();
        fresh.attach(&circuit).unwrap();
        let mut stream = waiting.join().unwrap().unwrap();
        echoes(&mut stream);
        assert_eq!(circuit_of(&observer, &stream).id(), circuit.id());
    });
    assert_eq!(option(watcher), "1");
    echoes(&mut via.connect((NAME, port)).unwrap());
    drop(via);
    guard.close().unwrap();
    assert_eq!(option(watcher), "0");
}

fn lost(network: &TestNetwork) {
    let (tor, port) = (tor(network), server());
    let watcher = tor.controller().unwrap();
    // The socket is shut down behind the controller's back, as if the network
    // had failed.
    let sockets: Arc<Mutex<Vec<std::net::TcpStream>>> = Arc::default();
    let listeners = watcher.info().listeners(&ListenerKind::Control).unwrap();
    let (address, opened) = (listeners[0].to_string(), sockets.clone());
    let connect = Connect::through(move || {
        let socket = std::net::TcpStream::connect(&address)?;
        opened.lock().push(socket.try_clone()?);
        Ok(Transport::from(socket))
    });
    let controller = connect.timeout(SOON).connect().unwrap();
    let (attacher, kept) = keeper();
    let guard = controller.attach_streams(attacher).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client(&tor).connect((NAME, port)));
        let answer = kept.recv_timeout(SOON).unwrap();
        assert_eq!(option(watcher), "1");
        sockets.lock()[0].shutdown(std::net::Shutdown::Both).unwrap();
        // The stream is closed, not after two minutes and not by a circuit that
        // nobody chose.
        assert!(waiting.join().unwrap().is_err());
        drop(answer);
    });
    let begun = Instant::now();
    while option(watcher) == "1" {
        assert!(begun.elapsed() < SOON, "streams wait for nobody");
        thread::sleep(Duration::from_millis(20));
    }
    echoes(&mut client(&tor).connect((NAME, port)).unwrap());
    drop(guard);

    // If a program was killed, another program has to restore its option.
    watcher.set_conf([("__LeaveStreamsUnattached", "1")]).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client(&tor).connect((NAME, port)));
        let state = tor.state().unwrap();
        let waits = |state: &State| {
            let waits = |stream: &scape::state::Stream| {
                stream.target().port() == Some(port) && stream.circuit().is_none()
            };
            state.streams().iter().any(waits).then_some(())
        };
        state.wait(SOON, waits).unwrap();
        let error =
            client(&tor).timeout(Duration::from_millis(200)).connect((NAME, port)).unwrap_err();
        assert!(error.to_string().contains("release_streams"), "{error}");
        assert!(watcher.release_streams().unwrap() >= 1);
        echoes(&mut waiting.join().unwrap().unwrap());
    });
    assert_eq!(option(watcher), "0");
}

fn signals(network: &TestNetwork) {
    let (tor, port) = (tor(network), server());
    let watcher = tor.controller().unwrap();
    let listeners = watcher.info().listeners(&ListenerKind::Control).unwrap();
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
        let mut command = crate::program::example(network, "signals", &[]);
        command.env("SCAPE_CONTROL", listeners[0].to_string()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut says =
            std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        says.next().unwrap().unwrap();
        let begun = Instant::now();
        while option(watcher) == "0" {
            assert!(begun.elapsed() < SOON, "it attaches nothing");
            thread::sleep(Duration::from_millis(20));
        }
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(signal.as_raw()));
        assert_eq!(option(watcher), "0");
        echoes(&mut client(&tor).connect((NAME, port)).unwrap());
    }
}
