//! Checks the system calls of a program that uses circuit-bound clients,
//! listeners, Unix SOCKS ports, `Tor::find` and `Tor::global`. None may bypass
//! tor.

use std::env;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use scape::info::ListenerKind;
use scape::process::Control;
use scape::testing::TestNetwork;
use scape::tor::{SocksPort, TorMode};
use scape::transport::Address;
use scape::{CircuitBuilder, Tor, TorClient};

use crate::audit::Audit;
use crate::{NAME, SOON, STREAMS};

#[test]
fn circuit_bound_clients_listeners_and_unix_ports_do_not_bypass_tor() {
    // The audited process runs this test too.
    if child().is_none() {
        STREAMS.run("circuit-bound clients do not bypass tor", audited);
    }
}

/// The environment variable that tells the audited process the port of a web
/// server.
const PORT: &str = "SCAPE_TEST_AUDITED";
/// The environment variable that tells the audited process the path of the Unix
/// SOCKS port.
const UNIX: &str = "SCAPE_TEST_AUDITED_UNIX";

fn audited(network: &TestNetwork) {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut connection in server.incoming().flatten() {
            let _ = connection.write_all(b"hello");
        }
    });
    // This tor is a separate one, because its streams wait for the audited
    // process and streams of other tests must not.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let unix = folder.path().join("socks").display().to_string();
    let launch = network.launch().control(Control::TcpPort).timeout(SOON);
    let tor = launch
        .option("SocksPort", "auto")
        .option("SocksPort", format!("unix:{unix}"))
        .start()
        .unwrap();
    let control = tor.control_address().unwrap().to_string();
    let listeners = tor.controller().info().listeners(&ListenerKind::Socks).unwrap();
    let socks =
        listeners.iter().map(ToString::to_string).find(|address| !address.contains('/')).unwrap();
    let environment =
        [(PORT, port.to_string()), (UNIX, unix.clone()), ("SCAPE_CONTROL", control.clone())];
    let audit = Audit::of_test(
        "streams::leaks::circuit_bound_clients_listeners_and_unix_ports_do_not_bypass_tor",
        &environment,
    );
    let allowed = [control, unix, socks];
    assert_eq!(audit.breaches(&allowed), [""; 0]);
    assert!(audit.connections() > 10, "{}", audit.connections());
}

/// Does the work of the audited process. Returns `None` if this isn't the
/// audited process.
fn child() -> Option<()> {
    let port: u16 = env::var(PORT).ok()?.parse().unwrap();
    let unix = env::var(UNIX).unwrap();
    let tor = Tor::find().unwrap();
    assert_eq!(tor.mode(), TorMode::Control);
    Tor::global().unwrap().become_ready(SOON).unwrap();

    // Use circuit-bound clients, over every SOCKS port.
    let state = tor.state().unwrap();
    let circuit = CircuitBuilder::new().timeout(SOON).build(&state).unwrap();
    let unix_port = SocksPort::at(Address::Unix(unix.into()));
    for client in
        [circuit.client().unwrap(), tor.client_on(&unix_port).unwrap().via(&circuit).unwrap()]
    {
        visit(&client, port);
        assert!(client.dns_resolve(NAME).is_ok());
    }
    visit(&tor.client().unwrap().building(CircuitBuilder::new()).unwrap(), port);
    visit(&tor.client_on(&unix_port).unwrap(), port);

    // Publish a listener, and visit it through tor.
    let listener = tor.onion().unwrap().virtual_port(80).timeout(SOON).listen().unwrap();
    let address = listener.address().to_string();
    thread::scope(|scope| {
        scope.spawn(|| listener.accept().unwrap().write_all(b"hello").unwrap());
        let client = tor.client().unwrap().timeout(SOON);
        let mut stream = client.connect((address.as_str(), 80)).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert_eq!(said, "hello");
    });
    listener.close().unwrap();
    Some(())
}

fn visit(client: &TorClient, port: u16) {
    let client = client.clone().allow_private_addresses(true).timeout(SOON);
    let mut said = String::new();
    client.connect((NAME, port)).unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "hello");
}
