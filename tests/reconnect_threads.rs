//! Checks that a connection that reconnects many times leaves no threads
//! behind. The test counts threads, so it needs a separate process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/place.rs"]
mod place;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crossbeam_channel::unbounded;
use place::{Place, SOON, eager, next, plain, statuses};
use scape::event::EventKind;

/// Returns the names of the connection threads in this process.
fn threads() -> Vec<String> {
    let mut names = Vec::new();
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if name.starts_with("scape-") {
            names.push(name.trim().to_owned());
        }
    }
    names.sort();
    names
}

/// Waits until the connection threads have these names. A thread takes a moment
/// to set its name and to end.
fn become_threads(expected: &[&str]) {
    let deadline = Instant::now() + SOON;
    while threads() != expected {
        assert!(Instant::now() < deadline, "{:?} instead of {expected:?}", threads());
        thread::yield_now();
    }
}

#[test]
fn twenty_automatic_reconnects_leave_no_threads() {
    assert!(threads().is_empty());
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let (listener, told) = statuses(&controller);
    let calls = Arc::new(AtomicUsize::new(0));
    let (counting, (sender, seen)) = (calls.clone(), unbounded());
    let events = controller
        .on_event([EventKind::Bw], move |event| {
            counting.fetch_add(1, Ordering::SeqCst);
            sender.send(event.text()).unwrap();
        })
        .unwrap();
    let queue = controller.subscribe([EventKind::Bw, EventKind::Circ]).unwrap();
    let running = ["scape-events", "scape-keeper", "scape-reader"];
    become_threads(&running);
    assert_eq!(next(&told), "connected");
    for round in 1..=20 {
        place.kill();
        let closed = controller.wait_closed(SOON).unwrap();
        assert!(!closed.is_local());
        assert_eq!(next(&told), "closed");
        place.put(plain());
        controller.wait_connected(SOON).unwrap();
        while let status = next(&told)
            && status != "reconnected, 0 lost"
        {
            assert_eq!(status, "failed");
        }
        place.with(|tor| {
            let lists: Vec<String> =
                tor.sent().into_iter().filter(|line| line.starts_with("SETEVENTS")).collect();
            assert_eq!(lists, ["SETEVENTS CIRC BW SIGNAL"]);
            tor.send(format!("650 BW {round} 0\r\n"));
        });
        assert_eq!(next(&seen), format!("BW {round} 0"));
        assert_eq!(queue.next_timeout(SOON).unwrap().text(), format!("BW {round} 0"));
        assert_eq!(queue.interruptions(), round);
    }
    controller.sync().unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 20);
    assert!(queue.try_iter().next().is_none());
    become_threads(&running);
    drop((listener, events, queue));
    controller.close().unwrap();
    become_threads(&[]);
}
