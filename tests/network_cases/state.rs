//! The live state (`scape::State`), compared with tor's GETINFO answers.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use scape::State;
use scape::control::{CircuitError, Command as ControlCommand, Refusal};
use scape::error::Timeout;
use scape::event::{
    CircuitInfo, CircuitPurpose, CircuitStatus, EndReason, StreamInfo, StreamStatus, StreamTarget,
};
use scape::info::MappingSource;
use scape::netdoc::{Relay, RouterFlags, RouterStatus};
use scape::socks::{SocksError, SocksStream};
use scape::state::Circuit;
use scape::testing::TestNetwork;
use scape::word::Fingerprint;
use scape::{CircuitBuilder, Controller, Tor, TorClient};

use crate::stopped::Stopped;
use crate::{NAME, SOON, seed};

cases! {
    STATE:
    live_state_knows_the_network = knows,
    live_state_waits_for_circuits_and_sees_their_end = waits,
    live_state_equals_getinfo_after_random_steps = follows,
}

fn relays(network: &TestNetwork) -> Vec<Fingerprint> {
    network.relays().filter_map(|relay| relay.fingerprint()).collect()
}

fn knows(network: &TestNetwork) {
    let state = network.tor().state().unwrap();
    let routers = state.routers();
    assert_eq!(routers.len(), 8);
    assert_eq!(state.authorities().len(), 3);
    for relay in network.relays() {
        let router = routers.get(relay.fingerprint().unwrap()).unwrap();
        assert!(
            router.is_in_consensus()
                && router.flags().contains(RouterFlags::EXIT | RouterFlags::RUNNING)
        );
        assert_eq!(routers.named(&router.nickname().unwrap()), std::slice::from_ref(&router));
        assert!(router.or_address().unwrap().ip().is_loopback() && router.bandwidth().is_some());
    }
    assert!(!state.entry_guards().is_empty());
    // A consensus arrives every ten seconds. Router objects stay the same.
    let (alice, before) = (routers.iter().next().unwrap(), state.consensus_count());
    state.wait(SOON, |state| (state.consensus_count() > before).then_some(())).unwrap();
    assert_eq!(state.router(alice.fingerprint()), alice);
}

fn waits(network: &TestNetwork) {
    let state = network.tor().state().unwrap();
    let relays = relays(network);
    let circuit = CircuitBuilder::along(&relays[..3])
        .attempts(1)
        .attempt_timeout(SOON)
        .timeout(SOON)
        .build(&state)
        .unwrap();
    assert!(circuit.is_built() && circuit.age().unwrap() < SOON);
    let path: Vec<_> = circuit.routers().iter().map(|router| router.fingerprint()).collect();
    assert_eq!(path, relays[..3]);
    circuit.extend(&relays[3..4]).unwrap();
    circuit.wait_built(SOON).unwrap();
    assert_eq!(circuit.path().len(), 4);
    let closed = thread::scope(|scope| {
        let waiting = scope.spawn(|| circuit.wait_closed(SOON));
        circuit.close().unwrap();
        waiting.join().unwrap().unwrap()
    });
    assert_eq!((&closed.status, closed.path.len()), (&CircuitStatus::Closed, 4));
    assert!(state.circuit(circuit.id()).is_none());
    circuit.close().unwrap();
}

/// Makes 500 random steps that change circuits, streams, mappings and relays,
/// on a tor that no other test uses. After every fifth step, the live state
/// must equal GETINFO in every field of every circuit, stream, router, mapping
/// and guard.
fn follows(network: &TestNetwork) {
    let tor = Tor::launch(network.launch()).unwrap();
    tor.become_ready(SOON).unwrap();
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut connection in server.incoming().flatten() {
            thread::spawn(move || {
                let _ = connection.write_all(b"hello");
                let _ = connection.read(&mut [0; 16]);
            });
        }
    });
    let seed = seed::seed();
    let mut walk = Walk {
        state: tor.state().unwrap(),
        client: tor.client().unwrap().allow_private_addresses(true).timeout(Duration::from_secs(3)),
        relays: relays(network),
        network,
        stopped: None,
        circuits: Vec::new(),
        streams: Vec::new(),
        port,
        random: StdRng::seed_from_u64(seed),
        done: BTreeMap::new(),
    };
    for step in 0..500 {
        walk.step(step);
        if step % 5 == 4 {
            walk.compare(step);
        }
    }
    walk.stopped = None;
    walk.compare(500);
    println!("  {:?}", walk.done);
}

struct Walk<'a> {
    state: State,
    client: TorClient,
    relays: Vec<Fingerprint>,
    network: &'a TestNetwork,
    /// The stopped relay, and the number of steps since it was stopped. `None`
    /// if no relay is stopped.
    stopped: Option<(Stopped<'a>, u32)>,
    circuits: Vec<Circuit>,
    streams: Vec<SocksStream>,
    port: u16,
    random: StdRng,
    done: BTreeMap<&'static str, u32>,
}

impl Walk<'_> {
    /// Returns a random number below `below`.
    fn random(&mut self, below: usize) -> usize {
        self.random.random_range(0..below.max(1))
    }

    fn path(&mut self, length: usize) -> Vec<Fingerprint> {
        let mut left = self.relays.clone();
        (0..length).map(|_| left.swap_remove(self.random(left.len()))).collect()
    }

    fn circuit(&mut self) -> Option<Circuit> {
        self.circuits.retain(|circuit| !circuit.is_ended());
        let at = self.random(self.circuits.len());
        self.circuits.get(at).cloned()
    }

    fn step(&mut self, step: usize) {
        self.stopped = self
            .stopped
            .take()
            .map(|(relay, steps)| (relay, steps + 1))
            .filter(|(_, steps)| *steps <= 3);
        let what = match self.random(20) {
            0..=4 => self.launch(),
            5..=6 => self.extend(),
            7..=8 => self.close(),
            9 => self.change_purpose(),
            10..=12 => self.open(),
            13..=14 => self.attach(),
            15 => self.drop_stream(),
            16 => self.close_stream(),
            17 => self.map(step),
            18 => self.resolve(),
            _ => self.stop_or_go_on(),
        };
        *self.done.entry(what).or_default() += 1;
    }

    /// Returns `None` instead of an error that is possible because a circuit or
    /// stream has ended meanwhile. Panics for any other error.
    fn lenient<T>(result: scape::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let is_fine = error.get::<Refusal>().is_some()
                    || error.get::<CircuitError>().is_some()
                    || error.get::<Timeout>().is_some()
                    || error.get::<SocksError>().is_some();
                assert!(is_fine, "{error}");
                None
            }
        }
    }

    fn launch(&mut self) -> &'static str {
        if self.circuits.len() > 30 {
            return self.close();
        }
        let length = 1 + self.random(4);
        let path = self.path(length);
        self.circuits.extend(Self::lenient(CircuitBuilder::along(path).launch(&self.state)));
        "launch"
    }

    fn extend(&mut self) -> &'static str {
        let path = self.path(1);
        if let Some(circuit) = self.circuit() {
            let _ = Self::lenient(circuit.extend(path));
        }
        "extend"
    }

    fn close(&mut self) -> &'static str {
        if let Some(circuit) = self.circuit() {
            circuit.close().unwrap();
            assert!(circuit.is_ended() && self.state.circuit(circuit.id()).is_none());
        }
        "close"
    }

    fn change_purpose(&mut self) -> &'static str {
        let purposes = [CircuitPurpose::General, CircuitPurpose::Controller];
        let purpose = purposes[self.random(2)].clone();
        if let Some(circuit) = self.circuit() {
            let _ =
                Self::lenient(self.state.controller().set_circuit_purpose(circuit.id(), purpose));
        }
        "change purpose"
    }

    fn open(&mut self) -> &'static str {
        self.streams.truncate(10);
        self.streams.extend(Self::lenient(self.client.connect((Ipv4Addr::LOCALHOST, self.port))));
        "open"
    }

    /// Attaches a new stream to one of the circuits. If no circuit is suitable,
    /// launches one instead. Returns the name of the step.
    fn attach(&mut self) -> &'static str {
        let Some(circuit) =
            self.circuit().filter(|circuit| circuit.is_built() && circuit.path().len() > 1)
        else {
            return self.launch();
        };
        let controller = self.state.controller();
        controller.set_conf([("__LeaveStreamsUnattached", "1")]).unwrap();
        let (client, port) = (self.client.isolated(), self.port);
        let connecting = thread::spawn(move || client.connect((Ipv4Addr::LOCALHOST, port)));
        let waiting = self.state.wait(Duration::from_secs(5), |state| {
            state
                .streams()
                .into_iter()
                .find(|stream| stream.status() == StreamStatus::ControllerWait)
        });
        if let Ok(stream) = waiting
            && controller.attach_stream(stream.id(), circuit.id(), None).is_err()
        {
            let _ = controller.close_stream(stream.id(), EndReason::MISC);
        }
        controller.reset_conf(["__LeaveStreamsUnattached"]).unwrap();
        self.streams.extend(connecting.join().unwrap().ok());
        "attach"
    }

    fn drop_stream(&mut self) -> &'static str {
        let at = self.random(self.streams.len());
        if at < self.streams.len() {
            drop(self.streams.remove(at));
        }
        "drop a stream"
    }

    fn close_stream(&mut self) -> &'static str {
        let streams = self.state.streams();
        let at = self.random(streams.len());
        if let Some(stream) = streams.get(at) {
            let _ = Self::lenient(stream.close(EndReason::MISC));
        }
        "close a stream"
    }

    fn map(&mut self, step: usize) -> &'static str {
        let mapped = self
            .state
            .controller()
            .map_address([(format!("n{}.example", step % 7), NAME)])
            .unwrap();
        assert!(mapped.iter().all(Result::is_ok));
        "map an address"
    }

    fn resolve(&mut self) -> &'static str {
        let _ = Self::lenient(self.client.dns_resolve(NAME));
        "resolve"
    }

    /// Stops the process of a random relay, or continues the stopped one.
    /// Returns the name of the step.
    fn stop_or_go_on(&mut self) -> &'static str {
        if self.stopped.take().is_some() {
            return "a relay goes on";
        }
        let at = self.random(self.network.relays().count());
        self.stopped = self.network.relays().nth(at).map(|relay| (Stopped::new(relay), 0));
        "a relay stops"
    }

    /// Compares the live state with tor's answers until both agree. tor's
    /// events may arrive a moment after its answers, and tor may change
    /// something meanwhile.
    fn compare(&mut self, step: usize) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let differences = differences(&self.state);
            if differences.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "after {step} steps:\n{}", differences.join("\n"));
            thread::yield_now();
        }
    }
}

/// Returns the differences between the live state and tor's answers.
fn differences(state: &State) -> Vec<String> {
    let tor = state.controller();
    let mut differences = Vec::new();
    let circuits = tor.circuits().unwrap();
    settle(tor);
    compare(
        "circuits",
        circuits.iter().map(circuit),
        state.circuits().iter().map(|live| circuit(&live.info())),
        &mut differences,
    );
    let streams = tor.streams().unwrap();
    settle(tor);
    compare(
        "streams",
        streams.iter().map(stream),
        state.streams().iter().map(|live| stream(&live.info())),
        &mut differences,
    );
    let routers = tor.info().ns_all().unwrap();
    settle(tor);
    let said = RouterStatus::parse_all(&routers).map(|status| format!("{:?}", Relay::from(status)));
    compare(
        "routers",
        said,
        state.routers().iter().map(|live| format!("{:?}", live.entry().unwrap())),
        &mut differences,
    );
    let addresses = tor.info().address_mappings(&MappingSource::All).unwrap();
    settle(tor);
    compare(
        "addresses",
        addresses.iter().map(|mapping| format!("{mapping:?}")),
        state.addresses().iter().map(|live| format!("{live:?}")),
        &mut differences,
    );
    let guards = tor.info().entry_guards().unwrap();
    settle(tor);
    // The state has the arrival time of the event, so only its presence is
    // compared.
    let guard = |guard: &scape::info::EntryGuard| {
        format!(
            "{} {} {} {:?}",
            guard.relay,
            guard.status,
            guard.since.is_some(),
            guard.extra_words
        )
    };
    compare(
        "guards",
        guards.iter().map(guard),
        state.entry_guards().iter().map(guard),
        &mut differences,
    );
    differences
}

/// Waits until all events for earlier changes have arrived.
fn settle(tor: &Controller) {
    tor.send(ControlCommand::build("GETINFO").word("key", "version").finish().unwrap())
        .unwrap()
        .wait()
        .unwrap();
}

/// Returns a circuit as a text for comparison. Fields for which tor sends no
/// event are left out.
fn circuit(info: &CircuitInfo) -> String {
    let mut info = info.clone();
    (info.conflux_rtt, info.socks_username, info.socks_password, info.hs_pow) =
        (None, None, None, None);
    if info.status == CircuitStatus::GuardWait {
        info.status = CircuitStatus::Extended;
    }
    // For a circuit that still waits for its first hop, GETINFO reports
    // EXTENDED, and the event reports LAUNCHED.
    if info.status == CircuitStatus::Extended && info.path.is_empty() {
        info.status = CircuitStatus::Launched;
    }
    format!("{info:?}")
}

/// Returns a stream as a text for comparison. It contains only the fields that
/// GETINFO also returns.
fn stream(info: &StreamInfo) -> String {
    let status = match &info.status {
        StreamStatus::New
        | StreamStatus::NewResolve
        | StreamStatus::ControllerWait
        | StreamStatus::Detached => "waiting",
        other => other.as_str(),
    };
    let target: &StreamTarget = &info.target;
    format!("{} {status} {:?} {target}", info.id, info.circuit)
}

fn compare(
    what: &str,
    said: impl Iterator<Item = String>,
    live: impl Iterator<Item = String>,
    differences: &mut Vec<String>,
) {
    let (mut said, mut live): (Vec<String>, Vec<String>) = (said.collect(), live.collect());
    said.sort();
    live.sort();
    let only = |these: &[String], those: &[String]| {
        these.iter().filter(|one| !those.contains(one)).cloned().collect::<Vec<_>>()
    };
    for one in only(&said, &live) {
        differences.push(format!("{what}: tor says {one}"));
    }
    for one in only(&live, &said) {
        differences.push(format!("{what}: live is {one}"));
    }
}
