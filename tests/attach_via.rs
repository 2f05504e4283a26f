//! Connections over a chosen circuit, without a real tor: a scripted control
//! port, and a SOCKS port that answers as the test needs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/place.rs"]
mod place;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use place::SOON;
use scape::attach::{AttachPoint, Decision, StreamRequest};
use scape::control::{ArgumentError, StreamError, StreamProblem};
use scape::event::CircuitStatus;
use scape::socks::{Isolation, SocksError};
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::tor::SocksPort;
use scape::word::CircuitId;
use scape::{Connect, Controller, Tor, TorClient};

const CIRCUIT: CircuitId = CircuitId::new(7);
const GRANTED: &[u8] = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";
const REFUSED: &[u8] = b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00";
const FAILED: &[u8] = b"\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00";
const ADDRESS: &[u8] = b"\x05\x00\x00\x01\xc0\x00\x02\x07\x00\x00";
const NAME: &[u8] = b"\x05\x00\x00\x03\x06a.test\x00\x00";

fn builder() -> ScriptedTorBuilder {
    ScriptedTor::builder()
        .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
        .on_prefix("SETCONF", "250 OK\r\n")
        .on_prefix("ATTACHSTREAM", "250 OK\r\n")
        .on_prefix("CLOSESTREAM", "250 OK\r\n")
        .info("stream-status", "")
        .info("version", "0.4.9.11")
        .info(
            "circuit-status",
            "6 EXTENDED alice PURPOSE=GENERAL\n7 BUILT alice,bob PURPOSE=GENERAL",
        )
        .patience(SOON)
}

/// A tor with a scripted control port, a controller for it, and a SOCKS port.
struct Fake {
    control: Arc<ScriptedTor>,
    controller: Controller,
    socks: SocksPort,
}

/// A request that a client has sent to the SOCKS port.
struct Arrived {
    control: Arc<ScriptedTor>,
    stream: Box<dyn Duplex>,
    user: String,
    command: u8,
}

trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

fn fake(builder: ScriptedTorBuilder, serve: impl Fn(&mut Arrived) + Send + Sync + 'static) -> Fake {
    let control = Arc::new(builder.start().unwrap());
    let controller = Connect::new().authenticate_over(control.transport().unwrap()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let socks = SocksPort::at(
        listener.local_addr().unwrap().to_string().parse::<scape::transport::Address>().unwrap(),
    );
    let (for_thread, serve) = (control.clone(), Arc::new(serve));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (control, serve) = (for_thread.clone(), serve.clone());
            thread::spawn(move || {
                greet(control, Box::new(stream)).map(|mut arrived| serve(&mut arrived))
            });
        }
    });
    Fake { control, controller, socks }
}

/// Performs the SOCKS port's side of a handshake, up to the client's request.
/// Returns `None` if the client ends the connection.
fn greet(control: Arc<ScriptedTor>, mut stream: Box<dyn Duplex>) -> Option<Arrived> {
    let read = |count: usize, stream: &mut Box<dyn Duplex>| -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).ok()?;
        Some(bytes)
    };
    let hello = read(2, &mut stream)?;
    assert!(read(hello[1].into(), &mut stream)?.contains(&2), "credentials are not offered");
    stream.write_all(b"\x05\x02").ok()?;
    let length = read(2, &mut stream)?[1];
    let user = String::from_utf8(read(length.into(), &mut stream)?).unwrap();
    let length = read(1, &mut stream)?[0];
    read(length.into(), &mut stream)?;
    stream.write_all(b"\x01\x00").ok()?;
    let head = read(5, &mut stream)?;
    let rest = match head[3] {
        1 => 5,
        3 => usize::from(head[4]) + 2,
        _ => 17,
    };
    read(rest, &mut stream)?;
    Some(Arrived { control, stream, user, command: head[1] })
}

impl Arrived {
    fn says(&self, what: &str) {
        self.control.send(format!(
            "650 STREAM {what} SOCKS_USERNAME=\"{}\" SOCKS_PASSWORD=\"0\"\r\n",
            self.user
        ));
    }

    /// Sends the events of a new stream that waits for a controller.
    fn waits(&self, id: u64) {
        self.says(&format!("{id} NEW 0 a.test:80 PURPOSE=USER"));
        self.says(&format!("{id} CONTROLLER_WAIT 0 a.test:80"));
    }

    fn waits_and_is_attached(&self, id: u64) {
        self.waits(id);
        self.control.wait_for(&format!("ATTACHSTREAM {id} 7")).unwrap();
    }

    fn opens(&mut self, id: u64, circuit: u32) {
        self.says(&format!("{id} SENTCONNECT {circuit} a.test:80"));
        self.says(&format!("{id} REMAP {circuit} 192.0.2.1:80 SOURCE=EXIT"));
        self.says(&format!("{id} SUCCEEDED {circuit} 192.0.2.1:80"));
    }

    fn answers(&mut self, bytes: &[u8]) {
        // An error only means that the client has given up.
        let _ = self.stream.write_all(bytes);
    }

    fn sees_the_end(&mut self) {
        assert_eq!(self.stream.read(&mut [0]).unwrap_or(0), 0);
    }
}

impl Fake {
    fn client(&self) -> TorClient {
        let tor = Tor::from(self.controller.clone());
        tor.client_on(&self.socks).unwrap().via(CIRCUIT).unwrap().timeout(SOON)
    }

    fn count(&self, what: &str) -> usize {
        self.control.sent().iter().filter(|sent| sent.starts_with(what)).count()
    }
}

fn stream_error<T>(result: scape::Result<T>) -> StreamError {
    match result {
        Err(error) => error.get::<StreamError>().unwrap_or_else(|| panic!("{error}")).clone(),
        Ok(_) => panic!("it went somewhere"),
    }
}

#[test]
fn connection_goes_over_its_circuit() {
    let (sender, users) = unbounded();
    let tor = fake(builder(), move |arrived| {
        sender.send(arrived.user.clone()).unwrap();
        arrived.waits_and_is_attached(12);
        arrived.opens(12, 7);
        arrived.answers(GRANTED);
        let mut byte = [0];
        arrived.stream.read_exact(&mut byte).unwrap();
        arrived.stream.write_all(&byte).unwrap();
    });
    let client = tor.client();
    for _ in 0..2 {
        let mut stream = client.connect("a.test:80").unwrap();
        stream.write_all(b"x").unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }
    // Each connection has its own user name, made of 128 random bits.
    let (one, other) = (users.recv().unwrap(), users.recv().unwrap());
    assert!(one != other && one.len() >= 32 && other.len() >= 32);
    assert!(!format!("{client:?}").contains(&one));
    // An isolation setting changes nothing.
    let isolated = client.clone().isolation(Isolation::new("bob", "sesame").unwrap());
    isolated.connect("a.test:80").unwrap();
    assert_ne!(users.recv().unwrap(), "bob");
    drop((client, isolated));
    // A single client doesn't leave the option set.
    assert_eq!(
        (
            tor.count("SETCONF __LeaveStreamsUnattached=1"),
            tor.count("SETCONF __LeaveStreamsUnattached=0")
        ),
        (1, 1)
    );
    assert_eq!(tor.count("CLOSESTREAM"), 0);
}

#[test]
fn connection_leaves_at_the_chosen_hop() {
    let tor = fake(builder(), |arrived| {
        arrived.waits(12);
        arrived.control.wait_for("ATTACHSTREAM 12 7 HOP=2").unwrap();
        arrived.opens(12, 7);
        arrived.answers(GRANTED);
    });
    let client = Tor::from(tor.controller.clone())
        .client_on(&tor.socks)
        .unwrap()
        .via(AttachPoint::from(CIRCUIT).hop(2))
        .unwrap();
    client.timeout(SOON).connect("a.test:80").unwrap();
}

#[cfg(unix)]
#[test]
fn circuit_bound_stream_over_unix_socks_port() {
    use std::os::unix::net::UnixListener;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socks");
    let listener = UnixListener::bind(&path).unwrap();
    let tor = fake(builder(), |_| {});
    let control = tor.control.clone();
    let served = thread::spawn(move || {
        let mut arrived = greet(control, Box::new(listener.accept().unwrap().0)).unwrap();
        // A Unix socket has no address to identify the client by.
        arrived.waits_and_is_attached(12);
        arrived.opens(12, 7);
        arrived.answers(GRANTED);
    });
    let port = SocksPort::at(scape::transport::Address::from(path.as_path()));
    let client = Tor::from(tor.controller.clone()).client_on(&port).unwrap().via(CIRCUIT).unwrap();
    client.timeout(SOON).connect("a.test:80").unwrap();
    served.join().unwrap();
}

#[test]
fn names_and_addresses_are_resolved_over_the_circuit() {
    let tor = fake(builder(), |arrived| {
        let (id, answer) = if arrived.command == 0xf0 { (12, ADDRESS) } else { (13, NAME) };
        arrived.says(&format!("{id} NEWRESOLVE 0 a.test:0 PURPOSE=DNS_REQUEST"));
        arrived.says(&format!("{id} CONTROLLER_WAIT 0 a.test:0"));
        arrived.control.wait_for(&format!("ATTACHSTREAM {id} 7")).unwrap();
        arrived.says(&format!("{id} SENTRESOLVE 7 a.test:0"));
        arrived.answers(answer);
        arrived.says(&format!("{id} CLOSED 7 a.test:0 REASON=DONE"));
    });
    let client = tor.client();
    assert_eq!(client.dns_resolve("a.test").unwrap().to_string(), "192.0.2.7");
    assert_eq!(client.dns_resolve_ptr("192.0.2.7".parse().unwrap()).unwrap(), "a.test");
}

#[test]
fn resolve_over_another_circuit_is_refused() {
    let tor = fake(builder(), |arrived| {
        arrived.says("12 NEWRESOLVE 0 a.test:0 PURPOSE=DNS_REQUEST");
        arrived.says("12 SENTRESOLVE 9 a.test:0");
        arrived.answers(ADDRESS);
    });
    let error = stream_error(tor.client().dns_resolve("a.test"));
    let StreamProblem::Elsewhere(circuit) = error.problem else { panic!("{error}") };
    assert_eq!(circuit, Some(CircuitId::new(9)));
}

#[test]
fn impossible_connections_are_refused_before_anything_is_sent() {
    let tor = fake(builder(), |_| panic!("a request arrived"));
    let error = stream_error(tor.client().connect("Some.ONION:80"));
    assert!(matches!(error.problem, StreamProblem::Onion), "{error}");
    assert_eq!((error.circuit, &*error.target), (Some(CIRCUIT), "Some.ONION:80"));
    let client = |id| {
        Tor::from(tor.controller.clone())
            .client_on(&tor.socks)
            .unwrap()
            .via(CircuitId::new(id))
            .unwrap()
    };
    let error = stream_error(client(6).connect("a.test:80"));
    assert!(matches!(error.problem, StreamProblem::NotBuilt(CircuitStatus::Extended)), "{error}");
    let error = stream_error(client(8).connect("a.test:80"));
    assert!(error.is_circuit_gone() && error.to_string().contains("circuit 8"), "{error}");
    // Circuit 0 is refused, because it would let tor choose.
    let nothing =
        Tor::from(tor.controller.clone()).client_on(&tor.socks).unwrap().via(CircuitId::new(0));
    assert!(nothing.unwrap_err().get::<ArgumentError>().is_some());
    assert!(Tor::socks_only("127.0.0.1:1".parse::<scape::transport::Address>().unwrap()).is_err());
    // Targets in the exit's private network are refused unless they are
    // allowed.
    let error = tor.client().connect("127.0.0.1:80").unwrap_err();
    assert!(error.get::<SocksError>().unwrap().is_private());
}

#[test]
fn stream_that_tor_refuses_to_attach_is_closed() {
    for (reply, gone) in [
        ("551 Can't attach stream to non-open origin circuit\r\n", false),
        ("552 Unknown circuit \"7\"\r\n", true),
        ("555 Connection is not managed by controller.\r\n", false),
    ] {
        let tor = fake(builder().on("ATTACHSTREAM 12 7", reply), |arrived| {
            arrived.waits_and_is_attached(12);
            arrived.control.wait_for("CLOSESTREAM 12").unwrap();
            arrived.sees_the_end();
        });
        let error = stream_error(tor.client().connect("a.test:80"));
        assert_eq!(
            (error.is_circuit_gone(), error.stream.map(|id| id.get())),
            (gone, Some(12)),
            "{error}"
        );
        assert!(matches!(error.problem, StreamProblem::Refused(_)));
        tor.control.wait_for("CLOSESTREAM 12").unwrap();
        assert_eq!(tor.count("ATTACHSTREAM 12 0"), 0);
    }
}

#[test]
fn connection_over_another_circuit_is_not_returned() {
    // Another controller was quicker, or the option was reset and tor chose.
    for waits in [true, false] {
        let tor = fake(builder(), move |arrived| {
            if waits {
                arrived.waits_and_is_attached(12);
            } else {
                arrived.says("12 NEW 0 a.test:80 PURPOSE=USER");
            }
            arrived.opens(12, 9);
            arrived.answers(GRANTED);
        });
        let error = stream_error(tor.client().connect("a.test:80"));
        assert!(
            matches!(error.problem, StreamProblem::Elsewhere(Some(id)) if id == CircuitId::new(9)),
            "{error}"
        );
        tor.control.wait_for("CLOSESTREAM 12").unwrap();
    }
}

#[test]
fn refusal_by_the_exit_is_reported_to_the_client() {
    let tor = fake(builder(), |arrived| {
        arrived.waits_and_is_attached(12);
        arrived.says("12 SENTCONNECT 7 a.test:80");
        arrived.says("12 DETACHED 7 a.test:80 REASON=END REMOTE_REASON=CONNECTREFUSED");
        arrived.says("12 CONTROLLER_WAIT 0 a.test:80");
        arrived.control.wait_for("CLOSESTREAM 12 3").unwrap();
        arrived.answers(REFUSED);
        arrived.says("12 CLOSED 7 a.test:80 REASON=END REMOTE_REASON=CONNECTREFUSED");
    });
    let error = tor.client().connect("a.test:80").unwrap_err();
    assert!(error.get::<SocksError>().unwrap().is_connection_refused(), "{error}");
    assert_eq!(tor.count("ATTACHSTREAM"), 1);
}

#[test]
fn slow_exit_is_tried_again_on_the_same_circuit() {
    let tor = fake(builder(), |arrived| {
        arrived.waits_and_is_attached(12);
        arrived.says("12 SENTCONNECT 7 a.test:80");
        arrived.says("12 DETACHED 7 a.test:80 REASON=TIMEOUT");
        arrived.says("12 CONTROLLER_WAIT 0 a.test:80");
        let begun = Instant::now();
        while arrived.control.sent().iter().filter(|sent| *sent == "ATTACHSTREAM 12 7").count() < 2
        {
            assert!(begun.elapsed() < SOON);
            thread::yield_now();
        }
        arrived.opens(12, 7);
        arrived.answers(GRANTED);
    });
    tor.client().connect("a.test:80").unwrap();
}

#[test]
fn end_of_the_circuit_ends_its_stream() {
    let tor = fake(builder(), |arrived| {
        arrived.waits_and_is_attached(12);
        arrived.says("12 SENTCONNECT 7 a.test:80");
        // tor tells the client before it sends the event.
        arrived.answers(FAILED);
        arrived.says("12 CLOSED 7 a.test:80 REASON=DESTROY");
    });
    let error = stream_error(tor.client().connect("a.test:80"));
    assert_eq!(error.circuit, Some(CIRCUIT));
    assert!(matches!(error.problem, StreamProblem::Ended { reason: Some(_), .. }), "{error}");
}

#[test]
fn deadline_cancels_the_request() {
    let (sender, ended) = unbounded();
    let tor = fake(builder(), move |arrived| {
        arrived.waits_and_is_attached(12);
        arrived.sees_the_end();
        sender.send(()).unwrap();
    });
    let client = tor.client().timeout(Duration::from_secs(2));
    let error = client.connect("a.test:80").unwrap_err();
    assert!(error.is_timeout(), "{error}");
    ended.recv_timeout(SOON).unwrap();
    tor.control.wait_for("CLOSESTREAM 12").unwrap();
}

#[test]
fn connection_that_tor_does_not_confirm_in_time_is_closed() {
    let tor = fake(builder(), move |arrived| {
        arrived.waits_and_is_attached(12);
        arrived.says("12 SENTCONNECT 7 a.test:80");
        arrived.answers(GRANTED);
        arrived.sees_the_end();
    });
    let error = tor.client().timeout(Duration::from_secs(2)).connect("a.test:80").unwrap_err();
    assert!(error.is_timeout(), "{error}");
    tor.control.wait_for("CLOSESTREAM 12").unwrap();
}

#[test]
fn end_of_the_control_connection_is_noticed_at_once() {
    let tor = fake(builder(), move |arrived| {
        arrived.waits_and_is_attached(12);
        arrived.control.hang_up();
        arrived.sees_the_end();
    });
    let begun = Instant::now();
    let error = tor.client().connect("a.test:80").unwrap_err();
    assert!(error.is_closed(), "{error}");
    assert!(begun.elapsed() < SOON);
}

#[test]
fn circuit_bound_streams_reach_no_attacher_and_foreign_streams_are_left_alone() {
    let tor = fake(builder(), |arrived| {
        arrived.waits_and_is_attached(12);
        arrived.opens(12, 7);
        arrived.answers(GRANTED);
    });
    let (sender, asked) = unbounded();
    let guard = tor
        .controller
        .attach_streams(move |stream: &StreamRequest| {
            sender.send(stream.id().get()).unwrap();
            Decision::Tor
        })
        .unwrap();
    tor.client().connect("a.test:80").unwrap();
    for line in ["13 NEW 0 a.test:80", "13 CONTROLLER_WAIT 0 a.test:80"] {
        tor.control.send(format!(
            "650 STREAM {line} SOCKS_USERNAME=\"scape-via-0123456789abcdef0123456789abcdef\"\r\n"
        ));
    }
    tor.control
        .send("650 STREAM 14 NEW 0 a.test:80\r\n650 STREAM 14 CONTROLLER_WAIT 0 a.test:80\r\n");
    assert_eq!(asked.recv_timeout(SOON).unwrap(), 14);
    tor.control.wait_for("ATTACHSTREAM 14 0").unwrap();
    guard.close().unwrap();
    assert!(asked.is_empty());
    assert_eq!(tor.count("ATTACHSTREAM 13"), 0);
}

#[test]
fn simultaneous_connections_keep_their_circuits() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let ids = AtomicU64::new(100);
    let builder = builder().info(
        "circuit-status",
        (1..=20).map(|id| format!("{id} BUILT alice,bob\n")).collect::<String>(),
    );
    // The target shows which circuit the stream was attached to.
    let tor = fake(builder, move |arrived| {
        let id = ids.fetch_add(1, Ordering::SeqCst);
        arrived.waits(id);
        let command = arrived.control.wait_for(&format!("ATTACHSTREAM {id} ")).unwrap();
        let circuit: u32 = command.rsplit(' ').next().unwrap().parse().unwrap();
        arrived.opens(id, circuit);
        arrived.answers(GRANTED);
        arrived.answers(&circuit.to_be_bytes());
    });
    let clients: Vec<TorClient> = (1..=20)
        .map(|id| {
            let client = Tor::from(tor.controller.clone())
                .client_on(&tor.socks)
                .unwrap()
                .via(CircuitId::new(id))
                .unwrap();
            client.timeout(SOON)
        })
        .collect();
    thread::scope(|scope| {
        for number in 0..200 {
            let client = &clients[number % 20];
            scope.spawn(move || {
                let mut stream = client.connect("a.test:80").unwrap();
                let mut circuit = [0; 4];
                stream.read_exact(&mut circuit).unwrap();
                assert_eq!(u32::from_be_bytes(circuit) as usize, number % 20 + 1);
            });
        }
    });
    drop(clients);
    assert_eq!(
        (
            tor.count("SETCONF __LeaveStreamsUnattached=1"),
            tor.count("SETCONF __LeaveStreamsUnattached=0")
        ),
        (1, 1)
    );
}

/// Answers a RESOLVE request after its stream was attached to circuit 7.
fn look_up(arrived: &mut Arrived) {
    arrived.says("12 NEWRESOLVE 0 a.test:0 PURPOSE=DNS_REQUEST");
    arrived.says("12 CONTROLLER_WAIT 0 a.test:0");
    arrived.control.wait_for("ATTACHSTREAM 12 7").unwrap();
    arrived.says("12 SENTRESOLVE 7 a.test:0");
    arrived.answers(ADDRESS);
    arrived.says("12 CLOSED 7 a.test:0 REASON=DONE");
}

#[test]
fn resolve_over_a_controller_circuit_makes_it_general_for_the_attach() {
    let builder = builder()
        .info("circuit-status", "7 BUILT alice,bob PURPOSE=CONTROLLER")
        .on_prefix("SETCIRCUITPURPOSE", "250 OK\r\n");
    let tor = fake(builder, look_up);
    assert_eq!(tor.client().dns_resolve("a.test").unwrap().to_string(), "192.0.2.7");
    // The look-up doesn't wait for the reply to its last command.
    tor.controller.sync().unwrap();
    let sent = tor.control.sent();
    let purposes: Vec<&str> = sent
        .iter()
        .map(String::as_str)
        .filter(|sent| sent.starts_with("SETCIRCUIT") || sent.starts_with("ATTACH"))
        .collect();
    assert_eq!(
        purposes,
        [
            // This changes nothing, and shows that no filter blocks the
            // command.
            "SETCIRCUITPURPOSE 7 purpose=controller",
            "SETCIRCUITPURPOSE 7 purpose=general",
            "ATTACHSTREAM 12 7",
            "SETCIRCUITPURPOSE 7 purpose=controller",
        ]
    );
}

#[test]
fn resolve_over_a_general_circuit_sets_its_purpose_again() {
    let builder = builder()
        .info("circuit-status", "7 BUILT alice,bob PURPOSE=GENERAL")
        .on_prefix("SETCIRCUITPURPOSE", "250 OK\r\n");
    let tor = fake(builder, look_up);
    tor.client().dns_resolve("a.test").unwrap();
    let sent = tor.control.sent();
    let at = |what: &str| sent.iter().position(|sent| sent == what).unwrap();
    assert_eq!(at("SETCIRCUITPURPOSE 7 purpose=general") + 1, at("ATTACHSTREAM 12 7"));
}

#[test]
fn resolve_that_would_crash_tor_is_never_attached() {
    // These are circuits of tor's own, and a controller's circuit if a filter
    // blocks SETCIRCUITPURPOSE.
    for purpose in
        ["HS_VANGUARDS", "MEASURE_TIMEOUT", "CIRCUIT_PADDING", "SOMETHING_NEW", "CONTROLLER"]
    {
        let circuits = format!("7 BUILT alice,bob PURPOSE={purpose}");
        let tor = fake(builder().info("circuit-status", circuits), |arrived| {
            arrived.says("12 NEWRESOLVE 0 a.test:0 PURPOSE=DNS_REQUEST");
            arrived.says("12 CONTROLLER_WAIT 0 a.test:0");
            arrived.sees_the_end();
        });
        let error = stream_error(tor.client().dns_resolve("a.test"));
        let StreamProblem::Purpose(Some(told)) = &error.problem else { panic!("{error}") };
        assert_eq!(told.as_str(), purpose);
        assert!(error.to_string().contains(purpose), "{error}");
        assert_eq!(tor.count("ATTACHSTREAM"), 0);
    }
}

/// Returns a tor that opens each stream as soon as it is attached to circuit 7.
fn opening() -> Fake {
    let ids = std::sync::atomic::AtomicU64::new(20);
    fake(builder(), move |arrived| {
        let id = ids.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        arrived.waits_and_is_attached(id);
        arrived.opens(id, 7);
        arrived.answers(GRANTED);
    })
}

#[test]
fn single_client_restores_the_option_at_once() {
    let tor = opening();
    tor.client().connect("a.test:80").unwrap();
    let changes = tor.control.sent().into_iter().filter(|sent| sent.starts_with("SETCONF"));
    let expected = ["SETCONF __LeaveStreamsUnattached=1", "SETCONF __LeaveStreamsUnattached=0"];
    assert_eq!(changes.collect::<Vec<_>>(), expected);
}

#[test]
fn simultaneous_clients_restore_the_option_at_once() {
    let tor = opening();
    let (one, other) = (tor.client(), tor.client());
    one.connect("a.test:80").unwrap();
    drop(one);
    other.connect("a.test:80").unwrap();
    drop(other);
    assert_eq!(tor.count("SETCONF"), 2);
}

#[test]
fn ten_connections_in_turn_change_the_option_four_times() {
    let tor = opening();
    for number in 0..10 {
        tor.client().connect("a.test:80").unwrap();
        // The first connection restores the option. From the second one on, the
        // option stays set.
        assert_eq!(tor.count("SETCONF"), if number == 0 { 2 } else { 3 });
    }
    let unset = || tor.count("SETCONF __LeaveStreamsUnattached=0");
    let begun = Instant::now();
    while unset() < 2 {
        assert!(begun.elapsed() < SOON, "the option is not put back");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(tor.count("SETCONF"), 4);
}

#[test]
fn lingering_option_is_restored_when_the_connection_closes() {
    let tor = opening();
    for _ in 0..2 {
        tor.client().connect("a.test:80").unwrap();
    }
    assert_eq!(tor.count("SETCONF"), 3);
    let Fake { control, controller, .. } = tor;
    // A client that was dropped keeps no connection open.
    drop(controller);
    let mut changes = control.sent().into_iter().filter(|sent| sent.starts_with("SETCONF"));
    assert_eq!(changes.next_back().as_deref(), Some("SETCONF __LeaveStreamsUnattached=0"));
}

#[test]
fn last_drop_of_a_handle_restores_the_option_while_a_stream_is_left_to_tor() {
    let ids = std::sync::atomic::AtomicU64::new(20);
    let (reached, is_reached) = unbounded();
    let slow = builder().on_any(move |command| {
        if command == "ATTACHSTREAM 90 0" {
            reached.send(()).unwrap();
            thread::sleep(Duration::from_millis(500));
        }
        None
    });
    let tor = fake(slow, move |arrived| {
        let id = ids.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        arrived.waits_and_is_attached(id);
        arrived.opens(id, 7);
        arrived.answers(GRANTED);
    });
    for _ in 0..2 {
        tor.client().connect("a.test:80").unwrap();
    }
    // The option stays set for a moment, and another program's stream arrives.
    tor.control
        .send("650 STREAM 90 NEW 0 b.test:80\r\n650 STREAM 90 CONTROLLER_WAIT 0 b.test:80\r\n");
    is_reached.recv_timeout(SOON).unwrap();
    let Fake { control, controller, .. } = tor;
    drop(controller);
    // `main` may return now, so the option must be 0 again.
    let mut changes = control.sent().into_iter().filter(|sent| sent.starts_with("SETCONF"));
    assert_eq!(changes.next_back().as_deref(), Some("SETCONF __LeaveStreamsUnattached=0"));
}

#[test]
fn wait_for_the_cause_of_a_failure_ends_one_second_after_the_deadline() {
    let tor = fake(builder(), |arrived| {
        arrived.waits_and_is_attached(12);
        thread::sleep(Duration::from_millis(500));
        // tor sends no event about the failure.
        arrived.answers(FAILED);
        arrived.sees_the_end();
    });
    let timeout = Duration::from_millis(700);
    let client = tor.client().timeout(timeout);
    let begun = Instant::now();
    assert!(client.connect("a.test:80").is_err());
    let taken = begun.elapsed();
    // Without the limit, this would take as long as the controller waits: 30
    // seconds.
    assert!(taken < timeout + Duration::from_secs(10), "{taken:?}");
}

#[test]
fn timeout_of_a_connect_mentions_streams_that_nobody_attaches() {
    let tor = fake(builder(), |arrived| arrived.sees_the_end());
    let plain = |tor: &Fake| {
        let client = Tor::from(tor.controller.clone()).client_on(&tor.socks).unwrap();
        client.isolated().timeout(Duration::from_millis(200)).connect("a.test:80").unwrap_err()
    };
    let error = plain(&tor);
    assert!(error.is_timeout() && !error.to_string().contains("release_streams"), "{error}");
    let left =
        builder().on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=1\r\n");
    let tor = fake(left, |arrived| arrived.sees_the_end());
    let error = plain(&tor);
    assert!(error.is_timeout() && error.to_string().contains("release_streams"), "{error}");
    assert!(error.get::<SocksError>().unwrap().is_waiting_for_controller());
}

#[cfg(feature = "http")]
#[test]
fn timeout_of_an_agent_mentions_streams_that_nobody_attaches() {
    let error = |tor: &Fake, is_agents: bool| {
        let client = Tor::from(tor.controller.clone()).client_on(&tor.socks).unwrap().isolated();
        let short = Duration::from_millis(200);
        let agent = match is_agents {
            true => client.agent().timeout(short).build().unwrap(),
            false => client.timeout(short).http().unwrap(),
        };
        agent.get("http://a.test/").call().unwrap_err()
    };
    for is_agents in [true, false] {
        let tor = fake(builder(), |arrived| arrived.sees_the_end());
        let plain = error(&tor, is_agents);
        assert!(!plain.to_string().contains("release_streams"), "{plain}");
        assert_eq!(matches!(plain, ureq::Error::Timeout(_)), is_agents, "{plain:?}");
        let left =
            builder().on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=1\r\n");
        let tor = fake(left, |arrived| arrived.sees_the_end());
        let explained = error(&tor, is_agents);
        assert!(explained.to_string().contains("release_streams"), "{explained}");
    }
}

#[test]
fn deadline_of_a_request_holds_while_tor_is_asked_about_the_circuit() {
    let is_asked = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let hangs = is_asked.clone();
    let slow = builder().on_any(move |command| {
        if command == "GETINFO circuit-status" && hangs.load(std::sync::atomic::Ordering::SeqCst) {
            thread::sleep(Duration::from_secs(6));
        }
        None
    });
    let tor = fake(slow, |_| {});
    let client = tor.client().timeout(Duration::from_millis(300));
    is_asked.store(true, std::sync::atomic::Ordering::SeqCst);
    let begun = Instant::now();
    let error = client.connect("a.test:80").unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn making_a_client_over_a_circuit_has_one_deadline() {
    // Two of the answers take most of the timeout: one for the option, and one
    // for the port.
    let known = builder().info("ns/all", "").info("address-mappings/all", "");
    let known = known.info("entry-guards", "").info("net/listeners/socks", "");
    let slow = known.on_any(|command| {
        if ["GETINFO stream-status", "GETINFO net/listeners/socks"].contains(&command) {
            thread::sleep(Duration::from_millis(1300));
        }
        None
    });
    let control = slow.start().unwrap();
    let controller = Connect::new().authenticate_over(control.transport().unwrap()).unwrap();
    let tor = Tor::from(controller.with_timeout(Duration::from_secs(2)));
    let circuit = tor.state().unwrap().circuit(CIRCUIT).unwrap();
    let error = circuit.client().unwrap_err();
    assert!(error.is_timeout(), "{error}");
}
