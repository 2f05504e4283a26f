//! Commands about circuits, streams and names whose answers need a network.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use scape::control::{ExtendCircuit, PostDescriptor, PostedDescriptor, Refusal, ResolveError};
use scape::event::{
    CircuitPurpose, EndReason, EventBody, EventKind, StreamInfo, StreamPurpose, StreamReason,
    StreamStatus,
};
use scape::socks::{SocksError, SocksProxy};
use scape::testing::TestNetwork;
use scape::word::{CircuitId, Fingerprint, StreamId};
use scape::{Controller, Error, Subscription, Tor};

use crate::{NAME, NAMED, SOON};

cases! {
    CIRCUITS:
    circuit_purpose_is_changed = purposes,
    impossible_commands_for_an_existing_circuit_are_refused = circuits_refused,
    stream_is_attached_to_the_chosen_circuit_and_hop = attached,
    attaching_to_an_unusable_circuit_is_refused = not_attached,
    stream_is_redirected = redirected,
    stream_is_closed_with_a_reason = closed,
    names_and_addresses_are_resolved_by_resolve = resolved,
    resolve_without_an_answer_fails = not_resolved,
    mapped_address_is_used_until_it_is_removed = mapped,
    relay_descriptor_is_posted = posted,
}

fn relays(network: &TestNetwork) -> Vec<Fingerprint> {
    network.relays().filter_map(|relay| relay.fingerprint()).collect()
}

fn refusal<T: std::fmt::Debug>(result: scape::Result<T>) -> Refusal {
    let error = result.unwrap_err();
    error.refusal().unwrap_or_else(|| panic!("{error:?}")).clone()
}

/// Starts a server that sends this answer on every connection. Returns its
/// address.
fn server(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = connection.write_all(answer);
        }
    });
    address
}

/// Connects to `host` and `port` through tor on another thread. The thread
/// returns the text that it receives.
fn client(network: &TestNetwork, host: &str, port: u16) -> JoinHandle<Result<String, Error>> {
    let proxy = SocksProxy::new(network.socks()).timeout(SOON);
    let host = host.to_owned();
    thread::spawn(move || {
        let mut stream = proxy.connect((host.as_str(), port))?;
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        Ok(said)
    })
}

/// A guard that keeps tor from attaching new streams until it is dropped. The
/// test attaches them.
struct Unattached<'a> {
    tor: &'a Controller,
    events: Subscription,
}

impl<'a> Unattached<'a> {
    fn begin(tor: &'a Controller) -> Self {
        let events = tor.subscribe([EventKind::Stream]).unwrap();
        tor.set_conf([("__LeaveStreamsUnattached", "1")]).unwrap();
        Unattached { tor, events }
    }

    /// Returns the next client stream that waits for the test. Streams that tor
    /// itself opened are attached by tor.
    fn next(&self) -> StreamId {
        let mut of_clients = Vec::new();
        loop {
            let stream = self.event();
            if stream.status == StreamStatus::New && stream.purpose == Some(StreamPurpose::User) {
                of_clients.push(stream.id);
            }
            if stream.status == StreamStatus::ControllerWait {
                match of_clients.contains(&stream.id) {
                    true => return stream.id,
                    false => drop(self.tor.attach_stream(stream.id, None, None)),
                }
            }
        }
    }

    /// Waits for an event of the stream for which `wanted` returns true, and
    /// returns it.
    fn until(&self, id: StreamId, wanted: impl Fn(&StreamInfo) -> bool) -> StreamInfo {
        loop {
            let stream = self.event();
            if stream.id == id && wanted(&stream) {
                return stream;
            }
        }
    }

    fn event(&self) -> StreamInfo {
        loop {
            let event = self.events.next_timeout(SOON).unwrap();
            if let EventBody::Stream(stream) = event.body() {
                return stream.clone();
            }
        }
    }
}

impl Drop for Unattached<'_> {
    fn drop(&mut self) {
        let _ = self.tor.reset_conf(["__LeaveStreamsUnattached"]);
        for stream in self.tor.streams().unwrap_or_default() {
            // Streams that still wait are attached by tor. For the others, tor
            // refuses the command.
            let _ = self.tor.attach_stream(stream.id, None, None);
        }
    }
}

fn purposes(network: &TestNetwork) {
    let tor = network.client();
    let circuit =
        tor.build_circuit(&ExtendCircuit::new().path(&relays(network)[..3]), SOON).unwrap();
    let events = tor.subscribe([EventKind::CircMinor]).unwrap();
    for purpose in [CircuitPurpose::Controller, CircuitPurpose::General] {
        tor.set_circuit_purpose(circuit.id, purpose.clone()).unwrap();
        loop {
            let event = events.next_timeout(SOON).unwrap();
            if let EventBody::CircMinor(minor) = event.body()
                && minor.id == circuit.id
            {
                assert_eq!(minor.purpose, Some(purpose.clone()));
                break;
            }
        }
        let listed =
            tor.circuits().unwrap().into_iter().find(|listed| listed.id == circuit.id).unwrap();
        assert_eq!(listed.purpose, Some(purpose));
    }
    let refused = refusal(tor.set_circuit_purpose(circuit.id, "NONSENSE".into()));
    assert_eq!((refused.code(), &*refused.text()), (552, "Unknown purpose \"nonsense\""));
    assert!(!refused.is_unknown_circuit());
    let reply = tor.msg(&format!("SETCIRCUITPURPOSE {}", circuit.id)).unwrap();
    assert_eq!((reply.code(), reply.first().text), (552, &b"No purpose given"[..]));
    tor.close_circuit(circuit.id).unwrap();
    let refused = refusal(tor.set_circuit_purpose(circuit.id, CircuitPurpose::General));
    assert!(refused.is_unknown_circuit(), "{refused}");
}

fn circuits_refused(network: &TestNetwork) {
    let tor = network.client();
    let circuit =
        tor.build_circuit(&ExtendCircuit::new().path(&relays(network)[..2]), SOON).unwrap();
    let reply = tor.msg(&format!("EXTENDCIRCUIT {}", circuit.id)).unwrap();
    assert_eq!((reply.code(), reply.first().text), (512, &b"syntax error: path required."[..]));
    let refused = refusal(tor.extend_circuit(circuit.id, ["nobody"]));
    assert_eq!((refused.code(), &*refused.text()), (552, "No such router \"nobody\""));
    tor.close_circuit(circuit.id).unwrap();
}

fn attached(network: &TestNetwork) {
    let tor = network.client();
    let server = server(b"attached");
    let circuit =
        tor.build_circuit(&ExtendCircuit::new().path(&relays(network)[..3]), SOON).unwrap();
    let unattached = Unattached::begin(tor);
    let hops: [Option<u32>; 3] = [None, Some(2), Some(3)];
    for hop in hops {
        let client = client(network, NAME, server.port());
        let stream = unattached.next();
        match hop {
            None => tor.attach_stream(stream, circuit.id, None).unwrap(),
            Some(hop) => tor.attach_stream(stream, circuit.id, hop).unwrap(),
        }
        let open = unattached.until(stream, |stream| stream.status == StreamStatus::Succeeded);
        assert_eq!(open.circuit, Some(circuit.id));
        assert_eq!(client.join().unwrap().unwrap(), "attached");
    }
    // The command names no circuit, so tor chooses one.
    let client = client(network, NAME, server.port());
    tor.attach_stream(unattached.next(), None, None).unwrap();
    assert_eq!(client.join().unwrap().unwrap(), "attached");
    tor.close_circuit(circuit.id).unwrap();
}

fn not_attached(network: &TestNetwork) {
    let tor = network.client();
    let server = server(b"in the end");
    let relays = relays(network);
    let circuit = tor.build_circuit(&ExtendCircuit::new().path(&relays[..3]), SOON).unwrap();
    let short = tor.build_circuit(&ExtendCircuit::new().path(&relays[..1]), SOON).unwrap();
    let unattached = Unattached::begin(tor);
    let client = client(network, NAME, server.port());
    let stream = unattached.next();

    let refused = refusal(tor.attach_stream(stream, circuit.id, 9));
    assert_eq!((refused.code(), &*refused.text()), (551, "Circuit doesn't have 9 hops."));
    assert!(refused.is_not_allowed());
    let reply = tor.msg(&format!("ATTACHSTREAM {stream} {} HOP=x", circuit.id)).unwrap();
    assert_eq!((reply.code(), reply.first().text), (552, &b"Bad value hop=x"[..]));
    let refused = refusal(tor.attach_stream(stream, short.id, None));
    assert_eq!(
        (refused.code(), &*refused.text()),
        (551, "Can't attach stream to this one-hop circuit.")
    );
    tor.close_circuit(short.id).unwrap();
    // This circuit isn't built, because a relay is stopped.
    let frozen = network.relays().last().unwrap();
    let pid = Pid::from_raw(i32::try_from(frozen.process().pid()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let path = [relays[0], frozen.fingerprint().unwrap()];
    let building = tor.launch_circuit(&ExtendCircuit::new().path(path));
    let refused = building.and_then(|id| tor.attach_stream(stream, id, None));
    kill_process(pid, Signal::CONT).unwrap();
    let refused = refusal(refused);
    assert_eq!(
        (refused.code(), &*refused.text()),
        (551, "Can't attach stream to non-open origin circuit")
    );

    let refused = refusal(tor.attach_stream(stream, CircuitId::new(4_000_000_000), None));
    assert!(refused.is_unknown_circuit() && !refused.is_unknown_stream(), "{refused}");
    // The stream still waits.
    tor.attach_stream(stream, circuit.id, None).unwrap();
    assert_eq!(client.join().unwrap().unwrap(), "in the end");
    let refused = refusal(tor.attach_stream(stream, circuit.id, None));
    assert!(refused.is_unknown_stream() || refused.code() == 555, "{refused}");
    tor.close_circuit(circuit.id).unwrap();
}

fn redirected(network: &TestNetwork) {
    let tor = network.client();
    let server = server(b"redirected");
    let unattached = Unattached::begin(tor);
    for port in [Some(server.port()), None] {
        let client = client(network, "nowhere.scape.test", port.map_or(server.port(), |_| 1));
        let stream = unattached.next();
        tor.redirect_stream(stream, NAME, port).unwrap();
        tor.attach_stream(stream, None, None).unwrap();
        assert_eq!(client.join().unwrap().unwrap(), "redirected");
    }
}

fn closed(network: &TestNetwork) {
    let tor = network.client();
    let unattached = Unattached::begin(tor);
    let client = client(network, NAME, 9);
    let stream = unattached.next();
    tor.close_stream(stream, EndReason::EXIT_POLICY).unwrap();
    let end = unattached.until(stream, |stream| stream.status.is_end());
    assert_eq!(end.reason, Some(StreamReason::ExitPolicy));
    assert!(client.join().unwrap().unwrap_err().get::<SocksError>().is_some());
    assert!(refusal(tor.close_stream(stream, EndReason::MISC)).is_unknown_stream());
}

fn resolved(network: &TestNetwork) {
    let tor = network.client();
    assert_eq!(tor.resolve(NAME, SOON).unwrap(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert_eq!(tor.resolve(&NAME.to_uppercase(), SOON).unwrap(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert_eq!(tor.resolve_reverse(NAMED, SOON).unwrap(), "seven.scape.test");
    // Many names are resolved at once, and some of them twice.
    let names: Vec<String> = (0..6).map(|n| format!("n{n}.scape.test")).collect();
    for (n, name) in names.iter().enumerate() {
        let address = Ipv4Addr::new(198, 51, 100, 100 + u8::try_from(n).unwrap());
        network.name_server().add_address(name, address.into());
    }
    thread::scope(|scope| {
        for (n, name) in names.iter().enumerate().cycle().take(12) {
            scope.spawn(move || {
                let address = tor.resolve(name, SOON).unwrap();
                assert_eq!(address.to_string(), format!("198.51.100.{}", 100 + n));
            });
        }
    });
    // A name that is mapped to another one is resolved as that other name.
    let mapped = tor.mapped_address("another.scape.test", NAME).unwrap();
    assert_eq!(tor.resolve("another.scape.test", SOON).unwrap(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    mapped.remove().unwrap();
}

fn not_resolved(network: &TestNetwork) {
    let tor = network.client();
    network.name_server().add_address("six.scape.test", Ipv6Addr::LOCALHOST.into());
    let answers = [
        ("nobody.scape.test", tor.resolve("nobody.scape.test", SOON).map(drop)),
        ("six.scape.test", tor.resolve("six.scape.test", SOON).map(drop)),
        ("10.0.0.1", tor.resolve_reverse(Ipv4Addr::new(10, 0, 0, 1).into(), SOON).map(drop)),
    ];
    for (name, answer) in answers {
        let error = answer.unwrap_err();
        let Some(error) = error.get::<ResolveError>() else { panic!("{name}: {error:?}") };
        assert_eq!(&*error.name, name);
    }
}

fn mapped(network: &TestNetwork) {
    let tor = network.client();
    let server = server(b"mapped");
    let name = tor.mapped_address("mapped.scape.test", NAME).unwrap();
    let virtual_address = tor.mapped_address("0.0.0.0", NAME).unwrap();
    for host in [name.from(), virtual_address.from()] {
        assert_eq!(client(network, host, server.port()).join().unwrap().unwrap(), "mapped");
    }
    drop(name);
    let error = client(network, "mapped.scape.test", server.port()).join().unwrap().unwrap_err();
    assert!(error.get::<SocksError>().is_some(), "{error}");
}

/// Tests POSTDESCRIPTOR with a tor that no other test uses, because the posted
/// descriptor changes tor's behavior. Exit streams to the relay's address then
/// go through this relay, and all relays have the same address here. If the
/// relay is also tor's first guard, tor waits for more than a minute.
fn posted(network: &TestNetwork) {
    let own = Tor::launch(network.launch()).unwrap();
    own.become_ready(SOON).unwrap();
    let tor = own.controller().unwrap();
    let relay = relays(network)[0];
    let authority = &network.nodes()[0];
    let descriptor = authority.controller().info().get_bytes(&format!("desc/id/{relay}")).unwrap();
    let post = |descriptor: &PostDescriptor| tor.post_descriptor(descriptor).unwrap();
    // A client has microdescriptors of its relays, but not this descriptor yet.
    assert_eq!(post(&PostDescriptor::new(descriptor.clone())), PostedDescriptor::Added);
    match post(&PostDescriptor::new(descriptor.clone()).cache(false)) {
        PostedDescriptor::NotAdded(why) => assert_eq!(why, "Router descriptor was not new."),
        other => panic!("{other:?}"),
    }
    let mut spoilt = descriptor;
    let at = spoilt.windows(7).position(|w| w == b"uptime ").unwrap();
    spoilt[at + 7] ^= 1;
    assert_eq!(refusal(tor.post_descriptor(&PostDescriptor::new(spoilt))).code(), 554);
}
