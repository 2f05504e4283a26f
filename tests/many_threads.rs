//! Checks that many threads can share one connection, and that each gets the
//! answers to its own commands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/peer.rs"]
mod peer;

use std::thread;

use peer::{Peer, echo};
use scape::control::Command;
use scape::event::EventKind;

const THREADS: usize = 16;
const REQUESTS: usize = 5_000;

#[test]
fn threads_get_their_own_answers_among_events() {
    let mut count = 0;
    let (controller, _peer, server) = Peer::answering(move |line| {
        count += 1;
        let event = if count % 3 == 0 {
            "650 BW 1 2\r\n650-CONF_CHANGED\r\n650-X=1\r\n650 OK\r\n"
        } else {
            ""
        };
        Some(format!("{event}{}", echo(line)?))
    });
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    let callers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let controller = controller.clone();
            thread::spawn(move || {
                for request in 0..REQUESTS {
                    let key = format!("key/{thread}/{request}");
                    assert_eq!(controller.get_info(&key).unwrap(), format!("value of {key}"));
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
    // All events have arrived: one for every third command, as the last answer
    // shows.
    let commands = THREADS * REQUESTS + 1;
    assert_eq!(events.try_iter().count(), commands / 3);
    drop((events, controller));
    server.join().unwrap();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (controller, _peer, server) = Peer::answering(echo);
    let command =
        |key: usize| Command::build("GETINFO").word("key", &key.to_string()).finish().unwrap();
    let one_by_one: Vec<_> = (0..500).map(|key| controller.send(command(key)).unwrap()).collect();
    let together = controller.send_all((500..1_000).map(command)).unwrap();
    for (key, pending) in one_by_one.into_iter().chain(together).enumerate() {
        let reply = pending.wait_ok().unwrap();
        assert_eq!(reply.first().text, format!("{key}=value of {key}").as_bytes());
    }
    drop(controller);
    server.join().unwrap();
}

#[test]
fn subscriptions_from_many_threads_leave_the_wanted_kinds_at_tor() {
    let (last, told) = crossbeam_channel::unbounded();
    let (controller, _peer, server) = Peer::answering(move |line| {
        if let Some(kinds) = line.strip_prefix("SETEVENTS") {
            last.send(kinds.trim().to_string()).unwrap();
        }
        echo(line)
    });
    let kept = controller.subscribe([EventKind::Circ]).unwrap();
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let controller = controller.clone();
            thread::spawn(move || {
                for kind in EventKind::KNOWN.iter().cycle().take(100) {
                    drop(controller.subscribe([kind.clone()]).unwrap());
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
    controller.get_info("barrier").unwrap();
    assert_eq!(told.try_iter().last().as_deref(), Some("CIRC"));
    drop(kept);
    controller.get_info("barrier").unwrap();
    assert_eq!(told.try_iter().last().as_deref(), Some(""));
    drop(controller);
    server.join().unwrap();
}
