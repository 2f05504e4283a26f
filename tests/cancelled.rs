//! Cancelling a call from another thread, in each phase of the call. The call
//! must end at once and undo the parts that it has done.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/answers.rs"]
mod answers;
#[path = "support/peer.rs"]
mod peer;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use answers::{ONION, answer};
use parking_lot::Mutex;
use peer::Peer;
use scape::control::{ConnectError, ExtendCircuit};
use scape::error::{Cancelled, Phase};
use scape::onion::{OnionService, Publication, Wait};
use scape::word::OnionAddress;
use scape::{CancelToken, Connect, Controller, Error, OnionBuilder, Tor};

/// The timeout of each call, which is longer than any test may take.
const HOUR: Duration = Duration::from_secs(3600);
/// The maximum time that a cancelled call may take to end. It is long enough
/// for a busy machine. A call that checked its token only now and then would
/// take the whole [`HOUR`].
const SOON: Duration = Duration::from_secs(60);

/// A peer that records every command. It doesn't answer the first command that
/// begins with `silent`, nor any later command.
struct Silent {
    controller: Controller,
    sent: Arc<Mutex<Vec<String>>>,
    peer: Peer,
    /// The answers that were not sent. `None` before the first `silent`
    /// command.
    late: Arc<Mutex<Option<String>>>,
}

impl Silent {
    fn about(silent: &'static str) -> Silent {
        let (sent, late) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(None)));
        let (seen, held) = (sent.clone(), late.clone());
        let (controller, peer, _thread) = Peer::answering(move |line| {
            let mut held: parking_lot::MutexGuard<'_, Option<String>> = held.lock();
            if line.starts_with(silent) {
                held.get_or_insert_default();
            }
            let now = match &mut *held {
                Some(later) => {
                    later.push_str(&answer(line));
                    None
                }
                None => Some(answer(line)),
            };
            seen.lock().push(line.to_owned());
            now
        });
        Silent { controller: controller.with_timeout(HOUR), sent, peer, late }
    }

    /// Sends the answers that were not sent before.
    fn release(&self) {
        let held = self.late.lock().take().unwrap();
        self.peer.send(held);
    }

    fn wait_for(&self, command: &str) {
        let deadline = Instant::now() + SOON;
        while !self.sent.lock().iter().any(|line| line.starts_with(command)) {
            assert!(Instant::now() < deadline, "{command} is not sent: {:?}", self.sent.lock());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Makes the call, and cancels it 50 ms after the peer has received
    /// `command`. Returns the error of the call, which must have ended soon.
    fn cancel<T: Send>(
        &self,
        command: &str,
        call: impl FnOnce(&CancelToken) -> Result<T, Error> + Send,
    ) -> Error {
        let token = CancelToken::new();
        thread::scope(|scope| {
            let cancelling = scope.spawn(|| {
                self.wait_for(command);
                thread::sleep(Duration::from_millis(50));
                token.cancel();
                Instant::now()
            });
            let result = call(&token);
            let ended = Instant::now();
            let cancelled = cancelling.join().unwrap();
            assert!(ended.saturating_duration_since(cancelled) < SOON, "{command}");
            result.err().unwrap_or_else(|| panic!("the call that sends {command} succeeds"))
        })
    }
}

fn phase(error: &Error) -> Phase {
    assert!(error.is_cancelled() && !error.is_timeout(), "{error}");
    // The error comes from the call itself and not from a connection attempt.
    assert!(error.get::<ConnectError>().is_none(), "{error}");
    let Some(cancelled) = error.get::<Cancelled>() else { panic!("{error}") };
    cancelled.phase()
}

fn onion(controller: &Controller, token: &CancelToken) -> OnionBuilder {
    OnionBuilder::new(controller).timeout(HOUR).cancel_with(token)
}

fn publish(tor: &Silent, token: &CancelToken) -> Result<OnionService, Error> {
    onion(&tor.controller, token).port(80, 8000).publish()
}

#[test]
fn publication_is_cancelled_while_it_waits_for_uploads_and_removes_the_service() {
    let tor = Silent::about("nothing");
    let error = tor.cancel("ADD_ONION", |token| publish(&tor, token));
    assert_eq!(phase(&error), Phase::Publish);
    assert_eq!(error.to_string(), "cancelled while waiting for the descriptor to be published");
    tor.wait_for(&format!("DEL_ONION {ONION}"));
}

#[test]
fn publication_is_cancelled_in_the_middle_of_a_flood_of_events() {
    let tor = Silent::about("nothing");
    let peer = tor.peer.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let event = format!("650 HS_DESC UPLOAD {ONION} UNKNOWN UNKNOWN one\r\n");
    let flood = thread::spawn(move || {
        let events = event.repeat(100);
        // Sends so many events that there is always one, but not so many that
        // the replies come too late on a busy machine.
        while !stopped.load(Ordering::SeqCst) && peer.try_send(&events) {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let error = tor.cancel("ADD_ONION", |token| publish(&tor, token));
    stop.store(true, Ordering::SeqCst);
    // The answer to ADD_ONION may still be in the flood.
    assert!(matches!(phase(&error), Phase::Publish | Phase::Reply), "{error}");
    tor.wait_for("DEL_ONION");
    drop(tor);
    flood.join().unwrap();
}

#[test]
fn publication_is_cancelled_at_each_of_its_commands() {
    for silent in ["GETCONF HiddenServiceNonAnonymousMode", "SETEVENTS", "ADD_ONION"] {
        let tor = Silent::about(silent);
        let error = tor.cancel(silent, |token| publish(&tor, token));
        assert_eq!(phase(&error), Phase::Reply, "{silent}");
        let added = tor.sent.lock().iter().any(|line| line.starts_with("ADD_ONION"));
        assert_eq!(added, silent == "ADD_ONION");
        if added {
            // A service whose address arrives too late is removed as well.
            tor.release();
            tor.wait_for(&format!("DEL_ONION {ONION}"));
        }
    }
}

#[test]
fn listener_is_cancelled_and_its_socket_is_closed() {
    let tor = Silent::about("nothing");
    let error =
        tor.cancel("ADD_ONION", |token| onion(&tor.controller, token).virtual_port(80).listen());
    assert_eq!(phase(&error), Phase::Publish);
    let added = tor.sent.lock().iter().find(|line| line.starts_with("ADD_ONION")).cloned().unwrap();
    let port: u16 = added.rsplit(':').next().unwrap().split(' ').next().unwrap().parse().unwrap();
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
}

#[test]
fn cancelled_token_prevents_a_publication() {
    let tor = Silent::about("nothing");
    let token = CancelToken::new();
    token.cancel();
    assert!(publish(&tor, &token).unwrap_err().is_cancelled());
    assert!(onion(&tor.controller, &token).virtual_port(80).listen().unwrap_err().is_cancelled());
    assert!(tor.sent.lock().is_empty(), "{:?}", tor.sent.lock());
}

#[test]
fn progress_callback_cancels_its_publication() {
    let tor = Silent::about("nothing");
    for wait in [Wait::Nothing, Wait::FirstUpload] {
        let token = CancelToken::new();
        let stop = token.clone();
        let builder = onion(&tor.controller, &token).port(80, 8000).wait(wait);
        let error = builder
            .on_progress(move |step| {
                if step.percent > 0 || step.tag == "added" {
                    stop.cancel();
                }
            })
            .publish();
        assert!(error.unwrap_err().is_cancelled(), "{wait:?}");
        tor.wait_for("DEL_ONION");
        tor.sent.lock().clear();
    }
}

#[test]
fn token_that_is_cancelled_after_a_publication_leaves_the_service_alone() {
    let tor = Silent::about("nothing");
    let token = CancelToken::new();
    let builder = onion(&tor.controller, &token).port(80, 8000);
    let service = builder.wait(Wait::Nothing).publish().unwrap();
    token.cancel();
    assert!(!tor.sent.lock().iter().any(|line| line.starts_with("DEL_ONION")));
    // The guard doesn't keep the token.
    service.close().unwrap();
    tor.wait_for("DEL_ONION");
}

#[test]
fn tokens_of_a_tor_and_of_a_controller_reach_publications() {
    let tor = Silent::about("nothing");
    let by_tor = tor.cancel("ADD_ONION", |token| {
        let handle = Tor::from(tor.controller.clone()).cancel_with(token);
        handle.onion()?.timeout(HOUR).port(80, 8000).publish()
    });
    assert_eq!(phase(&by_tor), Phase::Publish);
    tor.wait_for("DEL_ONION");
    let address: OnionAddress = ONION.parse().unwrap();
    tor.sent.lock().clear();
    let by_controller = tor.cancel("SETEVENTS", |token| {
        let publication = Publication::begin(&tor.controller.cancel_with(token))?;
        publication.wait(&address, Wait::FirstUpload, HOUR, |_| {})
    });
    assert_eq!(phase(&by_controller), Phase::Publish);
}

#[test]
fn every_call_of_a_controller_is_cancelled_and_other_handles_go_on() {
    let tor = Silent::about("GETINFO uptime");
    let with = |token: &CancelToken| tor.controller.cancel_with(token);
    let error = tor.cancel("GETINFO uptime", |token| with(token).get_info("uptime"));
    assert_eq!(phase(&error), Phase::Reply);
    // The late answer is discarded, and the connection stays in step.
    tor.release();
    assert_eq!(tor.controller.get_info("version").unwrap(), "0.4.9.11");

    let error = tor.cancel("SIGNAL NEWNYM", |token| with(token).new_identity(HOUR));
    assert_eq!(phase(&error), Phase::Signal);
    let error = tor.cancel("RESOLVE", |token| with(token).resolve("a.example", HOUR));
    assert_eq!(phase(&error), Phase::Resolve);
    let error = tor.cancel("EXTENDCIRCUIT", |token| {
        tor.controller.cancel_with(token).build_circuit(&ExtendCircuit::new(), HOUR)
    });
    assert_eq!(phase(&error), Phase::Circuit);
    // The circuit has no owner any more, so it is closed.
    tor.wait_for("CLOSECIRCUIT 7");
}

#[test]
fn waiting_for_readiness_is_cancelled() {
    for (command, silent) in [
        ("GETINFO signal/names", "GETINFO signal/names"),
        ("SIGNAL ACTIVE", "nothing"),
        ("SETEVENTS", "SETEVENTS"),
    ] {
        let tor = Silent::about(silent);
        let handle = Tor::from(tor.controller.clone());
        let error = tor.cancel(command, |token| handle.cancel_with(token).become_ready(HOUR));
        assert!(error.is_cancelled(), "{command}: {error}");
    }
    let token = CancelToken::new();
    token.cancel();
    let tor = Silent::about("nothing");
    let handle = Tor::from(tor.controller.clone()).cancel_with(&token);
    assert_eq!(phase(&handle.become_ready(HOUR).unwrap_err()), Phase::Bootstrap);
}

#[test]
fn waiting_for_the_bootstrap_is_cancelled() {
    // The peer reports that it is awake, but never bootstraps.
    let (controller, _peer, _thread) = Peer::answering(|line| {
        let told = if line == "SIGNAL ACTIVE" { "650 SIGNAL ACTIVE\r\n" } else { "" };
        Some(answer(line) + told)
    });
    let token = CancelToken::new();
    let stop = token.clone();
    let tor = Tor::from(controller).cancel_with(&token);
    let begun = Instant::now();
    let error = tor.become_ready_with(HOUR, |step| {
        assert_eq!(step.percent, 50);
        let stop = stop.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            stop.cancel();
        });
    });
    assert_eq!(phase(&error.unwrap_err()), Phase::Bootstrap);
    assert!(begun.elapsed() < SOON);
}

#[test]
fn cancelled_connect_to_a_silent_port_closes_the_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let token = CancelToken::new();
    let begun = Instant::now();
    thread::scope(|scope| {
        let connect = || {
            Connect::to(address.to_string())
                .unwrap()
                .timeout(Duration::from_secs(2))
                .cancel_with(&token)
        };
        let connecting = scope.spawn(move || connect().connect());
        let (mut accepted, _) = listener.accept().unwrap();
        token.cancel();
        assert_eq!(phase(&connecting.join().unwrap().unwrap_err()), Phase::Connect);
        // The connection attempt goes on until its own timeout, and ends then.
        accepted.set_read_timeout(Some(SOON)).unwrap();
        std::io::copy(&mut accepted, &mut std::io::sink()).unwrap();
    });
    assert!(begun.elapsed() < SOON);
}

#[test]
fn controller_does_not_keep_the_token_that_it_was_connected_with() {
    let tor = scape::testing::ScriptedTor::builder().info("version", "0.4.9.11").listen().unwrap();
    let token = CancelToken::new();
    let connect = Connect::to(tor.address().cloned().unwrap()).unwrap().cancel_with(&token);
    let controller = connect.connect().unwrap();
    token.cancel();
    assert!(controller.is_alive());
    assert!(controller.reconnect().is_ok());
    assert!(connect.connect().unwrap_err().is_cancelled());
}
