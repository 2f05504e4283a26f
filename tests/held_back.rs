//! A flood of very many events: the library holds tor back while too many
//! events wait, by not reading for a moment. Commands still get their replies,
//! and a callback that hangs delays no other listener.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/peer.rs"]
mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded, unbounded};
use peer::{Peer, SOON, echo};
use scape::Controller;
use scape::connection::QueueLimit;
use scape::event::EventKind;

/// The maximum number of waiting events: the limit, and the events of one read.
const BOUND: usize = 2560 + 700;

/// The number of events of a flood, many more than may wait.
const FLOOD: usize = 60_000;

/// The maximum number of floods. At least one must stay within [`BOUND`].
const ATTEMPTS: usize = 3;

/// The number of events that are written at once.
const BURST: usize = 100;

/// Returns an event of 200 bytes, so that one read brings few events.
fn event() -> String {
    format!("650 NOTICE {}\r\n", "x".repeat(187))
}

/// A controller with a tor that answers every command, and that sends [`FLOOD`]
/// events when the test asks for them.
struct Flooded {
    controller: Controller,
    peer: Peer,
    begin: Arc<AtomicBool>,
    threads: [JoinHandle<()>; 2],
}

impl Flooded {
    fn new() -> Flooded {
        let (controller, peer) = Peer::pair();
        let (sender, lines) = unbounded();
        let reader = peer.clone();
        let reading = thread::spawn(move || {
            while let Some(line) = reader.line() {
                let _ = sender.send(line);
            }
        });
        let begin = Arc::new(AtomicBool::new(false));
        let (writer, has_begun) = (peer.clone(), begin.clone());
        // A single thread writes, so that replies and events don't mix.
        let writing = thread::spawn(move || {
            let burst = event().repeat(BURST);
            let mut left = FLOOD;
            loop {
                let is_flooding = left > 0 && has_begun.load(Ordering::SeqCst);
                let wait = if is_flooding { Duration::ZERO } else { Duration::from_millis(1) };
                let sent = match lines.recv_timeout(wait) {
                    Ok(line) => writer.try_send(echo(&line).unwrap_or_default()),
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => true,
                };
                if !sent || is_flooding && !writer.try_send(&burst) {
                    return;
                }
                left -= if is_flooding { BURST } else { 0 };
            }
        });
        Flooded { controller, peer, begin, threads: [reading, writing] }
    }

    fn begin(&self) {
        self.begin.store(true, Ordering::SeqCst);
    }

    fn end(self) {
        self.peer.hang_up();
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Sleeps for a moment after every 512th event, so that the reader thread can
/// read more events than the listener takes.
fn be_slow(taken: usize) {
    if taken.is_multiple_of(512) {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Checks that tor was held back during a flood: the highest number of waiting
/// events, which `most_of_a_flood` returns, must be within the limits. On a
/// busy machine, too few events may be waiting. So there are several attempts.
fn check(most_of_a_flood: fn() -> usize) {
    let mut seen = Vec::new();
    while seen.len() < ATTEMPTS {
        let most = most_of_a_flood();
        if (1024..=BOUND).contains(&most) {
            return;
        }
        seen.push(most);
    }
    panic!("the most events that were waiting: {seen:?}");
}

#[test]
fn events_of_a_flood_wait_up_to_a_limit_in_a_subscription() {
    check(most_in_a_subscription);
}

#[test]
fn events_of_a_flood_wait_up_to_a_limit_for_a_callback() {
    check(most_for_a_callback);
}

fn most_in_a_subscription() -> usize {
    let flooded = Flooded::new();
    let controller = &flooded.controller;
    let events = controller.subscribe([EventKind::Notice]).unwrap();
    flooded.begin();
    let mut most = 0;
    for taken in 1..=FLOOD {
        assert!(events.next_timeout(SOON).is_ok(), "{taken}");
        most = most.max(events.waiting());
        be_slow(taken);
    }
    flooded.end();
    most
}

fn most_for_a_callback() -> usize {
    let flooded = Flooded::new();
    let controller = &flooded.controller;
    // This subscription gets the same events as the listener below, and nobody
    // takes them. It has a limit, so that tor isn't held back for it. It shows
    // how far the reader thread has come.
    let limit = QueueLimit::Bounded(FLOOD);
    let handed = controller.subscribe_with([EventKind::Notice], limit).unwrap();
    let (done, is_done) = bounded(1);
    let (taken, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counter = taken.clone();
    let _listener = controller
        .on_event([EventKind::Notice], move |_| {
            let taken = counter.fetch_add(1, Ordering::SeqCst) + 1;
            be_slow(taken);
            if taken == FLOOD {
                let _ = done.send(());
            }
        })
        .unwrap();
    let (most, is_over) = (seen.clone(), Arc::new(AtomicBool::new(false)));
    flooded.begin();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                // Reading the numbers in this order can only make the
                // difference too small.
                let handed = handed.waiting();
                let waiting = handed.saturating_sub(taken.load(Ordering::SeqCst));
                most.fetch_max(waiting, Ordering::SeqCst);
                thread::sleep(Duration::from_micros(200));
            }
        });
        let ended = is_done.recv_timeout(SOON);
        is_over.store(true, Ordering::SeqCst);
        ended.unwrap();
    });
    flooded.end();
    seen.load(Ordering::SeqCst)
}

#[test]
fn callback_that_hangs_delays_no_reply_and_no_subscription_in_a_flood() {
    let flooded = Flooded::new();
    let controller = &flooded.controller;
    let (release, held) = bounded::<()>(0);
    let _slow = controller
        .on_event([EventKind::Notice], move |_| {
            let _ = held.recv();
        })
        .unwrap();
    let events = controller.subscribe([EventKind::Notice]).unwrap();
    flooded.begin();
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    for taken in 1..=FLOOD {
        assert!(events.next_timeout(SOON).is_ok(), "{taken}");
        if taken.is_multiple_of(10_000) {
            let asked = Instant::now();
            assert_eq!(controller.get_info("version").unwrap(), "value of version");
            longest = longest.max(asked.elapsed());
        }
    }
    assert!(begun.elapsed() < SOON && longest < Duration::from_secs(5), "{longest:?}");
    drop(release);
    flooded.end();
}

#[test]
fn callback_that_sends_commands_in_a_flood_gets_its_replies() {
    const COMMANDS: usize = 200;
    let flooded = Flooded::new();
    let controller = &flooded.controller;
    let (sender, received) = unbounded();
    let inside = controller.downgrade();
    let _listener = controller
        .on_event([EventKind::Notice], move |_| {
            let Some(controller) = inside.upgrade() else { return };
            let asked = Instant::now();
            let _ = sender.send(controller.get_info("version").map(|_| asked.elapsed()));
        })
        .unwrap();
    flooded.begin();
    let begun = Instant::now();
    for _ in 0..COMMANDS {
        received.recv_timeout(SOON).unwrap().unwrap();
    }
    // Each reply comes behind the events that tor has sent before it. (The
    // unit tests of `hold.rs` check that tor isn't held back in the meantime.)
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    flooded.end();
}
