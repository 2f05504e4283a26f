//! Callbacks may do anything without disturbing other listeners or the
//! connection.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/peer.rs"]
mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded, unbounded};
use parking_lot::Mutex;
use peer::{Peer, SOON, echo};
use scape::Registration;
use scape::connection::{ConnectionStatus, QueueLimit};
use scape::error::Timeout;
use scape::event::EventKind;

#[test]
fn callback_may_send_a_command() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (sender, received) = unbounded();
    let inside = controller.downgrade();
    let _listener = controller
        .on_event([EventKind::Bw], move |event| {
            let value =
                inside.upgrade().unwrap().get_info(&event.text().replace(' ', "/")).unwrap();
            sender.send(value).unwrap();
        })
        .unwrap();
    peer.send("650 BW 1 2\r\n650 BW 3 4\r\n");
    assert_eq!(received.recv_timeout(SOON).unwrap(), "value of BW/1/2");
    assert_eq!(received.recv_timeout(SOON).unwrap(), "value of BW/3/4");
}

#[test]
fn callback_may_wait_for_an_event() {
    let (controller, peer, _server) = Peer::answering(|line| {
        let more = if line == "GETINFO go" { "650 SIGNAL NEWNYM\r\n" } else { "" };
        Some(echo(line)? + more)
    });
    let (sender, received) = unbounded();
    let inside = controller.downgrade();
    let _listener = controller
        .on_event([EventKind::Bw], move |_| {
            let controller = inside.upgrade().unwrap();
            let events = controller.subscribe([EventKind::Signal]).unwrap();
            controller.get_info("go").unwrap();
            sender.send(events.next_timeout(SOON).unwrap().text()).unwrap();
        })
        .unwrap();
    peer.send("650 BW 1 2\r\n");
    assert_eq!(received.recv_timeout(SOON).unwrap(), "SIGNAL NEWNYM");
}

#[test]
fn callback_may_drop_the_last_handle() {
    let (controller, peer, server) = Peer::answering(echo);
    let (done, finished) = unbounded();
    let slot = Arc::new(Mutex::new(None));
    let last = slot.clone();
    let listener = controller
        .on_event([EventKind::Bw], move |_| {
            let handle: Option<scape::Controller> = last.lock().take();
            drop(handle);
            done.send(()).unwrap();
        })
        .unwrap();
    *slot.lock() = Some(controller);
    peer.send("650 BW 1 2\r\n");
    finished.recv_timeout(SOON).unwrap();
    server.join().unwrap();
    drop(listener);
}

#[test]
fn callback_may_close_the_connection() {
    let (controller, peer, server) = Peer::answering(echo);
    let (done, finished) = unbounded();
    let inside = controller.clone();
    let listener = controller
        .on_event([EventKind::Bw], move |_| done.send(inside.clone().close()).unwrap())
        .unwrap();
    peer.send("650 BW 1 2\r\n");
    assert!(finished.recv_timeout(SOON).unwrap().is_ok());
    assert!(controller.wait_closed(SOON).unwrap().is_local());
    server.join().unwrap();
    drop(listener);
}

#[test]
fn callback_may_remove_itself_and_add_another() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (sender, received) = unbounded();
    let slot: Arc<Mutex<Vec<Registration>>> = Arc::default();
    let (inside, own) = (controller.downgrade(), slot.clone());
    let listener = controller
        .on_event([EventKind::Bw], move |event| {
            sender.send(format!("first: {}", event.text())).unwrap();
            let sender = sender.clone();
            let second = inside.upgrade().unwrap().on_event([EventKind::Bw], move |event| {
                sender.send(format!("second: {}", event.text())).unwrap();
            });
            *own.lock() = vec![second.unwrap()];
        })
        .unwrap();
    slot.lock().push(listener);
    peer.send("650 BW 1 1\r\n");
    assert_eq!(received.recv_timeout(SOON).unwrap(), "first: BW 1 1");
    controller.sync().unwrap();
    peer.send("650 BW 2 2\r\n");
    assert_eq!(received.recv_timeout(SOON).unwrap(), "second: BW 2 2");
    controller.sync().unwrap();
    assert!(received.is_empty());
}

#[test]
fn sleeping_callback_delays_no_reply_and_no_subscription() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (release, held) = bounded::<()>(0);
    let _slow = controller
        .on_event([EventKind::Bw], move |_| {
            let _ = held.recv();
        })
        .unwrap();
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    for i in 0..1_000 {
        peer.send(format!("650 BW {i} 0\r\n"));
    }
    assert_eq!(controller.get_info("version").unwrap(), "value of version");
    assert_eq!(events.try_iter().count(), 1_000);
    drop(release);
    controller.sync().unwrap();
}

#[test]
fn panicking_callback_loses_no_events_of_others() {
    let (controller, peer, _server) = Peer::answering(echo);
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let _panics =
        controller.on_event([EventKind::Bw], |_| panic!("this panic is part of the test")).unwrap();
    let _counts = controller
        .on_event([EventKind::Bw], move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    peer.send("650 BW 1 2\r\n".repeat(10));
    controller.sync().unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 10);
}

#[test]
fn removed_callback_is_not_called_again() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (enter, entered) = unbounded();
    let (release, held) = bounded::<()>(0);
    let listener = controller
        .on_event([EventKind::Bw], move |_| {
            enter.send(()).unwrap();
            let _ = held.recv();
        })
        .unwrap();
    peer.send("650 BW 1 2\r\n".repeat(10));
    entered.recv_timeout(SOON).unwrap();
    drop(listener);
    drop(release);
    controller.sync().unwrap();
    assert!(entered.is_empty());
}

#[test]
fn closure_is_dropped_with_its_listener() {
    let (controller, _peer, _server) = Peer::answering(echo);
    let alive = Arc::new(());
    let inside = alive.clone();
    let listener = controller.on_event([EventKind::Bw], move |_| drop(inside.clone())).unwrap();
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(listener);
    assert_eq!(Arc::strong_count(&alive), 1);
    let inside = alive.clone();
    let listener = controller.on_status(move |_| drop(inside.clone())).unwrap();
    listener.close(SOON).unwrap();
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn disconnect_status_comes_after_all_earlier_events() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (sender, received) = unbounded();
    let status = sender.clone();
    let _events = controller
        .on_event([EventKind::Bw], move |event| sender.send(event.text()).unwrap())
        .unwrap();
    let _status = controller
        .on_status(move |change| {
            let ConnectionStatus::Closed(closed) = change else { return };
            status.send(format!("closed: {}", closed.is_local())).unwrap();
        })
        .unwrap();
    peer.send("650 BW 1 1\r\n650 BW 2 2\r\n");
    peer.hang_up();
    let told: Vec<_> = (0..3).map(|_| received.recv_timeout(SOON).unwrap()).collect();
    assert_eq!(told, ["BW 1 1", "BW 2 2", "closed: false"]);
}

#[test]
fn closing_does_not_wait_forever_for_a_callback() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (enter, entered) = unbounded();
    let (release, held) = bounded::<()>(0);
    let listener = controller
        .on_event([EventKind::Bw], move |_| {
            enter.send(()).unwrap();
            let _ = held.recv();
        })
        .unwrap();
    peer.send("650 BW 1 2\r\n");
    entered.recv_timeout(SOON).unwrap();
    let started = Instant::now();
    let error = controller.with_timeout(Duration::from_millis(100)).close().unwrap_err();
    assert!(error.get::<Timeout>().is_some(), "{error}");
    assert!(controller.closed().unwrap().is_local());
    drop(controller);
    assert!(started.elapsed() < SOON);
    drop(release);
    drop(listener);
}

#[test]
fn sync_waits_for_callbacks_and_not_within_one() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (sender, received) = unbounded();
    let inside = controller.downgrade();
    let _listener = controller
        .on_event([EventKind::Bw], move |_| {
            inside.upgrade().unwrap().sync().unwrap();
            sender.send(()).unwrap();
        })
        .unwrap();
    peer.send("650 BW 1 2\r\n".repeat(20));
    controller.sync().unwrap();
    assert_eq!(received.len(), 20);
}

#[test]
fn callback_with_a_full_queue_loses_and_counts_events() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (enter, entered) = unbounded();
    let (release, held) = bounded::<()>(0);
    let mut first = true;
    let limited = controller
        .on_event_with([EventKind::Bw], QueueLimit::Bounded(10), move |event| {
            enter.send(event.text()).unwrap();
            if std::mem::take(&mut first) {
                let _ = held.recv();
            }
        })
        .unwrap();
    // A listener without a limit loses nothing.
    let (sender, received) = unbounded();
    let unlimited =
        controller.on_event([EventKind::Bw], move |_| sender.send(()).unwrap()).unwrap();
    peer.send("650 BW 0 0\r\n");
    assert_eq!(entered.recv_timeout(SOON).unwrap(), "BW 0 0");
    for number in 1..=100 {
        peer.send(format!("650 BW {number} 0\r\n"));
    }
    // All events have been read when this command is answered.
    controller.get_info("uptime").unwrap();
    assert_eq!(limited.lost(), 90);
    drop(release);
    controller.sync().unwrap();
    let seen: Vec<String> = entered.try_iter().collect();
    assert_eq!(seen, (1..=10).map(|number| format!("BW {number} 0")).collect::<Vec<_>>());
    assert_eq!((received.len(), unlimited.lost()), (101, 0));
    // The queue has room again.
    peer.send("650 BW 101 0\r\n");
    controller.sync().unwrap();
    assert_eq!(entered.try_iter().collect::<Vec<_>>(), ["BW 101 0"]);
}

#[test]
fn finished_listener_has_seen_every_event_that_came_before() {
    let (controller, peer, _server) = Peer::answering(echo);
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let (release, released) = bounded::<()>(0);
    let mut first = true;
    let listener = controller
        .on_event([EventKind::Bw], move |_| {
            if std::mem::take(&mut first) {
                let _ = released.recv_timeout(SOON);
            }
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    // Nobody has read these events yet when the listener is told to finish.
    peer.send("650 BW 1 2\r\n".repeat(1000));
    let helper = std::thread::spawn(move || release.send(()));
    listener.finish(SOON).unwrap();
    helper.join().unwrap().unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 1000);
    peer.send("650 BW 1 2\r\n");
    controller.sync().unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 1000);
}

#[test]
fn listener_that_does_not_finish_in_time_is_removed() {
    let (controller, peer, _server) = Peer::answering(echo);
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let (began, begun) = unbounded();
    let (release, released) = bounded::<()>(0);
    let listener = controller
        .on_event([EventKind::Bw], move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = began.send(());
            let _ = released.recv_timeout(SOON);
        })
        .unwrap();
    peer.send("650 BW 1 2\r\n650 BW 3 4\r\n");
    begun.recv_timeout(SOON).unwrap();
    let started = Instant::now();
    assert!(listener.finish(Duration::from_millis(100)).unwrap_err().is_timeout());
    assert!(started.elapsed() < SOON / 2);
    release.send(()).unwrap();
    controller.sync().unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[test]
fn listener_finished_by_its_callback_sees_pending_events() {
    let (controller, peer, _server) = Peer::answering(echo);
    let slot = Arc::new(Mutex::new(None::<Registration>));
    let (sender, received) = unbounded();
    let own = slot.clone();
    let listener = controller
        .on_event([EventKind::Bw], move |event| {
            let listener = own.lock().take();
            if let Some(listener) = listener {
                listener.finish(SOON).unwrap();
            }
            sender.send(event.text()).unwrap();
        })
        .unwrap();
    *slot.lock() = Some(listener);
    peer.send("650 BW 1 1\r\n650 BW 2 2\r\n");
    assert_eq!(received.recv_timeout(SOON).unwrap(), "BW 1 1");
    assert_eq!(received.recv_timeout(SOON).unwrap(), "BW 2 2");
    controller.sync().unwrap();
    // The closure is gone, and its sender with it.
    assert_eq!(received.recv_timeout(SOON), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn listener_of_a_closed_connection_finishes() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (sender, received) = unbounded();
    let listener = controller
        .on_event([EventKind::Bw], move |event| sender.send(event.text()).unwrap())
        .unwrap();
    peer.send("650 BW 1 1\r\n");
    peer.half_close();
    controller.wait_closed(SOON).unwrap();
    listener.finish(SOON).unwrap();
    assert_eq!(received.try_iter().collect::<Vec<_>>(), ["BW 1 1"]);
    let listener = controller.on_status(|_| {});
    assert!(listener.is_err());
}

#[test]
fn status_listener_finishes_with_pending_statuses() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (sender, received) = unbounded();
    let listener =
        controller.on_status(move |status| sender.send(format!("{status:?}")).unwrap()).unwrap();
    peer.send("650 SIGNAL RELOAD\r\n");
    listener.finish(SOON).unwrap();
    assert_eq!(received.try_iter().collect::<Vec<_>>(), ["Connected", "Reloaded"]);
}

/// A value whose destructor panics.
struct PanicsAtItsEnd;

impl Drop for PanicsAtItsEnd {
    fn drop(&mut self) {
        panic!("this panic is part of the test");
    }
}

#[test]
fn panic_at_the_end_of_a_callback_does_not_end_the_others() {
    let (controller, peer, _server) = Peer::answering(echo);
    let own = Arc::new(Mutex::new(None::<Registration>));
    let (to_drop, value) = (own.clone(), PanicsAtItsEnd);
    let registration = controller
        .on_event([EventKind::Bw], move |_| {
            let _ = &value;
            // The closure is dropped when this call has returned.
            drop(to_drop.lock().take());
        })
        .unwrap();
    *own.lock() = Some(registration);
    let (sender, received) = unbounded();
    let _other = controller
        .on_event([EventKind::Bw], move |event| sender.send(event.text()).unwrap())
        .unwrap();
    for number in 0..3 {
        peer.send(format!("650 BW {number} 0\r\n"));
        assert_eq!(received.recv_timeout(SOON).unwrap(), format!("BW {number} 0"));
    }
    assert!(own.lock().is_none());
}
