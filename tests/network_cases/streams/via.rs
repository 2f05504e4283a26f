//! Connections over chosen circuits: checks the exit that a connection comes
//! from, and the circuit that tor reports for it.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use scape::State;
use scape::attach::{Decision, StreamRequest};
use scape::control::{StreamError, StreamProblem};
use scape::event::{CircuitPurpose, EventBody, EventKind, StreamStatus};
use scape::process::owner_of;
use scape::socks::{SocksError, SocksStatus, SocksStream};
use scape::state::Circuit;
use scape::testing::{Node, TestNetwork};
use scape::tor::SocksPort;
use scape::word::Fingerprint;
use scape::{CircuitBuilder, Tor, TorClient};

use crate::{NAME, NAMED, SOON};

cases! {
    STREAMS:
    two_hundred_connections_keep_to_their_twenty_circuits = many,
    connections_end_with_their_closed_circuits = killed,
    connections_resolves_and_endpoints_use_their_circuit = everything,
    client_builds_a_circuit_for_each_connection = fresh,
    connection_that_its_circuit_cannot_carry_fails = nowhere,
    resolves_over_circuits_whose_purpose_changes_keep_tor_alive = look_ups,
    ten_connections_in_turn_change_the_option_three_times = in_turn,
    socks_proxy_for_other_programs_uses_its_circuit = other_programs,
}

/// The process ids of the relays, by fingerprint.
struct Exits(HashMap<Fingerprint, u32>);

impl Exits {
    fn new(network: &TestNetwork) -> Self {
        let of = |relay: &Node| (relay.fingerprint().unwrap(), relay.process().pid());
        Exits(network.relays().map(of).collect())
    }

    fn of(&self, circuit: &Circuit) -> u32 {
        self.0[&circuit.path().last().unwrap().fingerprint().unwrap()]
    }
}

/// A server that reads a number from each connection, and sends the number
/// back. For each number, it records the process ID of the exit that opened the
/// connection.
struct Server {
    port: u16,
    arrived: Arc<Mutex<HashMap<u32, u32>>>,
}

fn server() -> Server {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let arrived: Arc<Mutex<HashMap<u32, u32>>> = Arc::default();
    let notes = arrived.clone();
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let notes = notes.clone();
            thread::spawn(move || {
                let (peer, local) =
                    (connection.peer_addr().unwrap(), connection.local_addr().unwrap());
                let mut number = [0; 4];
                if connection.read_exact(&mut number).is_ok() {
                    // If the exit has closed the connection meanwhile, its
                    // process is not found any more.
                    if let Some(owner) = owner_of(peer, Some(local)).unwrap() {
                        notes.lock().insert(u32::from_be_bytes(number), owner.pid);
                    }
                    let _ = connection.write_all(&number);
                    // This waits until the client closes the connection.
                    let _ = connection.read(&mut number);
                }
            });
        }
    });
    Server { port, arrived }
}

/// Launches a tor that no other test uses, so that the streams of other tests
/// don't wait for this one.
fn tor(network: &TestNetwork) -> Tor {
    let tor = Tor::launch(network.launch()).unwrap();
    tor.become_ready(SOON).unwrap();
    tor
}

/// Builds `count` circuits of three relays, which end at each relay in turn.
fn circuits(network: &TestNetwork, state: &State, count: usize) -> Vec<Circuit> {
    let relays: Vec<Fingerprint> =
        network.relays().filter_map(|relay| relay.fingerprint()).collect();
    let launched: Vec<Circuit> = (0..count)
        .map(|number| {
            let path = [1, 2, 0].map(|step| relays[(number + step) % relays.len()]);
            CircuitBuilder::along(path).launch(state).unwrap()
        })
        .collect();
    for circuit in &launched {
        circuit.wait_built(SOON).unwrap();
    }
    launched
}

fn client(circuit: &Circuit) -> TorClient {
    circuit.client().unwrap().allow_private_addresses(true).timeout(SOON)
}

/// Sends a number, and checks that it comes back.
fn greet(stream: &mut SocksStream, number: u32) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(&number.to_be_bytes())?;
    let mut heard = [0; 4];
    stream.read_exact(&mut heard)?;
    assert_eq!(u32::from_be_bytes(heard), number);
    Ok(())
}

fn many(network: &TestNetwork) {
    let exits = Exits::new(network);
    let (server, tor) = (server(), tor(network));
    let state = tor.state().unwrap();
    let circuits = circuits(network, &state, 20);
    let clients: Vec<TorClient> = circuits.iter().map(client).collect();
    let begun = Instant::now();
    let streams: Vec<(u32, SocksStream)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..200_u32)
            .map(|number| {
                let (client, port) = (&clients[number as usize % 20], server.port);
                scope.spawn(move || {
                    let mut stream = client.connect((NAME, port)).unwrap();
                    greet(&mut stream, number).unwrap();
                    (number, stream)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    println!("  {:.1} s", begun.elapsed().as_secs_f32());
    // tor reports the circuit of the stream with the client's port.
    let listed = tor.controller().unwrap().streams().unwrap();
    for (number, stream) in &streams {
        let own = stream.as_tcp().unwrap().local_addr().unwrap();
        let live =
            state.streams().into_iter().find(|live| live.source_addr() == Some(own)).unwrap();
        let circuit = &circuits[*number as usize % 20];
        assert_eq!(live.circuit().as_ref(), Some(circuit), "{live}");
        let listed = listed.iter().find(|listed| listed.id == live.id()).unwrap();
        assert_eq!(
            (listed.circuit, &listed.status),
            (Some(circuit.id()), &StreamStatus::Succeeded)
        );
        assert_eq!(server.arrived.lock()[number], exits.of(circuit));
    }
    assert_eq!(server.arrived.lock().values().collect::<HashSet<_>>().len(), 5);
    drop(streams);
    // When the last client is gone, tor leaves no streams unattached any more.
    let option = || tor.controller().unwrap().get_conf("__LeaveStreamsUnattached").unwrap();
    assert_eq!(option().as_deref(), Some("1"));
    drop(clients);
    let begun = Instant::now();
    while option().as_deref() == Some("1") {
        assert!(begun.elapsed() < SOON, "tor's option stays set");
        thread::sleep(Duration::from_millis(20));
    }
    let mut stream =
        tor.client().unwrap().allow_private_addresses(true).connect((NAME, server.port)).unwrap();
    greet(&mut stream, 1000).unwrap();
}

fn killed(network: &TestNetwork) {
    let exits = Exits::new(network);
    let (server, tor) = (server(), tor(network));
    let state = tor.state().unwrap();
    let circuits = circuits(network, &state, 20);
    let clients: Vec<TorClient> = circuits.iter().map(client).collect();
    let outcomes: Vec<(u32, scape::Result<bool>)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..200_u32)
            .map(|number| {
                let (client, port) = (&clients[number as usize % 20], server.port);
                scope.spawn(move || {
                    let outcome = client.connect((NAME, port));
                    // The stream ends with its circuit.
                    (number, outcome.map(|mut stream| greet(&mut stream, number).is_ok()))
                })
            })
            .collect();
        // Closes circuits while connections are being made.
        for circuit in circuits.iter().step_by(2) {
            let carries = |_: &State| (!circuit.streams().is_empty()).then_some(());
            let _ = state.wait(Duration::from_secs(1), carries);
            circuit.close().unwrap();
        }
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut failed = 0;
    for (number, outcome) in outcomes {
        let circuit = &circuits[number as usize % 20];
        match outcome {
            Ok(true) => {}
            Ok(false) => assert!(circuit.is_ended(), "{circuit}"),
            Err(error) => {
                failed += 1;
                assert!(circuit.is_ended(), "{circuit}: {error}");
                let told = error.get::<StreamError>().unwrap_or_else(|| panic!("{error}"));
                assert_eq!(told.circuit, Some(circuit.id()), "{error}");
            }
        }
    }
    println!("  {failed} failed");
    // No connection arrived from another exit.
    for (number, from) in &*server.arrived.lock() {
        assert_eq!(*from, exits.of(&circuits[*number as usize % 20]), "{number}");
    }
    // Failed connections leave no streams in tor.
    let ended = |state: &State| {
        let own = |stream: &scape::state::Stream| stream.target().port() == Some(server.port);
        (!state.streams().iter().any(own)).then_some(())
    };
    state.wait(SOON, ended).unwrap();
    // A dead circuit is reported before anything is sent.
    let error = clients[0].connect((NAME, server.port)).err().unwrap();
    let told = error.get::<StreamError>().unwrap_or_else(|| panic!("{error}"));
    assert!(told.is_circuit_gone() && told.stream.is_none(), "{error}");
    assert!(
        matches!(&told.problem, StreamProblem::CircuitEnded { reason: Some(_), .. }),
        "{error}"
    );
}

fn everything(network: &TestNetwork) {
    let exits = Exits::new(network);
    let (server, tor) = (server(), tor(network));
    let state = tor.state().unwrap();
    let circuit = circuits(network, &state, 1).remove(0);
    let client = client(&circuit);
    assert_eq!(client.dns_resolve(NAME).unwrap(), Ipv4Addr::LOCALHOST);
    assert_eq!(client.dns_resolve_ptr(NAMED).unwrap(), "seven.scape.test");
    assert_eq!(circuit.client().unwrap().dns_resolve(NAME).unwrap(), Ipv4Addr::LOCALHOST);
    assert_eq!(circuit.client().unwrap().dns_resolve_ptr(NAMED).unwrap(), "seven.scape.test");
    assert!(
        circuit
            .client()
            .unwrap()
            .dns_resolve("nobody-via.scape.test")
            .unwrap_err()
            .get::<SocksError>()
            .is_some()
    );
    // Streams that tor would isolate from each other share the circuit.
    for number in 0..3 {
        greet(&mut client.isolated().connect((NAME, server.port)).unwrap(), number).unwrap();
    }
    // A Unix port has no address to identify a stream by.
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
    let port = SocksPort::added_unix(directory.path().join("socks"));
    let unix = tor
        .client_on(&port)
        .unwrap()
        .via(&circuit)
        .unwrap()
        .allow_private_addresses(true)
        .timeout(SOON);
    let mut stream = unix.connect((NAME, server.port)).unwrap();
    assert!(stream.as_unix().is_some());
    greet(&mut stream, 10).unwrap();
    // Connections can also be made over an endpoint.
    let endpoint = format!("tor:{NAME}:{}:allowPrivate=true:timeout=60", server.port);
    let endpoint: scape::endpoint::ClientEndpoint = endpoint.parse().unwrap();
    let mut stream = endpoint.dial_with(&client).unwrap();
    stream.write_all(&11_u32.to_be_bytes()).unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    #[cfg(feature = "http")]
    {
        let site =
            crate::onions::added::server(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        let agent =
            circuit.client().unwrap().agent().allow_private_addresses(true).build().unwrap();
        let page = agent.get(format!("http://{NAME}:{}/", site.port())).call().unwrap();
        assert_eq!(page.into_body().read_to_string().unwrap(), "hello");
    }
    let arrived = server.arrived.lock();
    assert_eq!(arrived.len(), 5);
    assert!(arrived.values().all(|from| *from == exits.of(&circuit)), "{arrived:?}");
    drop(arrived);
    // The connection leaves at the middle relay, which is an exit as well.
    let middle = scape::attach::AttachPoint::from(&circuit).hop(2);
    let early =
        tor.client().unwrap().via(middle).unwrap().allow_private_addresses(true).timeout(SOON);
    greet(&mut early.connect((NAME, server.port)).unwrap(), 20).unwrap();
    let second = circuit.path()[1].fingerprint().unwrap();
    assert_eq!(server.arrived.lock()[&20], exits.0[&second]);
    // A circuit of another tor is refused.
    let other = network.tor();
    let error = other.client().unwrap().via(&circuit).unwrap_err();
    let told: &StreamError = error.get().unwrap();
    assert!(matches!(told.problem, StreamProblem::OtherConnection), "{error}");
}

fn fresh(network: &TestNetwork) {
    let exits = Exits::new(network);
    let (server, tor) = (server(), tor(network));
    let state = tor.state().unwrap();
    let relays: Vec<Fingerprint> =
        network.relays().filter_map(|relay| relay.fingerprint()).collect();
    let builder = CircuitBuilder::along(&relays[..3]).purpose(CircuitPurpose::Controller);
    let client = tor
        .client()
        .unwrap()
        .building(builder.clone())
        .unwrap()
        .allow_private_addresses(true)
        .timeout(SOON);
    let before: HashSet<_> = state.circuits().iter().map(Circuit::id).collect();
    let streams: Vec<SocksStream> = (0..3)
        .map(|number| {
            let mut stream = client.connect((NAME, server.port)).unwrap();
            greet(&mut stream, number).unwrap();
            stream
        })
        .collect();
    let new: Vec<Circuit> = state
        .circuits()
        .into_iter()
        .filter(|c| !before.contains(&c.id()) && !c.streams().is_empty())
        .collect();
    assert_eq!((new.len(), streams.len()), (3, 3), "{new:?}");
    assert!(server.arrived.lock().values().all(|from| *from == exits.0[&relays[2]]));
    // A circuit whose connection fails is closed.
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let controllers = |state: &State| {
        state.circuits().iter().filter(|c| c.purpose() == Some(CircuitPurpose::Controller)).count()
    };
    let error = client.connect((NAME, closed)).unwrap_err();
    assert!(error.get::<SocksError>().is_some(), "{error}");
    state.wait(SOON, |state| (controllers(state) == 3).then_some(())).unwrap();
    // If the circuit can't be built, no stream is opened.
    let nobody = CircuitBuilder::along(["$1111111111111111111111111111111111111111"]);
    let client = tor.client().unwrap().building(nobody).unwrap().allow_private_addresses(true);
    assert!(client.connect((NAME, server.port)).is_err());
    assert_eq!(server.arrived.lock().len(), 3);
}

fn nowhere(network: &TestNetwork) {
    let (server, tor) = (server(), tor(network));
    let state = tor.state().unwrap();
    let circuit = circuits(network, &state, 1).remove(0);
    let client = client(&circuit);
    let nobody = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    let error = client.connect((nobody, 80)).unwrap_err();
    let told: &StreamError = error.get().unwrap();
    assert!(matches!(told.problem, StreamProblem::Onion), "{error}");
    // The exit's reason is reported, and no other exit is tried.
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let error = client.connect((NAME, closed)).unwrap_err();
    assert!(error.get().and_then(SocksError::status).is_some(), "{error}");
    assert!(
        client.connect(("nobody-via.scape.test", 80)).unwrap_err().get::<SocksError>().is_some()
    );
    // tor itself refuses such names, after the stream was attached.
    assert!(client.connect(("www.example.exit", 80)).is_err());
    // A connection that runs out of time is not made over another circuit
    // either.
    let error =
        client.clone().timeout(Duration::from_micros(1)).connect((NAME, server.port)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    // Another controller resets the option. It is set again, and no stream went
    // over another circuit.
    let controller = tor.controller().unwrap();
    controller.set_conf([("__LeaveStreamsUnattached", "0")]).unwrap();
    let is_set = |_: &State| {
        (controller.get_conf("__LeaveStreamsUnattached").unwrap().as_deref() == Some("1"))
            .then_some(())
    };
    state.wait(SOON, is_set).unwrap();
    greet(&mut client.connect((NAME, server.port)).unwrap(), 1).unwrap();
    // Circuits with one hop carry no streams.
    let first = circuit.path()[0].fingerprint().unwrap();
    let short = CircuitBuilder::along([first])
        .attempts(1)
        .attempt_timeout(SOON)
        .timeout(SOON)
        .build(&state)
        .unwrap();
    let short = short.client().unwrap().allow_private_addresses(true).timeout(SOON);
    let error = short.connect((NAME, server.port)).unwrap_err();
    assert_eq!(error.code(), Some(551), "{error}");
    state
        .wait(SOON, |state| state.streams().iter().all(|s| s.circuit().is_some()).then_some(()))
        .unwrap();
}

fn look_ups(network: &TestNetwork) {
    let tor = tor(network);
    let controller = tor.controller().unwrap();
    let state = tor.state().unwrap();
    let relays: Vec<Fingerprint> =
        network.relays().filter_map(|relay| relay.fingerprint()).collect();
    let builder = CircuitBuilder::along(&relays[..3]).purpose(CircuitPurpose::Controller);
    let circuit = builder.clone().build(&state).unwrap();
    // tor 0.4.9 aborts if a resolve is attached to such a circuit without a
    // change of its purpose.
    assert_eq!(circuit.client().unwrap().dns_resolve(NAME).unwrap(), Ipv4Addr::LOCALHOST);
    assert_eq!(circuit.client().unwrap().dns_resolve_ptr(NAMED).unwrap(), "seven.scape.test");
    let fresh = tor.client().unwrap().building(builder).unwrap().timeout(SOON);
    assert_eq!(fresh.dns_resolve(NAME).unwrap(), Ipv4Addr::LOCALHOST);
    let attacher = {
        let circuit = circuit.clone();
        state.attach(move |_: &StreamRequest| Decision::on(&circuit)).unwrap()
    };
    // The resolves are those of any program over the SOCKS port, and of a
    // controller.
    assert_eq!(tor.client().unwrap().isolated().dns_resolve(NAME).unwrap(), Ipv4Addr::LOCALHOST);
    assert_eq!(controller.resolve_reverse(NAMED, SOON).unwrap(), "seven.scape.test");
    attacher.close().unwrap();
    let purpose = || {
        let circuits = controller.circuits().unwrap();
        circuits.into_iter().find(|listed| listed.id == circuit.id()).unwrap().purpose
    };
    assert_eq!(purpose(), Some(CircuitPurpose::Controller));

    // Another controller changes the purpose all the time.
    let client = circuit.client().unwrap().timeout(SOON);
    let (done, over) = crossbeam_channel::bounded::<()>(0);
    let resolved = thread::scope(|scope| {
        scope.spawn(|| {
            let purposes = [CircuitPurpose::General, CircuitPurpose::Controller];
            for purpose in purposes.into_iter().cycle() {
                if over.try_recv() == Err(crossbeam_channel::TryRecvError::Disconnected) {
                    break;
                }
                controller.set_circuit_purpose(circuit.id(), purpose).unwrap();
            }
        });
        let resolves = |number: &i32| {
            // tor doesn't know this name yet.
            let name = format!("look-up-{number}.scape.test");
            network.name_server().add_address(&name, Ipv4Addr::LOCALHOST.into());
            client.dns_resolve(&name).is_ok()
        };
        let resolved = (0..100).filter(resolves).count();
        drop(done);
        resolved
    });
    println!("  {resolved} of 100 names were resolved");
    assert!(controller.is_alive() && resolved > 0);

    // Send raw commands for streams that wait for a controller. While the
    // option lingers, this library leaves such streams to tor.
    drop((client, fresh));
    let option = || controller.get_conf("__LeaveStreamsUnattached").unwrap();
    let begun = Instant::now();
    while option().as_deref() != Some("0") {
        assert!(begun.elapsed() < SOON, "the option isn't put back");
        thread::sleep(Duration::from_millis(50));
    }
    controller.set_circuit_purpose(circuit.id(), CircuitPurpose::Controller).unwrap();
    let events = controller.subscribe([EventKind::Stream]).unwrap();
    controller.set_conf([("__LeaveStreamsUnattached", "1")]).unwrap();
    thread::scope(|scope| {
        let resolving =
            scope.spawn(|| tor.client().unwrap().isolated().timeout(SOON).dns_resolve(NAME));
        let stream = loop {
            let event = events.next_timeout(SOON).unwrap();
            if let EventBody::Stream(info) = event.body()
                && info.status == StreamStatus::ControllerWait
            {
                break info.id;
            }
        };
        controller.attach_stream(stream, circuit.id(), None).unwrap();
        assert_eq!(resolving.join().unwrap().unwrap(), Ipv4Addr::LOCALHOST);
    });
    controller.reset_conf(["__LeaveStreamsUnattached"]).unwrap();
    assert_eq!(purpose(), Some(CircuitPurpose::Controller));
}

fn in_turn(network: &TestNetwork) {
    let (server, tor) = (server(), tor(network));
    let state = tor.state().unwrap();
    let circuit = circuits(network, &state, 1).remove(0);
    let controller = tor.controller().unwrap();
    let key = scape::control::ClientAuth::new(
        scape::word::OnionKey::random().address(),
        scape::word::ClientKey::random(),
    );
    controller.onion_client_auth().add(&key).unwrap();
    let changes = controller.subscribe([EventKind::ConfChanged]).unwrap();
    let begun = Instant::now();
    for number in 0..10 {
        greet(&mut client(&circuit).connect((NAME, server.port)).unwrap(), number).unwrap();
    }
    println!("  ten connections in {:?}", begun.elapsed());
    controller.is_alive();
    // The first connection sets and restores the option. The second one sets
    // it, and it isn't restored yet.
    assert_eq!(changes.try_iter().count(), 3);
    assert_eq!(controller.onion_client_auth().list().unwrap(), [key]);
}

fn other_programs(network: &TestNetwork) {
    use scape::socks::{Isolation, SocksProxy};
    use scape::transport::Address;

    let exits = Exits::new(network);
    let (server, tor) = (server(), tor(network));
    let state = tor.state().unwrap();
    let circuit = circuits(network, &state, 1).remove(0);
    let socks = circuit.socks().unwrap();
    assert!(!format!("{socks:?}").contains(socks.password()));
    assert!(
        socks.url().contains(socks.password())
            && socks.url().ends_with(&socks.address().to_string())
    );
    let port = SocksProxy::new(Address::from(socks.address())).timeout(SOON);
    let own = port.clone().isolation(Isolation::new(socks.user(), socks.password()).unwrap());
    // Private targets are refused, and so are programs that don't know the
    // password.
    let error = own.connect(("127.0.0.1", server.port)).unwrap_err();
    assert_eq!(error.get().and_then(SocksError::status), Some(SocksStatus::NOT_ALLOWED), "{error}");
    let wrong = port.clone().isolation(Isolation::new(socks.user(), "wrong").unwrap());
    assert!(
        wrong.connect((NAME, server.port)).is_err() && port.connect((NAME, server.port)).is_err()
    );
    let mut streams: Vec<SocksStream> = (0..3)
        .map(|number| {
            let mut stream = own.connect((NAME, server.port)).unwrap();
            greet(&mut stream, number).unwrap();
            stream
        })
        .collect();
    assert!(server.arrived.lock().values().all(|from| *from == exits.of(&circuit)));
    // A program that sends nothing has a connection too.
    let mut silent = TcpStream::connect(socks.address()).unwrap();
    silent.set_read_timeout(Some(SOON)).unwrap();
    let address = socks.address();
    // Everything ends with the proxy, and nothing goes over another circuit.
    drop(socks);
    assert!(TcpStream::connect(address).is_err(), "the port is open");
    let has_ended = |stream: &mut dyn Read| match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    };
    assert!(streams.iter_mut().all(|stream| has_ended(stream)) && has_ended(&mut silent));
    assert!(own.connect((NAME, server.port)).is_err());
    assert_eq!(server.arrived.lock().len(), 3);
}
