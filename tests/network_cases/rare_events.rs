//! Events that rarely happen by themselves. Here, changes to a tor on a network
//! cause them.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use scape::Controller;
use scape::control::{ExtendCircuit, Refusal, Signal};
use scape::event::{
    CircuitInfo, CircuitMinorChange, CircuitPurpose, EventBody, EventKind, GuardStatus,
    OrConnStatus,
};
use scape::socks::SocksProxy;
use scape::testing::{Role, TestNetwork};
use scape::word::Fingerprint;

use crate::SOON;
use crate::happening::event_of;

cases! {
    RARE:
    circ_minor_event_for_a_changed_purpose = circuit_minor,
    stream_bw_event_for_a_used_stream = stream_bandwidth,
    newdesc_event_for_a_changed_descriptor = descriptor,
    transport_launched_event_for_a_pluggable_transport = transport,
    orconn_events_for_relay_connections = connections,
    guard_events_for_dropped_guards = guards,
    ns_event_after_a_reload = reload,
}

fn relay(network: &TestNetwork) -> &Controller {
    network.relays().last().unwrap().controller()
}

fn circuit_minor(network: &TestNetwork) {
    let tor = network.client();
    let relays: Vec<Fingerprint> =
        network.relays().take(3).filter_map(|relay| relay.fingerprint()).collect();
    let circuit = tor.build_circuit(&ExtendCircuit::new().path(relays), SOON).unwrap();
    let change = || tor.set_circuit_purpose(circuit.id, CircuitPurpose::Controller).unwrap();
    event_of(tor, EventKind::CircMinor, change, |body| {
        let EventBody::CircMinor(minor) = body else { return false };
        minor.id == circuit.id
            && minor.change == CircuitMinorChange::PurposeChanged
            && minor.purpose == Some(CircuitPurpose::Controller)
    });
    tor.close_circuit(circuit.id).unwrap();
}

fn stream_bandwidth(network: &TestNetwork) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = connection.write_all(&[b'x'; 5000]);
        }
    });
    let proxy = SocksProxy::new(network.socks_unix().unwrap()).timeout(SOON);
    let fetch = || {
        let mut stream = proxy.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), 5000);
    };
    event_of(network.client(), EventKind::StreamBw, fetch, |body| {
        matches!(
            body,
            EventBody::StreamBw(bandwidth)
                if bandwidth.time.is_some() && bandwidth.read + bandwidth.written > 0
        )
    });
}

/// Changes a relay's descriptor. Checks that the relay reports the change, and
/// that the authority reports the new descriptor.
fn descriptor(network: &TestNetwork) {
    let relay = network.relays().last().unwrap();
    let authority = network.nodes().iter().find(|node| node.role() == Role::Authority).unwrap();
    let change = || {
        let set = || relay.controller().set_conf([("ContactInfo", "somebody else")]).unwrap();
        event_of(relay.controller(), EventKind::DescChanged, set, |body| {
            matches!(body, EventBody::DescChanged(_))
        });
    };
    event_of(authority.controller(), EventKind::NewDesc, change, |body| {
        let EventBody::NewDesc(new) = body else { return false };
        new.relays.iter().any(|known| known.fingerprint() == relay.fingerprint())
    });
    relay.controller().reset_conf(["ContactInfo"]).unwrap();
}

/// Configures a pluggable transport with a program that prints that it has
/// started, and then does nothing.
fn transport(network: &TestNetwork) {
    let node = network.relays().last().unwrap();
    let program = node.process().data_directory().join("transport");
    let text = "#!/bin/sh\necho VERSION 1\necho SMETHOD dummy 127.0.0.1:4321\necho SMETHODS DONE\nexec cat\n";
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let line = format!("dummy exec {}", program.display());
    let start = || node.controller().set_conf([("ServerTransportPlugin", line.as_str())]).unwrap();
    let event = event_of(node.controller(), EventKind::TransportLaunched, start, |body| {
        matches!(body, EventBody::TransportLaunched(_))
    });
    assert_eq!(event.text(), "TRANSPORT_LAUNCHED server dummy 127.0.0.1 4321");
    node.controller().reset_conf(["ServerTransportPlugin"]).unwrap();
}

/// Disables a relay's network and enables it again. The relay loses its
/// connections, and then makes new ones.
///
/// The client's circuits over this relay are closed before the network is
/// enabled again. If they stayed open, the client could use dead circuits for
/// the streams of the next case. Circuits that the client begins meanwhile
/// can't be built over this relay.
fn connections(network: &TestNetwork) {
    let tor = relay(network);
    let client = network.client();
    let fingerprint = tor.info().fingerprint().unwrap();
    let cut = || tor.set_conf([("DisableNetwork", "1")]).unwrap();
    event_of(tor, EventKind::OrConn, cut, |body| {
        matches!(
            body,
            EventBody::OrConn(connection) if connection.status == OrConnStatus::Closed
        )
    });
    let uses_relay =
        |circuit: &CircuitInfo| circuit.path.iter().any(|hop| hop.fingerprint() == fingerprint);
    for circuit in client.circuits().unwrap().into_iter().filter(uses_relay) {
        if let Err(error) = client.close_circuit(circuit.id) {
            // tor has closed the circuit meanwhile.
            assert!(error.get::<Refusal>().is_some_and(Refusal::is_unknown), "{error}");
        }
    }
    let mend = || tor.set_conf([("DisableNetwork", "0")]).unwrap();
    event_of(tor, EventKind::OrConn, mend, |body| {
        matches!(
            body,
            EventBody::OrConn(connection) if connection.status == OrConnStatus::Connected
        )
    });
}

fn guards(network: &TestNetwork) {
    let tor = network.client();
    for status in [GuardStatus::Dropped, GuardStatus::New] {
        event_of(
            tor,
            EventKind::Guard,
            || tor.drop_guards().unwrap(),
            |body| {
                let EventBody::Guard(guard) = body else { return false };
                assert!(guard.relay.fingerprint().is_some());
                guard.status == status
            },
        );
    }
}

fn reload(network: &TestNetwork) {
    let tor = network.client();
    event_of(
        tor,
        EventKind::Ns,
        || tor.signal(Signal::Reload).unwrap(),
        |body| matches!(body, EventBody::Ns(status) if status.count() > 0),
    );
}
