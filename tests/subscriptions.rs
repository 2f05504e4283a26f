//! Subscriptions, and the queues in which their events wait.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/peer.rs"]
mod peer;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{never, select, unbounded};
use peer::{Peer, SOON, echo};
use scape::connection::{EventItem, QueueLimit};
use scape::control::{ArgumentError, ArgumentProblem};
use scape::event::{EventBody, EventKind};

#[test]
fn events_before_a_reply_are_queued_when_the_reply_arrives() {
    let (controller, _peer, _server) = Peer::answering(|line| match line {
        "GETINFO go" => Some(
            "650 BW 1 1\r\n650 CIRC 1 BUILT\r\n650 BW 2 2\r\n250-go=\r\n250 OK\r\n650 BW 3 3\r\n"
                .into(),
        ),
        line => echo(line),
    });
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    for _ in 0..200 {
        controller.get_info("go").unwrap();
        let before: Vec<_> =
            events.try_iter().map(|e| e.text()).filter(|text| text != "BW 3 3").collect();
        assert_eq!(before, ["BW 1 1", "BW 2 2"]);
    }
}

#[test]
fn subscriptions_get_their_own_kinds_of_events() {
    let (controller, peer, _server) = Peer::answering(echo);
    let bandwidth = controller.subscribe([EventKind::Bw]).unwrap();
    let both =
        controller.subscribe([EventKind::Bw, EventKind::from("new_thing"), EventKind::Bw]).unwrap();
    peer.send("650 BW 1 1\r\n650 NEW_THING x\r\n650 UNWANTED y\r\n");
    controller.get_info("barrier").unwrap();
    assert_eq!(bandwidth.try_iter().count(), 1);
    let events: Vec<_> = both.try_iter().collect();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].text(), "NEW_THING x");
    assert!(matches!(events[1].body(), EventBody::Unknown));
    assert_eq!(both.kinds(), [EventKind::Bw, EventKind::from("NEW_THING")]);
}

#[test]
fn setevents_is_sent_for_changes_of_the_union_only() {
    let (controller, peer) = Peer::pair();
    let subscribe = |kinds: &[EventKind]| {
        let (controller, kinds) = (controller.clone(), kinds.to_vec());
        thread::spawn(move || controller.subscribe(kinds).unwrap())
    };
    let first = subscribe(&[EventKind::Bw]);
    peer.expect("SETEVENTS BW");
    peer.send("250 OK\r\n");
    let first = first.join().unwrap();
    // The kinds are subscribed already, so tor gets no command.
    let again = subscribe(&[EventKind::Bw]).join().unwrap();
    let more = subscribe(&[EventKind::Circ, EventKind::Bw]);
    peer.expect("SETEVENTS CIRC BW");
    peer.send("250 OK\r\n");
    let more = more.join().unwrap();
    drop(first);
    let closing = thread::spawn(move || more.close(SOON));
    peer.expect("SETEVENTS BW");
    peer.send("250 OK\r\n");
    closing.join().unwrap().unwrap();
    drop(again);
    peer.expect("SETEVENTS");
}

#[test]
fn refused_subscription_does_not_affect_others() {
    let (controller, _peer, _server) = Peer::answering(|line| {
        if line.starts_with("SETEVENTS") && line.contains("NONSENSE") {
            return Some("552 Unrecognized event \"NONSENSE\"\r\n".into());
        }
        echo(line)
    });
    let callers: Vec<_> = (0..8)
        .map(|i| {
            let controller = controller.clone();
            thread::spawn(move || {
                for _ in 0..50 {
                    if i % 2 == 0 {
                        controller.subscribe([EventKind::Bw]).unwrap();
                    } else {
                        let error =
                            controller.subscribe([EventKind::from("NONSENSE")]).unwrap_err();
                        assert_eq!(error.code(), Some(552), "{error}");
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
}

#[test]
fn subscription_behind_a_filter_that_refuses_events() {
    let (controller, _peer, _server) = Peer::answering(|line| {
        if line.starts_with("SETEVENTS") {
            Some("510 Command filtered\r\n".into())
        } else {
            echo(line)
        }
    });
    let error = controller.subscribe([EventKind::Bw]).unwrap_err();
    assert_eq!(error.code(), Some(510));
    assert!(controller.on_event([EventKind::Bw], |_| ()).is_err());
    assert_eq!(controller.get_info("a").unwrap(), "value of a");
}

#[test]
fn bounded_queue_counts_lost_events() {
    let (controller, peer, _server) = Peer::answering(echo);
    let events = controller.subscribe_with([EventKind::Bw], QueueLimit::Bounded(10)).unwrap();
    let everything = controller.subscribe([EventKind::Bw]).unwrap();
    for i in 0..25 {
        peer.send(format!("650 BW {i} 0\r\n"));
    }
    controller.get_info("barrier").unwrap();
    assert_eq!(events.lost(), 15);
    let got: Vec<_> = events.try_iter().map(|e| e.text()).collect();
    assert_eq!(got.len(), 10);
    assert_eq!(got[9], "BW 9 0");
    // The queue has room again.
    peer.send("650 BW 25 0\r\n");
    assert_eq!(events.next_timeout(SOON).unwrap().text(), "BW 25 0");
    assert_eq!((events.lost(), everything.lost()), (15, 0));
    assert_eq!(everything.timeout_iter(Duration::from_millis(10)).count(), 26);
}

#[test]
fn loss_of_events_is_reported_to_a_waiting_thread() {
    let (controller, peer, _server) = Peer::answering(echo);
    let none = controller.subscribe_with([EventKind::Bw], QueueLimit::Bounded(0)).unwrap();
    let waiting = thread::spawn(move || (none.next_item(SOON), none));
    thread::sleep(Duration::from_millis(50));
    peer.send("650 BW 1 0\r\n");
    let (item, none) = waiting.join().unwrap();
    assert!(matches!(item, Ok(EventItem::Missed(1))), "{item:?}");
    peer.send("650 BW 2 0\r\n650 BW 3 0\r\n");
    controller.get_info("barrier").unwrap();
    let mut missed = 0;
    while missed < 2 {
        match none.next_item(SOON).unwrap() {
            EventItem::Missed(count) => missed += count,
            item => panic!("{item:?}"),
        }
    }
    assert_eq!((missed, none.lost()), (2, 3));
}

#[test]
fn loss_of_events_is_reported_after_earlier_events() {
    let (controller, peer, _server) = Peer::answering(echo);
    let one = controller.subscribe_with([EventKind::Bw], QueueLimit::Bounded(1)).unwrap();
    let shown = || match one.next_item(SOON).unwrap() {
        EventItem::Event(event) => event.text(),
        EventItem::Missed(count) => format!("{count} missed"),
        item => panic!("{item:?}"),
    };
    for round in 0..200 {
        // The events arrive in several reads while the items are taken.
        let sending = thread::spawn({
            let peer = peer.clone();
            move || (0..3).for_each(|n| peer.send(format!("650 BW {round} {n}\r\n")))
        });
        let mut next = 0;
        while next < 3 {
            let item = shown();
            match item.strip_suffix(" missed") {
                Some(count) => next += count.parse::<u32>().unwrap(),
                None => {
                    assert_eq!(item, format!("BW {round} {next}"));
                    next += 1;
                }
            }
        }
        sending.join().unwrap();
    }
}

#[test]
fn dropped_batch_of_events_makes_room() {
    let (controller, peer, _server) = Peer::answering(echo);
    let events = controller.subscribe_with([EventKind::Bw], QueueLimit::Bounded(3)).unwrap();
    for _ in 0..5 {
        peer.send("650 BW 1 0\r\n650 BW 2 0\r\n650 BW 3 0\r\n");
        controller.get_info("barrier").unwrap();
        for batch in events.receiver().try_iter() {
            assert!(!batch.is_empty());
        }
    }
    assert_eq!(events.lost(), 0);
}

#[test]
fn subscription_can_be_selected_on() {
    let (controller, peer, _server) = Peer::answering(echo);
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    let (stop, stopped) = unbounded::<()>();
    peer.send("650 BW 1 1\r\n650 BW 2 2\r\n");
    let mut seen = Vec::new();
    loop {
        select! {
            recv(events.receiver()) -> batch => {
                seen.extend(batch.unwrap().into_iter().map(|event| event.text()));
                if seen.len() == 2 {
                    stop.send(()).unwrap();
                }
            }
            recv(stopped) -> _ => break,
            recv(never::<()>()) -> _ => unreachable!(),
            default(SOON) => panic!("no event"),
        }
    }
    assert_eq!(seen, ["BW 1 1", "BW 2 2"]);
}

#[test]
fn threads_share_a_subscription() {
    let (controller, peer, _server) = Peer::answering(echo);
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    let seen: BTreeSet<String> = thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| events.iter().map(|event| event.text()).collect::<Vec<_>>()))
            .collect();
        for i in 0..1_000 {
            peer.send(format!("650 BW {i} 0\r\n"));
        }
        controller.get_info("barrier").unwrap();
        peer.hang_up();
        readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
    });
    assert_eq!(seen.len(), 1_000);
}

#[test]
fn invalid_event_names_are_not_sent() {
    let (controller, _peer, _server) = Peer::answering(echo);
    for bad in ["", "BW\r\nSIGNAL HALT", "A B", "é"] {
        let error = controller.subscribe([EventKind::from(bad)]).unwrap_err();
        assert!(error.get::<ArgumentError>().is_some_and(|e| e.argument() == "event"), "{error}");
    }
    let error = controller.subscribe([]).unwrap_err();
    assert!(
        error.get::<ArgumentError>().is_some_and(|e| *e.problem() == ArgumentProblem::Empty),
        "{error}"
    );
    let error = controller.msg("setevents BW").unwrap_err();
    assert!(error.get::<ArgumentError>().is_some());
    assert_eq!(controller.get_info("a").unwrap(), "value of a");
}
