//! Checks that every end of a connection is reported to all callers and
//! listeners, with the same cause.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/peer.rs"]
mod peer;

use std::thread;
use std::time::{Duration, Instant};

use peer::{Peer, SOON, echo};
use scape::connection::{CloseCause, Closed, ConnectionStatus};
use scape::control::Limits;
use scape::error::Timeout;
use scape::event::EventKind;
use scape::testing::ScriptedTor;
use scape::transport::Transport;
use scape::{Connect, Controller, Error};

fn cause(error: &Error) -> &CloseCause {
    error.get::<Closed>().unwrap_or_else(|| panic!("{error}")).cause()
}

/// Starts callers, an iterator and a status callback that wait, ends the
/// connection with `end`, and returns the causes that they received.
fn everybody_learns(end: impl FnOnce(&Peer, &Controller)) -> Vec<String> {
    let (controller, peer) = Peer::pair();
    let (told, status) = crossbeam_channel::unbounded();
    let events = {
        let subscribing = controller.clone();
        let subscription = thread::spawn(move || subscribing.subscribe([EventKind::Bw]).unwrap());
        peer.expect("SETEVENTS BW");
        peer.send("250 OK\r\n");
        subscription.join().unwrap()
    };
    let _listener = {
        let listening = controller.clone();
        let listener = thread::spawn(move || {
            listening.on_status(move |status| told.send(status.clone()).unwrap()).unwrap()
        });
        peer.expect("SETEVENTS BW SIGNAL");
        peer.send("250 OK\r\n");
        listener.join().unwrap()
    };
    assert!(matches!(status.recv_timeout(SOON).unwrap(), ConnectionStatus::Connected));
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let controller = controller.clone();
            thread::spawn(move || controller.get_info("never").unwrap_err().to_string())
        })
        .collect();
    for _ in 0..5 {
        peer.expect("GETINFO never");
    }
    let iterating = thread::spawn(move || {
        assert_eq!(events.iter().count(), 0);
        events.cause().unwrap().to_string()
    });
    end(&peer, &controller);
    let mut learned: Vec<String> =
        waiting.into_iter().map(|waiter| waiter.join().unwrap()).collect();
    learned.push(iterating.join().unwrap());
    let ConnectionStatus::Closed(closed) = status.recv_timeout(SOON).unwrap() else {
        panic!("another status")
    };
    learned.push(closed.to_string());
    // Calls after the end report the same cause.
    learned.push(controller.get_info("later").unwrap_err().to_string());
    learned.push(controller.subscribe([EventKind::Bw]).unwrap_err().to_string());
    learned.push(controller.on_status(|_| ()).unwrap_err().to_string());
    learned.push(controller.wait_closed(SOON).unwrap().to_string());
    learned
}

fn assert_all(learned: &[String], cause: &str) {
    assert!(learned.len() >= 10);
    for text in learned {
        assert!(text.contains(cause), "{text}");
        assert_eq!(text, &learned[0]);
    }
}

#[test]
fn hang_up_of_tor_is_reported_to_everybody() {
    assert_all(&everybody_learns(|peer, _| peer.hang_up()), "tor closed it, or ended");
}

#[test]
fn half_closed_connection_is_reported_to_everybody() {
    assert_all(&everybody_learns(|peer, _| peer.half_close()), "tor closed it, or ended");
}

#[test]
fn end_in_the_middle_of_a_reply_is_reported_to_everybody() {
    for part in ["250", "250-never=", "250-never=x\r\n", "250+never=\r\nline\r\n", "650 BW 1"] {
        let learned = everybody_learns(|peer, _| {
            peer.send(part);
            peer.hang_up();
        });
        assert_all(&learned, "it ended in the middle of a reply");
    }
}

#[test]
fn garbage_from_the_peer_is_reported_to_everybody() {
    for garbage in ["HTTP/1.0 501 no\r\n", "\x05\u{0}", "nonsense\r\n", "999?\r\n"] {
        let learned = everybody_learns(|peer, _| peer.send(garbage));
        assert_all(&learned, "the peer sent a line that is not a control reply");
    }
}

#[test]
fn close_by_this_program_is_reported_to_everybody() {
    let learned = everybody_learns(|_, controller| controller.clone().close().unwrap());
    assert_all(&learned, "this program closed it");
}

#[test]
fn close_error_quotes_the_last_refusal_of_tor() {
    let (controller, peer, server) =
        Peer::answering(|_| Some("514 Authentication required.\r\n".into()));
    assert_eq!(controller.get_info("version").unwrap_err().code(), Some(514));
    peer.hang_up();
    let closed = controller.wait_closed(SOON).unwrap();
    assert!(closed.to_string().contains("514 Authentication required."), "{closed}");
    server.join().unwrap();
}

#[test]
fn unexpected_reply_ends_the_connection() {
    let (controller, peer) = Peer::pair();
    peer.send("250 OK\r\n");
    let closed = controller.wait_closed(SOON).unwrap();
    assert!(matches!(closed.cause(), CloseCause::Protocol(_)), "{closed}");
    assert!(closed.to_string().contains("a reply to no command"), "{closed}");
}

#[test]
fn endless_reply_is_refused_at_the_size_limit() {
    let (ours, theirs) = Transport::pair();
    let server = thread::spawn(move || {
        use std::io::{Read, Write};
        let mut line = [0; 64];
        let _ = (&theirs).read(&mut line).unwrap();
        (&theirs).write_all(b"250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250 OK\r\n").unwrap();
        let _ = (&theirs).read(&mut line).unwrap();
        (&theirs).write_all(b"250 OK\r\n").unwrap();
        let _ = (&theirs).read(&mut line).unwrap();
        (&theirs).write_all(b"250+ns/all=\r\n").unwrap();
        let block = b"r relay 123456789012345678901234567 and so on\r\n".repeat(2_000);
        let mut sent = 0_u64;
        while sent < 1 << 30 {
            match (&theirs).write(&block) {
                Ok(count) => sent += count as u64,
                Err(_) => return sent,
            }
        }
        sent
    });
    let limits = Limits::default().reply(16 << 20);
    let controller = Connect::new().limits(limits).authenticate_over(ours).unwrap();
    let error = controller.get_info("ns/all").unwrap_err();
    assert!(error.to_string().contains("more than 16777216 bytes, which is the limit"), "{error}");
    assert!(matches!(cause(&error), CloseCause::Protocol(_)));
    let sent = server.join().unwrap();
    assert!(sent < 64 << 20, "the peer got rid of {sent} bytes");
}

#[test]
fn endless_line_is_refused_at_the_size_limit() {
    let (controller, peer) = Peer::pair();
    let waiting = thread::spawn(move || controller.get_info("version").unwrap_err());
    peer.expect("GETINFO version");
    peer.send("250-version=");
    let block = "x".repeat(1 << 16);
    while peer.try_send(&block) {}
    let error = waiting.join().unwrap();
    assert!(error.to_string().contains("bytes, which is the limit"), "{error}");
}

#[test]
fn connection_ends_with_its_last_handle() {
    let (controller, peer, server) = Peer::answering(echo);
    let weak = controller.downgrade();
    let clone = controller.with_timeout(Duration::from_secs(1));
    drop(controller);
    assert_eq!(clone.get_info("a").unwrap(), "value of a");
    let upgraded = weak.upgrade().unwrap();
    drop(clone);
    assert_eq!(upgraded.get_info("b").unwrap(), "value of b");
    drop(upgraded);
    assert!(weak.upgrade().is_none());
    // The peer reads the end of the stream.
    server.join().unwrap();
    drop(peer);
}

#[test]
fn subscription_keeps_its_events_after_the_connection_ends() {
    let (controller, peer, server) = Peer::answering(echo);
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    peer.send("650 BW 1 2\r\n650 BW 3 4\r\n");
    controller.get_info("barrier").unwrap();
    controller.close().unwrap();
    let texts: Vec<_> = events.iter().map(|event| event.text()).collect();
    assert_eq!(texts, ["BW 1 2", "BW 3 4"]);
    assert!(events.cause().unwrap().is_local());
    assert!(events.next_timeout(SOON).unwrap_err().is_closed());
    server.join().unwrap();
}

#[test]
fn closing_a_dead_connection_discards_events_that_callbacks_have_not_seen() {
    let (controller, peer, _server) = Peer::answering(echo);
    let (sender, seen) = crossbeam_channel::unbounded();
    let (go_on, gate) = crossbeam_channel::bounded::<()>(0);
    let _listener = controller
        .on_event([EventKind::Bw], move |event| {
            sender.send(event.text()).unwrap();
            // In the second call, the other end of the channel is gone.
            let _ = gate.recv();
        })
        .unwrap();
    peer.send("650 BW 1 0\r\n650 BW 2 0\r\n650 BW 3 0\r\n");
    assert_eq!(seen.recv_timeout(SOON).unwrap(), "BW 1 0");
    peer.hang_up();
    controller.wait_closed(SOON).unwrap();
    thread::scope(|scope| {
        let closing = scope.spawn(|| controller.clone().close());
        thread::sleep(Duration::from_millis(200));
        drop(go_on);
        closing.join().unwrap().unwrap();
    });
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn close_and_quit_during_calls_block_no_thread() {
    for round in 0..50 {
        let (controller, _peer, server) = Peer::answering(|line| match line {
            "QUIT" => Some("250 closing connection\r\n".into()),
            line => echo(line),
        });
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let controller = controller.clone();
                thread::spawn(move || while controller.get_info("x").is_ok() {})
            })
            .collect();
        if round % 2 == 0 {
            controller.close().unwrap();
        } else {
            controller.quit().unwrap();
        }
        for caller in callers {
            caller.join().unwrap();
        }
        server.join().unwrap();
    }
}

#[test]
fn peer_that_does_not_read_is_noticed() {
    let (controller, peer) = Peer::pair();
    let brief = controller.with_timeout(Duration::from_millis(300));
    // The commands fill the buffers between the two ends. Each command is sent
    // completely or not at all.
    let filler = "x".repeat(1_000);
    let started = Instant::now();
    let error = loop {
        match brief
            .send(scape::control::Command::build("GETINFO").word("key", &filler).finish().unwrap())
        {
            Ok(pending) => drop(pending),
            Err(error) => break error,
        }
        assert!(started.elapsed() < SOON);
    };
    if error.is_closed() {
        // The command was written in part, so nothing can follow it.
        assert!(matches!(cause(&error), CloseCause::Stalled), "{error}");
    } else {
        // No part of the command was written, so the connection is unchanged.
        assert!(error.get::<Timeout>().is_some() && controller.is_open(), "{error}");
    }
    drop(peer);
}

#[test]
fn closing_a_subscription_returns_false_after_the_connection_ended() {
    let tor = ScriptedTor::builder().on_prefix("SETEVENTS", "250 OK\r\n").start().unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let second = Duration::from_secs(20);
    let subscribe = || controller.subscribe([EventKind::Bw]).unwrap();
    let listen = || controller.on_event([EventKind::Circ], |_| ()).unwrap();
    assert!(subscribe().close(second).unwrap() && listen().close(second).unwrap());
    let (events, listener) = (subscribe(), listen());
    let status = controller.on_status(|_| ()).unwrap();
    tor.hang_up();
    controller.wait_closed(second).unwrap();
    assert!(!events.close(second).unwrap() && !listener.close(second).unwrap());
    assert!(!status.close(second).unwrap());
}

#[test]
fn mapping_that_was_changed_or_removed_is_left_alone() {
    let tor = ScriptedTor::builder()
        .on("MAPADDRESS a.test=b.test", "250 a.test=b.test\r\n")
        .on("MAPADDRESS a.test=a.test", "250 a.test=a.test\r\n")
        .on("MAPADDRESS c.test=b.test", "250 c.test=b.test\r\n")
        .on("MAPADDRESS d.test=b.test", "250 d.test=b.test\r\n")
        .info("address-mappings/control", "a.test b.test NEVER\nc.test somebody.test NEVER")
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let remove = |from: &str| controller.mapped_address(from, "b.test").unwrap().remove().unwrap();
    // The mapping of `c.test` belongs to another program now, and that of
    // `d.test` was removed.
    assert_eq!([remove("a.test"), remove("c.test"), remove("d.test")], [true, false, false]);
    let sent = tor.sent();
    assert!(
        !sent.iter().any(|line| line.contains("c.test=c.test") || line.contains("d.test=d.test")),
        "{sent:?}"
    );
}

#[test]
fn signal_that_ends_tor_succeeds_only_if_tor_ended_the_connection() {
    use scape::control::Signal;

    type End = fn(&Peer, &Controller);
    let ends: [(End, bool); 5] = [
        (|peer, _| peer.hang_up(), true),
        (|peer, _| peer.send("250 closing connection\r\n"), true),
        (
            |peer, _| {
                peer.send("250-clo");
                peer.hang_up();
            },
            true,
        ),
        // tor may still be running after these.
        (|peer, _| peer.send("nonsense\r\n"), false),
        (|_, controller| controller.clone().close().unwrap(), false),
    ];
    for (number, (end, succeeds)) in ends.into_iter().enumerate() {
        let (controller, peer) = Peer::pair();
        let signalling = controller.clone();
        let signal = thread::spawn(move || signalling.signal(Signal::Halt));
        peer.expect("GETINFO signal/names");
        peer.send("250-signal/names=SHUTDOWN HALT\r\n250 OK\r\n");
        peer.expect("SIGNAL HALT");
        end(&peer, &controller);
        let signalled = signal.join().unwrap();
        assert_eq!(signalled.is_ok(), succeeds, "{number}: {signalled:?}");
        if number != 1 {
            // The connection has ended, so the signal can't be sent.
            assert!(controller.signal(Signal::Halt).unwrap_err().is_closed(), "{number}");
        }
    }
}
