//! Connections through tor's SOCKS ports over TCP and over Unix sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use scape::Error;
use scape::event::{EventBody, EventKind, StreamStatus};
use scape::socks::{Isolation, SocksError, SocksProxy, SocksStatus};
use scape::testing::TestNetwork;
use scape::word::CircuitId;

use crate::{NAME, NAMED, SOON};

cases! {
    SOCKS:
    socks_connects_by_name_and_address_over_tcp_and_unix = connects,
    socks_stream_from_a_server_that_speaks_first = server_speaks_first,
    socks_resolves_names_and_addresses = resolves,
    socks_refusals_have_their_codes = refusals,
    socks_connect_to_another_kind_of_port_fails = not_socks,
    isolated_socks_streams_have_circuits_of_their_own = isolation,
    socks_deadline_holds_against_a_silent_port = deadline,
}

/// Starts a server that sends a greeting to each client, and then sends back
/// every line. Returns its address.
fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut writer = connection.try_clone().unwrap();
                let _ = writer.write_all(b"hello\n");
                for line in BufReader::new(connection).lines().map_while(Result::ok) {
                    let _ = writeln!(writer, "{line}");
                }
            });
        }
    });
    address
}

fn proxies(network: &TestNetwork) -> [SocksProxy; 2] {
    [network.socks(), network.socks_unix().unwrap()]
        .map(|address| SocksProxy::new(address).timeout(SOON))
}

fn connects(network: &TestNetwork) {
    let server = echo_server();
    for proxy in proxies(network) {
        for host in [NAME, "127.0.0.1"] {
            let mut stream = proxy.connect((host, server.port())).unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            stream.write_all(b"one\ntwo\n").unwrap();
            let mut lines = BufReader::new(&stream).lines();
            let said: Vec<_> = (0..3).map(|_| lines.next().unwrap().unwrap()).collect();
            assert_eq!(said, ["hello", "one", "two"]);
        }
        let stream = proxy.connect(server).unwrap();
        drop(stream);
    }
}

fn server_speaks_first(network: &TestNetwork) {
    let server = echo_server();
    for proxy in proxies(network) {
        let mut stream = proxy.connect((NAME, server.port())).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut greeting = [0; 6];
        stream.read_exact(&mut greeting).unwrap();
        assert_eq!(&greeting, b"hello\n");
    }
}

fn resolves(network: &TestNetwork) {
    for proxy in proxies(network) {
        assert_eq!(proxy.resolve(NAME).unwrap(), Ipv4Addr::LOCALHOST);
        assert_eq!(proxy.resolve_ptr(NAMED).unwrap(), "seven.scape.test");
        let error = proxy.resolve("nobody.scape.test").unwrap_err();
        assert_eq!(status(&error), Some(SocksStatus::HOST_UNREACHABLE), "{error}");
    }
}

fn status(error: &Error) -> Option<SocksStatus> {
    error.get().and_then(SocksError::status)
}

fn refusals(network: &TestNetwork) {
    // Nobody listens there once the listener is dropped.
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    // The first address has no service, and the second has a wrong checksum.
    let nobody = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    let mistyped = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wie.onion";
    for proxy in proxies(network) {
        for (host, port, expected) in [
            // The exit reports a refusal that it sees at once, as on loopback,
            // as MISC.
            (NAME, closed, SocksStatus::GENERAL_FAILURE),
            ("nobody.scape.test", 80, SocksStatus::HOST_UNREACHABLE),
            (nobody, 80, SocksStatus::ONION_DESCRIPTOR_NOT_FOUND),
            (mistyped, 80, SocksStatus::ONION_BAD_ADDRESS),
        ] {
            let error = proxy.connect((host, port)).unwrap_err();
            assert_eq!(status(&error), Some(expected), "{error}");
            assert!(error.to_string().contains(host), "{error}");
        }
        // tor would ask an exit about a name with a trailing dot, so none is
        // sent.
        let error = proxy.connect((format!("{mistyped}.").as_str(), 80)).unwrap_err();
        assert_eq!(status(&error), Some(SocksStatus::ONION_BAD_ADDRESS), "{error}");
        let error = proxy.resolve(&format!("{nobody}.")).unwrap_err();
        assert!(error.to_string().contains("onion addresses have no IP address"), "{error}");
    }
}

fn not_socks(network: &TestNetwork) {
    let proxy = SocksProxy::new(network.control_address()).timeout(Duration::from_secs(2));
    let error = proxy.connect((NAME, 80)).unwrap_err();
    assert!(error.get::<SocksError>().is_some(), "{error}");
}

fn isolation(network: &TestNetwork) {
    let server = echo_server();
    let tor = network.client();
    let events = tor.subscribe([EventKind::Stream]).unwrap();
    for proxy in proxies(network) {
        let mut circuits = Vec::new();
        let mut streams = Vec::new();
        for _ in 0..2 {
            let isolation = Isolation::random();
            let user = String::from_utf8(isolation.user().to_vec()).unwrap();
            streams
                .push(proxy.clone().isolation(isolation).connect((NAME, server.port())).unwrap());
            circuits.push(circuit_of(&events, &user));
        }
        assert_ne!(circuits[0], circuits[1]);
        let open = tor.streams().unwrap();
        let on = |circuit: &Option<CircuitId>| open.iter().any(|stream| stream.circuit == *circuit);
        assert!(circuits.iter().all(on), "{open:?}");
    }
}

/// Waits until the stream with this SOCKS user name is open, and returns the
/// stream's circuit, which is never `None`.
fn circuit_of(events: &scape::Subscription, user: &str) -> Option<CircuitId> {
    loop {
        let event = events.next_timeout(SOON).unwrap();
        if let EventBody::Stream(stream) = event.body()
            && stream.socks_username.as_deref() == Some(user)
            && stream.status == StreamStatus::Succeeded
        {
            assert!(stream.circuit.is_some());
            return stream.circuit;
        }
    }
}

fn deadline(network: &TestNetwork) {
    // A server that accepts and says nothing would not delay tor's own answer,
    // so a silent listener stands in for tor's SOCKS port.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = silent.local_addr().unwrap();
    let begun = Instant::now();
    let error = SocksProxy::new(address)
        .timeout(Duration::from_millis(200))
        .connect((NAME, 80))
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(begun.elapsed() < SOON);
    assert!(network.client().is_open());
}
