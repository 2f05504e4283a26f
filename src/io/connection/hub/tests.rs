//! Tests of the hub.

use std::io::Write;
use std::thread;

use crossbeam_channel::unbounded;

use super::*;
use crate::io::connection::item::EventItem;
use crate::io::connection::routes::{Queue, Target, Tracker};
use crate::io::connection::subscription::{QueueLimit, Subscription};
use scape_proto::event::{Event, EventKind};

/// Returns a link of `hub`, and the peer's transport. The link stays open
/// as long as that transport lives.
fn link(hub: &Arc<Hub>) -> (Arc<Link>, Transport) {
    let (ours, theirs) = Transport::pair();
    (hub.start_link(ours, Limits::default()).unwrap(), theirs)
}

/// Returns a hub, the link on which it is open, and the peer's transport.
/// The hub expects another link after the end of this one.
fn open() -> (Arc<Hub>, Arc<Link>, Transport) {
    let hub = Arc::new(Hub::default());
    let (first, theirs) = link(&hub);
    hub.adopt(first.clone()).unwrap();
    hub.set_persistent(true);
    (hub, first, theirs)
}

fn subscription(hub: &Arc<Hub>) -> Subscription {
    let subscription =
        Subscription::new(hub, Vec::new(), QueueLimit::Unbounded, Deadline::after(Duration::ZERO));
    subscription.unwrap()
}

fn eventually(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "it doesn't happen");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn link_that_is_opened_while_another_ends_by_close_is_ended() {
    let (hub, first, _theirs) = open();
    let (second, _others) = link(&hub);
    let (third, _more) = link(&hub);
    // The closing thread will wait for this lock.
    let mut ending = first.waiters.lock();
    let known = Arc::strong_count(&first);
    let for_thread = hub.clone();
    let closing = thread::spawn(move || for_thread.end());
    eventually(|| Arc::strong_count(&first) > known);
    let cause = Closed::new(CloseCause::Truncated);
    hub.go_down(&mut hub.state.lock(), &cause);
    hub.begin_restoring(&second).unwrap();
    hub.open(&second, &Reconnected { failures: Vec::new() }, true).unwrap();
    hub.set_candidate(&third).unwrap();
    assert!(ending.end(cause).is_ok());
    drop(ending);
    closing.join().unwrap();
    assert!(hub.ended().is_some());
    assert!(second.closed().is_some_and(|closed| closed.is_local()), "{:?}", second.closed());
    assert!(third.closed().is_some_and(|closed| closed.is_local()), "{:?}", third.closed());
}

#[test]
fn subscriptions_end_if_restoring_fails_after_the_connection_was_given_up() {
    let (hub, first, _theirs) = open();
    let events = subscription(&hub);
    first.end(CloseCause::Truncated);
    let (second, _others) = link(&hub);
    hub.begin_restoring(&second).unwrap();
    hub.give_up();
    assert!(events.cause().is_none());
    second.end(CloseCause::Truncated);
    assert!(events.cause().is_some());
}

#[test]
fn wait_for_the_end_sees_an_end_that_is_over_already() {
    let (hub, mut present, _theirs) = open();
    let for_thread = hub.clone();
    let waiting =
        thread::spawn(move || for_thread.wait_closed(Deadline::after(Duration::from_secs(60))));
    let mut others = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !waiting.is_finished() && Instant::now() < deadline {
        // The thread may not be waiting yet.
        thread::sleep(Duration::from_millis(20));
        let (next, theirs) = link(&hub);
        others.push((present, theirs));
        let mut state = hub.state.lock();
        hub.go_down(&mut state, &Closed::new(CloseCause::Truncated));
        state.current = Current::Open(next.clone());
        state.number += 1;
        present = next;
    }
    assert!(waiting.is_finished());
    let closed = waiting.join().unwrap();
    assert!(closed.is_some_and(|closed| matches!(closed.cause(), CloseCause::Truncated)));
}

/// A tracker that records its calls and needs 200 ms for each event.
#[derive(Default)]
struct Slow {
    told: Mutex<Vec<&'static str>>,
}

impl Tracker for Slow {
    fn event(&self, _: &Arc<Event>) {
        self.told.lock().push("event begins");
        thread::sleep(Duration::from_millis(200));
        self.told.lock().push("event is over");
    }

    fn ended(&self, _: &Closed, _: bool) {
        self.told.lock().push("ended");
    }
}

#[test]
fn no_event_of_a_link_is_delivered_after_its_end_was_told() {
    for by_the_hub in [false, true] {
        let (hub, first, theirs) = open();
        let slow = Arc::new(Slow::default());
        hub.outlets.routes.add(vec![EventKind::Bw], Target::Tracker(slow.clone())).unwrap();
        let (sender, events) = unbounded();
        let queue = Arc::new(Queue::new(sender, None));
        hub.outlets.routes.add(vec![EventKind::Bw], Target::Queue(queue)).unwrap();
        (&theirs).write_all(b"650 BW 1 0\r\n").unwrap();
        eventually(|| !slow.told.lock().is_empty());
        // This thread, not the reader thread, ends the link, as if a
        // command could not be written.
        if by_the_hub {
            hub.go_down(&mut hub.state.lock(), &Closed::new(CloseCause::Stalled));
        } else {
            first.end(CloseCause::Stalled);
        }
        let (second, _others) = link(&hub);
        hub.begin_restoring(&second).unwrap();
        hub.open(&second, &Reconnected { failures: Vec::new() }, true).unwrap();
        eventually(|| slow.told.lock().contains(&"event is over"));
        thread::sleep(Duration::from_millis(20));
        assert_eq!(*slow.told.lock(), ["event begins", "event is over", "ended"]);
        let mut items = Vec::new();
        for mut batch in events.try_iter() {
            items.extend(std::iter::from_fn(|| batch.pop_item()));
        }
        let expected = [
            matches!(items.first(), Some(EventItem::Event(_))),
            matches!(items.get(1), Some(EventItem::Disconnected(_))),
            matches!(items.get(2), Some(EventItem::Reconnected(_))),
            items.len() == 3,
        ];
        assert_eq!(expected, [true; 4], "{items:?}");
        hub.end();
    }
}

/// A tracker that ends its link on the link's reader thread.
struct Ends(Arc<Link>);

impl Tracker for Ends {
    fn event(&self, _: &Arc<Event>) {
        self.0.end(CloseCause::Reconnecting);
    }
}

#[test]
fn reader_thread_may_end_its_own_link_in_the_middle_of_an_event() {
    let (hub, first, theirs) = open();
    let events = subscription(&hub);
    hub.outlets
        .routes
        .add(vec![EventKind::Bw], Target::Tracker(Arc::new(Ends(first.clone()))))
        .unwrap();
    hub.outlets.routes.add(vec![EventKind::Bw], Target::Queue(events.queue().clone())).unwrap();
    let begun = Instant::now();
    (&theirs).write_all(b"650 BW 1 0\r\n650 BW 2 0\r\n").unwrap();
    assert!(matches!(events.next_item(Duration::from_secs(20)), Ok(EventItem::Disconnected(_))));
    assert!(first.join(Duration::from_secs(20)));
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    assert!(events.next_item(Duration::from_millis(20)).is_err());
}

#[test]
fn connection_that_is_closed_while_its_link_ends_by_itself_has_ended_for_good() {
    for told in [false, true] {
        let hub = Arc::new(Hub::default());
        let (ours, _theirs) = Transport::pair();
        let link = hub.start_link(ours, Limits::default()).unwrap();
        hub.adopt(link.clone()).unwrap();
        hub.set_persistent(true);
        let cause = Closed::new(CloseCause::Truncated);
        assert!(link.waiters.lock().end(cause.clone()).is_ok());
        let ending = hub.state.lock();
        let for_thread = hub.clone();
        let closing = thread::spawn(move || for_thread.end());
        // The thread that has ended the link may report the end before,
        // during or after the closing.
        drop(ending);
        if told {
            hub.link_ended(&link, &cause);
        }
        closing.join().unwrap();
        hub.link_ended(&link, &cause);
        assert!(hub.ended().is_some(), "told: {told}");
    }
}
