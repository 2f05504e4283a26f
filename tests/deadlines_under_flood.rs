//! Checks that calls that wait for an event end at their deadline, even if
//! other events keep coming.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/answers.rs"]
mod answers;
#[path = "support/peer.rs"]
mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use answers::{ONION, answer};
use peer::Peer;
use scape::control::ExtendCircuit;
use scape::event::EventKind;
use scape::onion::disk::{DiskOnion, DiskOnionError, DiskOnions};
use scape::onion::{Publication, Wait};
use scape::word::{CircuitId, OnionAddress};
use scape::{CircuitBuilder, Controller, OnionBuilder, Result, State, Tor};

/// The deadline of each call.
const DEADLINE: Duration = Duration::from_millis(300);
/// The time for which events keep coming if the call doesn't return.
const FLOOD: Duration = Duration::from_secs(12);
/// The time in which each call must have returned: its deadline, one or two
/// seconds for undoing and final questions, and time for a busy machine. It is
/// far less than [`FLOOD`].
const BOUND: Duration = Duration::from_secs(6);

/// The number of threads that keep the processor busy.
const BUSY: usize = 4;

/// Events of every kind that the calls wait for. None of them ends a wait.
const EVENTS: &str = concat!(
    "650 CIRC 999 EXTENDED $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n",
    "650 STREAM 998 NEW 0 example.org:80 PURPOSE=USER\r\n",
    "650 ADDRMAP example.org 192.0.2.1 NEVER\r\n",
    "650 SIGNAL HEARTBEAT\r\n",
    "650 HS_DESC UPLOADED 2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid UNKNOWN moria1\r\n",
    "650+HS_DESC_CONTENT 2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid id moria1\r\n",
    "hs-descriptor 3\r\n.\r\n650 OK\r\n",
    "650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=50 TAG=loading SUMMARY=\"Loading\"\r\n",
    "650 WARN something that nobody waits for\r\n",
    "650 BW 1 2\r\n",
);

/// A controller with a tor that answers every command, and sends very many
/// events meanwhile.
struct Flooded {
    controller: Controller,
    peer: Peer,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Flooded {
    fn start() -> Flooded {
        let (controller, peer) = Peer::pair();
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (sender, lines) = mpsc::channel();
        let reader = peer.clone();
        let reading = thread::spawn(move || {
            let mut in_data = false;
            while let Some(line) = reader.line() {
                if in_data {
                    in_data = line != ".";
                } else {
                    in_data = line.starts_with('+');
                    let _ = sender.send(line);
                }
            }
        });
        // Keeps the machine busy, so that threads that wait for events fall
        // behind.
        let busy = (0..BUSY).map(|_| {
            let is_over = stop.clone();
            thread::spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    std::hint::spin_loop();
                }
            })
        });
        let mut threads: Vec<JoinHandle<()>> = busy.collect();
        let (writer, is_over, count) = (peer.clone(), stop.clone(), sent.clone());
        let writing = thread::spawn(move || {
            let burst = EVENTS.repeat(20);
            let begun = Instant::now();
            while !is_over.load(Ordering::SeqCst) {
                for line in lines.try_iter() {
                    if !writer.try_send(answer(&line)) {
                        return;
                    }
                }
                if begun.elapsed() > FLOOD {
                    thread::sleep(Duration::from_millis(1));
                } else if !writer.try_send(&burst) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let controller = controller.with_timeout(Duration::from_secs(5));
        threads.extend([reading, writing]);
        Flooded { controller, peer, stop, sent, threads }
    }

    fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.peer.hang_up();
        drop(self.controller);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// Makes a call while events keep coming. The call must fail at its deadline,
/// while events are still coming.
fn check(name: &str, call: impl FnOnce(&Controller) -> Result<()>) {
    let flooded = Flooded::start();
    let begun = Instant::now();
    let result = call(&flooded.controller);
    let took = begun.elapsed();
    let before = flooded.sent.load(Ordering::SeqCst);
    assert!(result.is_err(), "{name} has found what never came");
    assert!(took >= DEADLINE, "{name} didn't wait: {result:?}");
    assert!(took < BOUND, "{name} took {took:?} of its {DEADLINE:?}: {result:?}");
    assert!(before > 0, "{name}: there was no flood");
    flooded.end();
}

fn onion() -> OnionAddress {
    ONION.parse().unwrap()
}

fn nowhere() -> Vec<&'static str> {
    Vec::new()
}

#[test]
fn flood_does_not_delay_deadline_of_hs_descriptor_fetch() {
    check("hs_descriptors().fetch", |tor| tor.hs_descriptors().fetch(onion(), DEADLINE).map(drop));
}

#[test]
fn flood_does_not_delay_deadline_of_hs_descriptor_post() {
    check("hs_descriptors().post", |tor| {
        tor.hs_descriptors().post(&onion(), "hs-descriptor 3\n", nowhere(), DEADLINE).map(drop)
    });
    check("hs_descriptors().post to one", |tor| {
        tor.hs_descriptors().post(&onion(), "hs-descriptor 3\n", ["dizum"], DEADLINE).map(drop)
    });
}

#[test]
fn flood_does_not_delay_deadline_of_signals() {
    check("new_identity", |tor| tor.new_identity(DEADLINE));
    check("wake", |tor| tor.wake(DEADLINE));
}

#[test]
fn flood_does_not_delay_deadline_of_circuits() {
    let command = ExtendCircuit::new();
    check("build_circuit", |tor| tor.build_circuit(&command, DEADLINE).map(drop));
    check("wait_built", |tor| tor.wait_built(CircuitId::new(7), DEADLINE).map(drop));
}

#[test]
fn flood_does_not_delay_deadline_of_the_live_state() {
    check("CircuitBuilder::build", |tor| {
        CircuitBuilder::new().timeout(DEADLINE).build(&State::new(tor)?).map(drop)
    });
    check("State::wait", |tor| State::new(tor)?.wait(DEADLINE, |_| None::<()>));
    check("Stream::wait_closed", |tor| {
        let state = State::new(tor)?;
        let stream = state.streams().into_iter().next().unwrap();
        stream.wait_closed(DEADLINE).map(drop)
    });
    check("CircuitPool::get", |tor| {
        let pool = CircuitBuilder::new().timeout(DEADLINE).pool(&State::new(tor)?, 1)?;
        pool.get(DEADLINE).map(drop)
    });
}

#[test]
fn flood_does_not_delay_deadline_of_resolve() {
    check("resolve", |tor| tor.resolve("example.com", DEADLINE).map(drop));
    check("resolve_reverse", |tor| tor.resolve_reverse([192, 0, 2, 7].into(), DEADLINE).map(drop));
}

#[test]
fn flood_does_not_delay_deadline_of_readiness() {
    check("become_ready", |tor| Tor::from(tor.clone()).become_ready(DEADLINE));
}

#[test]
fn flood_does_not_delay_deadline_of_publication() {
    check("Publication::wait", |tor| {
        Publication::begin(tor)?.wait(&onion(), Wait::FirstUpload, DEADLINE, |_| {})
    });
    check("OnionBuilder::publish", |tor| {
        OnionBuilder::new(tor).port(80, 8080).timeout(DEADLINE).publish().map(drop)
    });
    check("OnionBuilder::listen", |tor| {
        OnionBuilder::new(tor).virtual_port(80).timeout(DEADLINE).listen().map(drop)
    });
}

#[test]
fn flood_does_not_delay_deadline_of_refusal_log() {
    // tor logs why it refuses a service. The call waits half a second for that
    // log message.
    let (controller, peer) = Peer::pair();
    let stop = Arc::new(AtomicBool::new(false));
    let (server, is_over) = (peer.clone(), stop.clone());
    let answering = thread::spawn(move || {
        while let Some(line) = server.line() {
            if line.starts_with("SETCONF") {
                server.send("513 Unacceptable option value: no\r\n");
                let begun = Instant::now();
                while begun.elapsed() < FLOOD && !is_over.load(Ordering::SeqCst) {
                    if !server.try_send("650 WARN something else\r\n".repeat(100)) {
                        return;
                    }
                }
            } else if !server.try_send(answer(&line)) {
                // The test is over.
                return;
            }
        }
    });
    let begun = Instant::now();
    let refused = DiskOnions::of(&controller).edit(|services| {
        services.push(DiskOnion::new("/srv/a").local_port(80));
        Ok(())
    });
    assert!(refused.unwrap_err().get::<DiskOnionError>().is_some());
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    stop.store(true, Ordering::SeqCst);
    peer.hang_up();
    drop(controller);
    answering.join().unwrap();
}

#[test]
fn event_that_came_before_the_deadline_is_found_after_it() {
    let (controller, peer, server) = Peer::answering(|line| Some(answer(line)));
    let events = controller.subscribe([EventKind::Signal]).unwrap();
    peer.send("650 SIGNAL HEARTBEAT\r\n650 SIGNAL NEWNYM\r\n");
    controller.sync().unwrap();
    // Zero is a deadline that has already passed: queued events are still
    // returned, and then nothing.
    let kinds: Vec<String> =
        (0..2).map(|_| events.next_timeout(Duration::ZERO).unwrap().text()).collect();
    assert_eq!(kinds, ["SIGNAL HEARTBEAT", "SIGNAL NEWNYM"]);
    assert!(events.next_timeout(Duration::ZERO).unwrap_err().is_timeout());
    peer.hang_up();
    drop((events, controller));
    server.join().unwrap();
}
