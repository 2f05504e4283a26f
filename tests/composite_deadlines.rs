//! Checks that a call that consists of several commands and waits has one
//! deadline for all of them.
//!
//! tor answers each command after 90 % of the timeout. Each call must end
//! within about one timeout, plus the documented time for undoing. A timeout
//! for each part would take at least twice the time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/answers.rs"]
mod answers;
#[path = "support/peer.rs"]
mod peer;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use answers::{ONION, answer};
use peer::Peer;
use scape::Config;
use scape::control::{ClientAuth, ExtendCircuit};
use scape::event::EventKind;
use scape::onion::client_auth::ClientAuthGuard;
use scape::onion::disk::{DiskOnion, DiskOnionFiles, DiskOnions};
use scape::onion::{OnionService, Wait};
use scape::word::{CircuitId, ClientKey, OnionAddress};
use scape::{CircuitBuilder, Connect, Controller, OnionBuilder, State, Tor};

/// The timeout of each call.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The time that tor takes for each answer.
const ANSWER: Duration = Duration::from_millis(3600);
/// The time that a busy machine may add. Two parts with a timeout each would
/// take 7.2 seconds.
const SLACK: Duration = Duration::from_millis(2700);

/// A scripted tor that answers at once until it is made slow.
struct Slow {
    controller: Controller,
    is_slow: Arc<AtomicBool>,
    /// The number of commands that tor has received since it became slow.
    asked: Arc<AtomicUsize>,
}

impl Slow {
    fn start() -> Slow {
        let (is_slow, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (slow, count) = (is_slow.clone(), asked.clone());
        let mut in_data = false;
        let (controller, _peer, _thread) = Peer::answering(move |line| {
            if in_data {
                in_data = line != ".";
                return None;
            }
            in_data = line.starts_with('+');
            if slow.load(Ordering::SeqCst) {
                count.fetch_add(1, Ordering::SeqCst);
                thread::sleep(ANSWER);
            }
            Some(answer(line))
        });
        Slow { controller, is_slow, asked }
    }
}

/// A call under test. It is prepared while tor answers at once. The returned
/// function is then timed.
type Call = Box<dyn FnOnce(&Controller) -> Box<dyn FnOnce()> + Send>;

/// Returns a call that needs no preparation.
fn call<T: 'static>(call: impl FnOnce(&Controller) -> T + Send + 'static) -> Call {
    Box::new(move |tor| {
        let tor = tor.clone();
        Box::new(move || drop(call(&tor)))
    })
}

/// Returns a call on a value that `make` creates beforehand, while tor answers
/// at once.
fn on<M: 'static, T: 'static>(
    make: impl FnOnce(&Controller) -> M + Send + 'static,
    call: impl FnOnce(M) -> T + Send + 'static,
) -> Call {
    Box::new(move |tor| {
        let made = make(tor);
        Box::new(move || drop(call(made)))
    })
}

/// Makes a call. Returns its duration, and true if it sent a command. The
/// duration includes dropping the call's result.
fn time(call: Call) -> (Duration, bool) {
    let slow = Slow::start();
    let brief = slow.controller.with_timeout(TIMEOUT);
    let ready = call(&brief);
    slow.is_slow.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    ready();
    (begun.elapsed(), slow.asked.load(Ordering::SeqCst) > 0)
}

/// Makes all calls at the same time, and checks that each ends within the
/// limit. Each has a name, and the documented number of seconds that undoing
/// takes.
fn check(calls: Vec<(&'static str, u64, Call)>) {
    let threads: Vec<_> = calls
        .into_iter()
        .map(|(name, undo, call)| (name, undo, thread::spawn(move || time(call))))
        .collect();
    let mut late = Vec::new();
    for (name, undo, thread) in threads {
        let (took, has_asked) = thread.join().unwrap_or_else(|_| panic!("{name} panicked"));
        // A call that fails before it sends anything proves nothing.
        assert!(has_asked || name == "close", "{name} asks tor for nothing");
        if took > TIMEOUT + Duration::from_secs(undo) + SLACK {
            late.push(format!("{name} took {took:?}"));
        }
    }
    assert!(late.is_empty(), "with a timeout of {TIMEOUT:?}: {late:#?}");
}

fn onion() -> OnionAddress {
    ONION.parse().unwrap()
}

fn permanent_key() -> ClientAuth {
    ClientAuth::new(onion(), ClientKey::from_bytes([7; 32])).permanent()
}

fn directory() -> &'static Path {
    Path::new("/srv/scape-nothing")
}

fn disk_onion() -> DiskOnion {
    DiskOnion::new(directory()).local_port(80)
}

fn state(tor: &Controller) -> State {
    State::new(tor).unwrap()
}

#[test]
fn controller_calls_have_one_deadline_for_all_commands() {
    let servers: [&str; 1] = ["moria1"];
    check(vec![
        ("signal", 0, call(|tor| tor.signal(scape::control::Signal::NewNym))),
        ("new_identity", 0, call(|tor| tor.new_identity(TIMEOUT))),
        ("wake", 0, call(|tor| tor.wake(TIMEOUT))),
        ("hs_descriptors().fetch", 0, call(|tor| tor.hs_descriptors().fetch(onion(), TIMEOUT))),
        (
            "hs_descriptors().post",
            0,
            call(move |tor| tor.hs_descriptors().post(&onion(), "x\n", servers, TIMEOUT)),
        ),
        ("resolve", 0, call(|tor| tor.resolve("example.com", TIMEOUT))),
        ("build_circuit", 0, call(|tor| tor.build_circuit(&ExtendCircuit::new(), TIMEOUT))),
        ("wait_built", 0, call(|tor| tor.wait_built(CircuitId::new(7), TIMEOUT))),
        ("directory", 0, call(|tor| tor.info().directory().is_ok())),
        ("set_conf", 0, call(|tor| tor.set_conf([("Nickname", "x")]))),
        ("onion_client_auth().add", 0, call(|tor| tor.onion_client_auth().add(&permanent_key()))),
        ("sync", 0, call(Controller::sync)),
        ("quit", 0, call(|tor| tor.clone().quit())),
        ("close", 0, call(|tor| tor.clone().close())),
    ]);
}

#[test]
fn onion_service_calls_have_one_deadline_for_all_commands() {
    let services = |tor: &Controller| DiskOnions::of(tor);
    let auth = || ClientAuth::new(onion(), ClientKey::random());
    check(vec![
        (
            "publish",
            1,
            call(|tor| OnionBuilder::new(tor).port(80, 8080).timeout(TIMEOUT).publish()),
        ),
        (
            "listen",
            1,
            call(|tor| OnionBuilder::new(tor).virtual_port(80).timeout(TIMEOUT).listen()),
        ),
        ("adopt", 0, call(|tor| OnionService::adopt(tor, onion()))),
        ("DiskOnions::open", 0, on(services, |onions| onions.open(directory()).is_ok())),
        ("DiskOnions::add", 0, on(services, |onions| onions.add(&disk_onion()).is_ok())),
        ("DiskOnions::change", 0, on(services, |onions| onions.change(directory(), &disk_onion()))),
        ("DiskOnions::remove", 0, on(services, |onions| onions.remove(directory()).is_ok())),
        (
            "DiskOnions::publish",
            5,
            on(services, |onions| {
                let files = DiskOnionFiles::new();
                onions.publish(&disk_onion(), &files, Wait::FirstUpload, TIMEOUT, |_| {}).is_ok()
            }),
        ),
        (
            "ClientAuthGuard::add",
            0,
            call(move |tor| ClientAuthGuard::add(tor, &auth()).map(ClientAuthGuard::keep)),
        ),
    ]);
}

#[test]
fn state_and_path_calls_have_one_deadline_for_all_commands() {
    let circuit = |tor: &Controller| state(tor).circuits().into_iter().next().unwrap();
    let stream = |tor: &Controller| state(tor).streams().into_iter().next().unwrap();
    let builder = || CircuitBuilder::new().timeout(TIMEOUT).attempt_timeout(TIMEOUT);
    check(vec![
        ("State::new", 0, call(State::new)),
        (
            "CircuitBuilder::build, one attempt",
            0,
            on(state, |state| CircuitBuilder::new().attempts(1).timeout(TIMEOUT).build(&state)),
        ),
        ("Circuit::close", 0, on(circuit, |circuit| circuit.close())),
        ("Stream::close", 0, on(stream, |stream| stream.close(scape::event::EndReason::DONE))),
        ("CircuitBuilder::build", 0, on(state, move |state| builder().build(&state))),
    ]);
}

#[test]
fn config_and_tor_calls_have_one_deadline_for_all_commands() {
    let changed = |tor: &Controller| {
        let mut config = Config::new(tor).unwrap();
        config.set("ContactInfo", "me").unwrap();
        config
    };
    check(vec![
        ("Config::new", 0, call(Config::new)),
        ("Config::save", 0, on(changed, |mut config| config.save())),
        ("Tor::is_ready", 0, call(|tor| Tor::from(tor.clone()).is_ready())),
        ("Tor::become_ready", 1, call(|tor| Tor::from(tor.clone()).become_ready(TIMEOUT))),
        ("Tor::client", 0, call(|tor| Tor::from(tor.clone()).client().is_ok())),
    ]);
}

/// Serves a control port without authentication, which answers at once until
/// `is_slow` is true. Returns its address.
fn slow_port(is_slow: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), is_slow) = (stream, is_slow.clone()) else { return };
            thread::spawn(move || {
                for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                    let Ok(line) = line else { return };
                    if is_slow.load(Ordering::SeqCst) {
                        thread::sleep(ANSWER);
                    }
                    let reply = match line.split(' ').next() {
                        Some("PROTOCOLINFO") => {
                            "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250 OK\r\n".into()
                        }
                        _ => answer(&line),
                    };
                    if stream.write_all(reply.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn connecting_has_one_deadline_for_all_commands() {
    let is_slow = Arc::new(AtomicBool::new(false));
    let connect = Connect::to(slow_port(is_slow.clone())).unwrap().timeout(TIMEOUT);
    let controller = connect.connect().unwrap();
    let _events = controller.subscribe([EventKind::Bw]).unwrap();
    is_slow.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    assert!(connect.connect().unwrap_err().to_string().contains("4s"));
    assert!(begun.elapsed() < TIMEOUT + SLACK, "connect took {:?}", begun.elapsed());
    // The reconnect waits up to a second for the old connection's thread.
    let begun = Instant::now();
    assert!(controller.reconnect().is_err());
    assert!(
        begun.elapsed() < TIMEOUT + Duration::from_secs(1) + SLACK,
        "reconnect took {:?}",
        begun.elapsed()
    );
}
