//! Attachers with a scripted tor: the streams that they are asked about, the
//! commands that follow, and the handling of every failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/place.rs"]
mod place;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::Mutex;
use place::{SOON, eager};
use scape::attach::{
    AttachPoint, Decision, PriorityAttacher, StreamAnswer, StreamAttacher, StreamKind,
    StreamRequest,
};
use scape::connection::ConnectionStatus;
use scape::control::{ArgumentError, StreamError, StreamProblem};
use scape::event::{EndReason, EventKind, StreamInfo, StreamReason};
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::word::CircuitId;
use scape::{Connect, Controller, Error, State};

const SET: &str = "SETCONF __LeaveStreamsUnattached=1";
const UNSET: &str = "SETCONF __LeaveStreamsUnattached=0";
const RESET: &str = "650-CONF_CHANGED\r\n650-__LeaveStreamsUnattached=0\r\n650 OK\r\n";
/// The command that leaves stream 999 to tor. The thread that watches streams
/// handles events in order, so it has handled all earlier events when it sends
/// this command.
const LEFT: &str = "ATTACHSTREAM 999 0";

/// Returns a builder of a scripted tor that lists these streams, and in which
/// the option `__LeaveStreamsUnattached` has the value `before`.
fn builder(before: u8, streams: &str) -> ScriptedTorBuilder {
    ScriptedTor::builder()
        .on(
            "GETCONF __LeaveStreamsUnattached",
            format!("250 __LeaveStreamsUnattached={before}\r\n"),
        )
        .on_prefix("SETCONF", "250 OK\r\n")
        .on_prefix("ATTACHSTREAM", "250 OK\r\n")
        .on_prefix("CLOSESTREAM", "250 OK\r\n")
        .info("stream-status", streams)
        .info("version", "0.4.9.11")
        .patience(SOON)
}

fn connect(tor: &ScriptedTor) -> Controller {
    Connect::new().authenticate_over(tor.transport().unwrap()).unwrap()
}

fn tor() -> (ScriptedTor, Controller) {
    let tor = builder(0, "").start().unwrap();
    let controller = connect(&tor);
    (tor, controller)
}

/// Sends the events of a new client stream that waits for a controller.
fn arrives(tor: &ScriptedTor, id: u64, target: &str) {
    tor.send(format!(
        "650 STREAM {id} NEW 0 {target} SOURCE_ADDR=127.0.0.1:5000 PURPOSE=USER CLIENT_PROTOCOL=SOCKS5\r\n\
         650 STREAM {id} CONTROLLER_WAIT 0 {target} CLIENT_PROTOCOL=SOCKS5\r\n"
    ));
}

/// Waits until the thread that watches streams has handled all events that were
/// sent.
fn settled(tor: &ScriptedTor) {
    arrives(tor, 999, "settled.onion:80");
    tor.wait_for(LEFT).unwrap();
    tor.send("650 STREAM 999 CLOSED 0 settled.onion:80\r\n");
}

fn count(tor: &ScriptedTor, command: &str) -> usize {
    tor.sent().iter().filter(|sent| *sent == command).count()
}

/// An attacher that decides with the function `decide`. It sends each stream
/// that it is asked about, and each failure, to a channel.
struct Told<F> {
    decide: F,
    asked: Sender<StreamInfo>,
    failed: Sender<(u64, Error)>,
}

impl<F: Fn(&StreamRequest) -> Decision + Send + Sync + 'static> StreamAttacher for Told<F> {
    fn decide(&self, stream: &StreamRequest) -> Decision {
        let _ = self.asked.send(stream.info().clone());
        (self.decide)(stream)
    }

    fn failed(&self, stream: &StreamInfo, error: &Error) {
        self.failed.send((stream.id.get(), error.clone())).unwrap();
    }
}

fn told<F: Fn(&StreamRequest) -> Decision + Send + Sync + 'static>(
    decide: F,
) -> (Told<F>, Receiver<StreamInfo>, Receiver<(u64, Error)>) {
    let ((asked, was_asked), (failed, has_failed)) = (unbounded(), unbounded());
    (Told { decide, asked, failed }, was_asked, has_failed)
}

/// Returns an attacher that postpones every decision, and a receiver for the
/// postponed answers.
fn keeper() -> (impl StreamAttacher, Receiver<StreamAnswer>) {
    let (sender, kept) = unbounded();
    let attacher = move |stream: &StreamRequest| {
        sender.send(stream.answer_later()).unwrap();
        Decision::Later
    };
    (attacher, kept)
}

fn problem(error: &Error) -> &StreamProblem {
    &error.get::<StreamError>().unwrap_or_else(|| panic!("{error}")).problem
}

#[test]
fn attachers_decisions_are_sent_to_tor() {
    let (tor, controller) = tor();
    let circuit = CircuitId::new(7);
    let attacher = controller
        .attach_streams(move |stream: &StreamRequest| match stream.target().port() {
            Some(80) => Decision::on(circuit),
            Some(81) => Decision::on(AttachPoint::from(circuit).hop(2)),
            Some(25) => Decision::Refuse(EndReason::EXIT_POLICY),
            Some(443) => Decision::Tor,
            _ => Decision::Pass,
        })
        .unwrap();
    for (id, port) in [(12, 80), (13, 81), (14, 25), (15, 443), (16, 22)] {
        arrives(&tor, id, &format!("www.example.test:{port}"));
    }
    // A resolve waits like any other stream.
    tor.send("650 STREAM 17 NEWRESOLVE 0 a.test:0 PURPOSE=DNS_REQUEST\r\n650 STREAM 17 CONTROLLER_WAIT 0 a.test:0\r\n");
    for command in [
        "ATTACHSTREAM 12 7",
        "ATTACHSTREAM 13 7 HOP=2",
        "CLOSESTREAM 14 4",
        "ATTACHSTREAM 15 0",
        "ATTACHSTREAM 16 0",
        "ATTACHSTREAM 17 0",
    ] {
        tor.wait_for(command).unwrap();
    }
    attacher.close().unwrap();
    let sent = tor.sent();
    let of = |what: &str| sent.iter().filter(|sent| sent.starts_with(what)).count();
    assert_eq!((of("ATTACHSTREAM"), of("CLOSESTREAM"), of("SETCONF")), (5, 1, 2));
    // Events come first, then the option. Nothing is read before that.
    let at = |what: &str| sent.iter().position(|sent| sent.starts_with(what)).unwrap();
    assert!(
        at("SETEVENTS") < at(SET)
            && at(SET) < at("GETINFO stream-status")
            && at("ATTACHSTREAM") < at(UNSET)
    );
}

#[test]
fn stream_request_keeps_fields_that_tor_sends_only_once() {
    let (tor, controller) = tor();
    let (attacher, asked, _) = told(|stream: &StreamRequest| {
        assert_eq!(
            (stream.kind(), stream.tried().count(), stream.is_gone()),
            (StreamKind::Client, 0, false)
        );
        Decision::Tor
    });
    let _guard = controller.attach_streams(attacher).unwrap();
    arrives(&tor, 12, "[2001:db8::1]:80");
    let info = asked.recv_timeout(SOON).unwrap();
    assert_eq!(info.source_addr.as_deref(), Some("127.0.0.1:5000"));
    assert_eq!(info.purpose.unwrap().as_str(), "USER");
    assert_eq!(info.target.host(), "2001:db8::1");
    tor.wait_for("ATTACHSTREAM 12 0").unwrap();
}

#[test]
fn option_is_set_by_the_first_attacher_and_restored_by_the_last() {
    let (tor, controller) = tor();
    let first = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    // All handles of a connection share one registry.
    let second = controller.clone().attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    drop(first);
    assert_eq!((count(&tor, SET), count(&tor, UNSET)), (1, 0));
    drop(second);
    assert_eq!((count(&tor, SET), count(&tor, UNSET)), (1, 1));
    // Attaching again sets the option again.
    let third = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    arrives(&tor, 12, "a.test:80");
    tor.wait_for("ATTACHSTREAM 12 0").unwrap();
    third.close().unwrap();
    assert_eq!((count(&tor, SET), count(&tor, UNSET)), (2, 2));
}

#[test]
fn unwinding_panic_restores_the_option() {
    let (tor, controller) = tor();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
        panic!("meant to");
    }));
    assert!(outcome.is_err());
    assert_eq!((count(&tor, SET), count(&tor, UNSET)), (1, 1));
}

#[test]
fn closing_the_connection_restores_the_option_and_closes_waiting_streams() {
    for quit in [false, true] {
        let (tor, controller) = tor();
        let (attacher, kept) = keeper();
        let guard = controller.attach_streams(attacher).unwrap();
        arrives(&tor, 12, "a.test:80");
        let answer = kept.recv_timeout(SOON).unwrap();
        if quit {
            controller.clone().quit().unwrap();
        } else {
            controller.clone().close().unwrap();
        }
        assert_eq!((count(&tor, UNSET), count(&tor, "CLOSESTREAM 12 1")), (1, 1));
        assert!(answer.attach(CircuitId::new(7)).is_err());
        // Nothing is left to do, so nothing fails.
        guard.close().unwrap();
    }
}

#[test]
fn option_that_was_set_before_stays_set_and_unwanted_streams_are_left_alone() {
    let tor = builder(1, "").start().unwrap();
    let controller = connect(&tor);
    let guard = controller
        .attach_streams(|stream: &StreamRequest| match stream.target().port() {
            Some(80) => Decision::on(CircuitId::new(7)),
            Some(443) => Decision::Tor,
            _ => Decision::Pass,
        })
        .unwrap();
    arrives(&tor, 11, "a.test:22");
    arrives(&tor, 12, "some.onion:80");
    arrives(&tor, 13, "a.test:80");
    arrives(&tor, 14, "a.test:443");
    tor.wait_for("ATTACHSTREAM 13 7").unwrap();
    // An attacher that returns `Decision::Tor` has decided.
    tor.wait_for("ATTACHSTREAM 14 0").unwrap();
    guard.close().unwrap();
    let sent = tor.sent();
    assert!(!sent.iter().any(|sent| sent.starts_with("SETCONF")), "{sent:?}");
    assert!(
        !sent.iter().any(|sent| sent == "ATTACHSTREAM 11 0" || sent == "ATTACHSTREAM 12 0"),
        "{sent:?}"
    );
}

#[test]
fn option_reset_by_another_controller_is_set_again_and_restored_at_the_end() {
    for before in [0, 1] {
        let tor = builder(before, "").start().unwrap();
        let controller = connect(&tor);
        let guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
        tor.send(RESET);
        settled_or_set(&tor, if before == 0 { 2 } else { 1 });
        guard.close().unwrap();
        // The controller's own change doesn't set the option again.
        tor.send(RESET);
        controller.sync().unwrap();
        assert_eq!(count(&tor, UNSET), 1);
        assert_eq!(count(&tor, SET), if before == 0 { 2 } else { 1 });
    }
}

/// Waits until the library has set `__LeaveStreamsUnattached` to 1 `times`
/// times.
fn settled_or_set(tor: &ScriptedTor, times: usize) {
    let begun = std::time::Instant::now();
    while count(tor, SET) < times {
        assert!(begun.elapsed() < SOON, "{:?}", tor.sent());
        std::thread::yield_now();
    }
}

#[test]
fn refused_attachment_closes_the_stream_and_reports_the_error() {
    for (reply, code) in [
        ("551 Can't attach stream to non-open origin circuit\r\n", 551),
        ("552 Unknown circuit \"7\"\r\n", 552),
        ("555 Connection is not managed by controller.\r\n", 555),
    ] {
        let tor = builder(0, "").on("ATTACHSTREAM 12 7", reply).start().unwrap();
        let controller = connect(&tor);
        let (attacher, _, failed) = told(|_: &StreamRequest| Decision::on(CircuitId::new(7)));
        let _guard = controller.attach_streams(attacher).unwrap();
        arrives(&tor, 12, "a.test:80");
        let (id, error) = failed.recv_timeout(SOON).unwrap();
        assert_eq!((id, error.code()), (12, Some(code)));
        let error = error.get::<StreamError>().unwrap();
        assert_eq!((error.circuit, &*error.target), (Some(CircuitId::new(7)), "a.test:80"));
        assert_eq!(error.is_circuit_gone(), code == 552);
        // The stream was closed before the attacher was told, and it was never
        // left to tor instead.
        assert_eq!((count(&tor, "CLOSESTREAM 12 1"), count(&tor, "ATTACHSTREAM 12 0")), (1, 0));
    }
}

#[test]
fn stream_that_is_gone_is_not_closed() {
    let tor =
        builder(0, "").on("ATTACHSTREAM 12 7", "552 Unknown stream \"12\"\r\n").start().unwrap();
    let controller = connect(&tor);
    let (attacher, _, failed) = told(|_: &StreamRequest| Decision::on(CircuitId::new(7)));
    let guard = controller.attach_streams(attacher).unwrap();
    arrives(&tor, 12, "a.test:80");
    let (_, error) = failed.recv_timeout(SOON).unwrap();
    assert!(error.get::<StreamError>().unwrap().is_stream_gone());
    guard.close().unwrap();
    assert!(!tor.sent().iter().any(|sent| sent.starts_with("CLOSESTREAM")));
}

#[test]
fn late_answer_fails_and_sends_nothing() {
    let (tor, controller) = tor();
    let (attacher, kept) = keeper();
    let guard = controller.attach_streams(attacher).unwrap();
    arrives(&tor, 12, "a.test:80");
    let answer = kept.recv_timeout(SOON).unwrap();
    assert!(!answer.is_gone());
    tor.send("650 STREAM 12 CLOSED 0 a.test:80 REASON=DONE\r\n");
    settled(&tor);
    assert!(answer.is_gone());
    let error = answer.attach(CircuitId::new(7)).unwrap_err();
    assert!(matches!(problem(&error), StreamProblem::Gone), "{error}");
    guard.close().unwrap();
    let sent = tor.sent();
    assert!(
        !sent.iter().any(|sent| sent.starts_with("ATTACHSTREAM 12") || sent.starts_with("CLOSE")),
        "{sent:?}"
    );
}

#[test]
fn answer_may_come_from_any_thread_and_after_the_attacher() {
    let (tor, controller) = tor();
    let (attacher, kept) = keeper();
    let guard = controller.attach_streams(attacher).unwrap();
    arrives(&tor, 12, "a.test:80");
    arrives(&tor, 13, "b.test:80");
    let mut answers = [kept.recv_timeout(SOON).unwrap(), kept.recv_timeout(SOON).unwrap()];
    answers.sort_by_key(StreamAnswer::id);
    let [first, second] = answers;
    std::thread::spawn(move || first.attach(CircuitId::new(7)).unwrap()).join().unwrap();
    guard.close().unwrap();
    second.refuse(EndReason::MISC).unwrap();
    assert_eq!((count(&tor, "ATTACHSTREAM 12 7"), count(&tor, "CLOSESTREAM 13 1")), (1, 1));
}

#[test]
fn stream_without_a_decision_is_closed() {
    let (tor, controller) = tor();
    let stash: Arc<Mutex<Option<StreamAnswer>>> = Arc::default();
    let guard = {
        let stash = stash.clone();
        controller
            .attach_streams(move |stream: &StreamRequest| match stream.target().port() {
                Some(1) => panic!("meant to"),
                // A panic voids the postponed decision.
                Some(2) => {
                    *stash.lock() = Some(stream.answer_later());
                    panic!("meant to");
                }
                // Nobody holds the answer, so nobody could decide.
                Some(3) => Decision::Later,
                // The answer is dropped at once.
                Some(4) => {
                    drop(stream.answer_later());
                    Decision::Later
                }
                // The returned decision wins over the postponed one.
                _ => {
                    *stash.lock() = Some(stream.answer_later());
                    Decision::on(CircuitId::new(7))
                }
            })
            .unwrap()
    };
    for id in 1..=4 {
        arrives(&tor, id, &format!("a.test:{id}"));
        tor.wait_for(&format!("CLOSESTREAM {id} 10")).unwrap();
    }
    let void = stash.lock().take().unwrap();
    let error = void.leave_to_tor().unwrap_err();
    assert!(matches!(problem(&error), StreamProblem::Answered), "{error}");
    arrives(&tor, 5, "a.test:5");
    tor.wait_for("ATTACHSTREAM 5 7").unwrap();
    drop(stash.lock().take());
    guard.close().unwrap();
    let sent = tor.sent();
    assert_eq!(sent.iter().filter(|sent| sent.starts_with("CLOSESTREAM")).count(), 4, "{sent:?}");
    assert_eq!(sent.iter().filter(|sent| sent.starts_with("ATTACHSTREAM")).count(), 1, "{sent:?}");
}

#[test]
fn blocking_attacher_delays_no_other_stream() {
    let (tor, controller) = tor();
    let (open, gate) = bounded::<()>(0);
    let guard = controller
        .attach_streams(move |stream: &StreamRequest| {
            if stream.target().port() == Some(1) {
                let _ = gate.recv();
            }
            Decision::on(CircuitId::new(7))
        })
        .unwrap();
    arrives(&tor, 1, "a.test:1");
    for id in 2..20 {
        arrives(&tor, id, "a.test:80");
    }
    for id in 2..20 {
        tor.wait_for(&format!("ATTACHSTREAM {id} 7")).unwrap();
    }
    assert_eq!(count(&tor, "ATTACHSTREAM 1 7"), 0);
    drop(open);
    tor.wait_for("ATTACHSTREAM 1 7").unwrap();
    guard.close().unwrap();
}

#[test]
fn blocking_attacher_does_not_delay_its_removal_and_still_decides() {
    let (tor, controller) = tor();
    let (open, gate) = bounded::<()>(0);
    let (asked, is_asked) = bounded(1);
    let guard = controller
        .attach_streams(move |_: &StreamRequest| {
            let _ = asked.send(());
            let _ = gate.recv();
            Decision::on(CircuitId::new(7))
        })
        .unwrap();
    arrives(&tor, 1, "a.test:1");
    // An attacher that hasn't been asked yet would not be asked after its
    // removal.
    is_asked.recv_timeout(SOON).unwrap();
    guard.close().unwrap();
    assert_eq!(count(&tor, UNSET), 1);
    drop(open);
    tor.wait_for("ATTACHSTREAM 1 7").unwrap();
}

#[test]
fn attacher_may_use_the_controller_and_remove_itself() {
    let tor = builder(0, "").on("GETINFO uptime", "250-uptime=7\r\n250 OK\r\n").start().unwrap();
    let controller = connect(&tor);
    let own: Arc<Mutex<Option<scape::attach::AttacherGuard>>> = Arc::default();
    let guard = {
        let own = own.clone();
        let attacher = move |stream: &StreamRequest| {
            assert_eq!(stream.controller().get_info("uptime").unwrap(), "7");
            drop(own.lock().take());
            Decision::on(CircuitId::new(7))
        };
        controller.attach_streams(attacher).unwrap()
    };
    *own.lock() = Some(guard);
    arrives(&tor, 1, "a.test:1");
    tor.wait_for("ATTACHSTREAM 1 7").unwrap();
    assert_eq!(count(&tor, UNSET), 1);
}

#[test]
fn first_attacher_by_priority_that_takes_the_stream_decides() {
    let (tor, controller) = tor();
    let order: Arc<Mutex<Vec<&str>>> = Arc::default();
    let one = |name: &'static str, port: u16, circuit: u32| {
        let order = order.clone();
        move |stream: &StreamRequest| {
            order.lock().push(name);
            if stream.target().port() == Some(port) {
                Decision::on(CircuitId::new(circuit))
            } else {
                Decision::Pass
            }
        }
    };
    let _low = controller.attach_streams_with(-1, one("low", 1, 1)).unwrap();
    let _first = controller.attach_streams(one("first", 2, 2)).unwrap();
    let _second = controller.attach_streams(one("second", 2, 3)).unwrap();
    let high = controller.attach_streams_with(9, one("high", 4, 4)).unwrap();
    arrives(&tor, 11, "a.test:1");
    tor.wait_for("ATTACHSTREAM 11 1").unwrap();
    assert_eq!(std::mem::take(&mut *order.lock()), ["high", "first", "second", "low"]);
    arrives(&tor, 12, "a.test:2");
    tor.wait_for("ATTACHSTREAM 12 2").unwrap();
    assert_eq!(std::mem::take(&mut *order.lock()), ["high", "first"]);
    high.close().unwrap();
    arrives(&tor, 13, "a.test:4");
    tor.wait_for("ATTACHSTREAM 13 0").unwrap();
    assert_eq!(*order.lock(), ["first", "second", "low"]);
    assert_eq!((count(&tor, SET), count(&tor, UNSET)), (1, 0));
}

#[test]
fn attacher_that_declines_later_passes_the_stream_on() {
    let (tor, controller) = tor();
    let (attacher, kept) = keeper();
    // The attacher is inside a `PriorityAttacher`, and another one follows.
    let inner = PriorityAttacher::new();
    let _one = inner.add(2, attacher);
    let (two, asked, failed) = told(|stream: &StreamRequest| match stream.target().port() {
        Some(80) => Decision::on(CircuitId::new(8)),
        _ => Decision::Pass,
    });
    let _two = inner.add(1, two);
    let _guard = controller.attach_streams_with(5, inner.clone()).unwrap();
    let _last =
        controller.attach_streams(|_: &StreamRequest| Decision::on(CircuitId::new(9))).unwrap();
    arrives(&tor, 11, "a.test:80");
    kept.recv_timeout(SOON).unwrap().not_mine();
    tor.wait_for("ATTACHSTREAM 11 8").unwrap();
    assert_eq!(asked.recv_timeout(SOON).unwrap().id.get(), 11);
    arrives(&tor, 12, "a.test:22");
    kept.recv_timeout(SOON).unwrap().not_mine();
    tor.wait_for("ATTACHSTREAM 12 9").unwrap();
    // The first attacher's answer counts even though others could answer.
    arrives(&tor, 13, "a.test:80");
    kept.recv_timeout(SOON).unwrap().attach(CircuitId::new(7)).unwrap();
    assert_eq!(count(&tor, "ATTACHSTREAM 13 7"), 1);
    assert!(failed.is_empty());
    assert!(!tor.sent().iter().any(|sent| sent.starts_with("CLOSESTREAM")));
}

#[test]
fn failure_is_reported_to_the_attacher_that_decided() {
    let tor =
        builder(0, "").on("ATTACHSTREAM 11 8", "552 Unknown circuit \"8\"\r\n").start().unwrap();
    let controller = connect(&tor);
    let inner = PriorityAttacher::new();
    let (one, _, not_failed) = told(|_: &StreamRequest| Decision::Pass);
    let (two, _, failed) = told(|_: &StreamRequest| Decision::on(CircuitId::new(8)));
    let _members = [inner.add(2, one), inner.add(1, two)];
    let _guard = controller.attach_streams(inner).unwrap();
    arrives(&tor, 11, "a.test:80");
    assert_eq!(failed.recv_timeout(SOON).unwrap().0, 11);
    assert!(not_failed.is_empty());
}

#[test]
fn internal_and_onion_streams_are_left_to_tor_at_once() {
    let (tor, controller) = tor();
    let asked = Arc::new(AtomicUsize::new(0));
    let guard = {
        let asked = asked.clone();
        let attacher = move |_: &StreamRequest| {
            asked.fetch_add(1, Ordering::SeqCst);
            Decision::on(CircuitId::new(7))
        };
        controller.attach_streams(attacher).unwrap()
    };
    arrives(&tor, 11, "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion:80");
    arrives(&tor, 12, "127.0.0.1.$A958A139891C54874CE30704C302CDA9D94CC15D.exit:5001");
    tor.send("650 STREAM 13 NEW 0 192.0.2.1:80 PURPOSE=DIR_FETCH\r\n650 STREAM 13 CONTROLLER_WAIT 0 192.0.2.1:80\r\n");
    for id in [11, 12, 13] {
        tor.wait_for(&format!("ATTACHSTREAM {id} 0")).unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    // Only the suffix of a name counts, so these are ordinary names.
    arrives(&tor, 14, "www.exitgame.com:80");
    arrives(&tor, 15, "my.onion.shop.test:80");
    tor.wait_for("ATTACHSTREAM 14 7").unwrap();
    tor.wait_for("ATTACHSTREAM 15 7").unwrap();
    guard.close().unwrap();
}

#[test]
fn attacher_that_takes_onion_streams_is_asked_but_cannot_attach_them() {
    struct Onions(Sender<Error>);
    impl StreamAttacher for Onions {
        fn decide(&self, stream: &StreamRequest) -> Decision {
            match stream.target().port() {
                Some(80) => Decision::Refuse(EndReason::EXIT_POLICY),
                _ => Decision::on(CircuitId::new(7)),
            }
        }
        fn failed(&self, _: &StreamInfo, error: &Error) {
            self.0.send(error.clone()).unwrap();
        }
        fn takes(&self, kind: StreamKind) -> bool {
            kind == StreamKind::Onion
        }
    }
    let (tor, controller) = tor();
    let (sender, failed) = unbounded();
    let _guard = controller.attach_streams(Onions(sender)).unwrap();
    arrives(&tor, 11, "some.onion:80");
    arrives(&tor, 12, "a.test:80");
    arrives(&tor, 13, "some.onion:443");
    tor.wait_for("CLOSESTREAM 11 4").unwrap();
    tor.wait_for("ATTACHSTREAM 12 0").unwrap();
    tor.wait_for("CLOSESTREAM 13 1").unwrap();
    assert!(matches!(problem(&failed.recv_timeout(SOON).unwrap()), StreamProblem::Onion));
    assert!(!tor.sent().iter().any(|sent| sent.starts_with("ATTACHSTREAM 13")));
}

#[test]
fn stream_to_an_onion_name_with_a_trailing_dot_is_not_attached_to_an_exit() {
    /// An attacher that takes every kind of stream and attaches all of them.
    struct All(Sender<(u64, StreamKind, Error)>);
    impl StreamAttacher for All {
        fn decide(&self, _: &StreamRequest) -> Decision {
            Decision::on(CircuitId::new(7))
        }
        fn failed(&self, stream: &StreamInfo, error: &Error) {
            self.0.send((stream.id.get(), StreamKind::of(stream), error.clone())).unwrap();
        }
        fn takes(&self, _: StreamKind) -> bool {
            true
        }
    }
    let (tor, controller) = tor();
    let names = ["some.onion.", "www.some.ONION..", "some.onion"];
    // An attacher of client streams isn't asked. A stream that tor would send
    // to an exit is closed.
    let (attacher, asked, _) = told(|_: &StreamRequest| Decision::on(CircuitId::new(7)));
    let guard = controller.attach_streams(attacher).unwrap();
    for (id, name) in (11..).zip(names) {
        arrives(&tor, id, &format!("{name}:80"));
        let is_plain = name.ends_with("onion");
        let expected =
            if is_plain { format!("ATTACHSTREAM {id} 0") } else { format!("CLOSESTREAM {id} 2") };
        tor.wait_for(&expected).unwrap();
    }
    assert!(asked.is_empty());
    guard.close().unwrap();
    // An attacher that is asked can't attach the stream, so the stream is
    // closed.
    let (sender, failed) = unbounded();
    let guard = controller.attach_streams(All(sender)).unwrap();
    for (id, name) in (21..).zip(names) {
        arrives(&tor, id, &format!("{name}:80"));
        tor.wait_for(&format!("CLOSESTREAM {id} 1")).unwrap();
        let (stream, kind, error) = failed.recv_timeout(SOON).unwrap();
        assert_eq!((stream, kind), (id, StreamKind::Onion));
        assert!(matches!(problem(&error), StreamProblem::Onion), "{error}");
    }
    // `onion.test.` isn't an onion address, although it ends with a dot.
    arrives(&tor, 31, "onion.test.:80");
    tor.wait_for("ATTACHSTREAM 31 7").unwrap();
    guard.close().unwrap();
    assert!(!tor.sent().iter().any(|sent| sent.starts_with("ATTACHSTREAM 2")));
}

#[test]
fn streams_that_wait_already_are_offered_to_a_new_attacher() {
    let streams = "5 NEW 0 a.test:80\n6 SUCCEEDED 4 b.test:80\n7 NEWRESOLVE 0 c.test:0\n8 NEW 0 some.onion:80\n9 SENTCONNECT 3 d.test:80";
    let circuits = "7 BUILT alice,bob PURPOSE=GENERAL";
    let tor = builder(0, streams).info("circuit-status", circuits).start().unwrap();
    let controller = connect(&tor);
    let guard =
        controller.attach_streams(|_: &StreamRequest| Decision::on(CircuitId::new(7))).unwrap();
    for command in ["ATTACHSTREAM 5 7", "ATTACHSTREAM 7 7", "ATTACHSTREAM 8 0"] {
        tor.wait_for(command).unwrap();
    }
    // The stream's events come late, but nobody is asked about it twice.
    arrives(&tor, 5, "a.test:80");
    settled(&tor);
    guard.close().unwrap();
    let sent = tor.sent();
    assert_eq!(sent.iter().filter(|sent| sent.starts_with("ATTACHSTREAM")).count(), 4, "{sent:?}");
}

#[test]
fn stream_that_lost_its_circuit_is_offered_again() {
    let (tor, controller) = tor();
    let (attacher, asked, failed) = told(|stream: &StreamRequest| {
        let tried: Vec<_> = stream.tried().map(|(circuit, ..)| circuit.get()).collect();
        match &*tried {
            [] | [7] => Decision::on(CircuitId::new(7)),
            _ => Decision::on(CircuitId::new(8)),
        }
    });
    let _guard = controller.attach_streams(attacher).unwrap();
    let detached = |id: u64, circuit: u32, reason: &str| {
        tor.send(format!(
            "650 STREAM {id} SENTCONNECT {circuit} a.test:80\r\n650 STREAM {id} DETACHED {circuit} a.test:80 {reason}\r\n\
             650 STREAM {id} CONTROLLER_WAIT 0 a.test:80\r\n"
        ));
    };
    arrives(&tor, 12, "a.test:80");
    tor.wait_for("ATTACHSTREAM 12 7").unwrap();
    // Another program attaches the stream, which makes it wait for a moment.
    // Nobody needs to decide.
    tor.send("650 STREAM 12 CONTROLLER_WAIT 0 a.test:80\r\n");
    settled(&tor);
    assert_eq!(asked.len(), 1);
    // After a timeout, the same circuit may be tried again.
    detached(12, 7, "REASON=TIMEOUT");
    let begun = std::time::Instant::now();
    while count(&tor, "ATTACHSTREAM 12 7") < 2 {
        assert!(begun.elapsed() < SOON);
        std::thread::yield_now();
    }
    detached(12, 7, "REASON=TIMEOUT");
    tor.wait_for("ATTACHSTREAM 12 8").unwrap();
    // After the exit has refused, trying the same circuit again would never
    // end.
    arrives(&tor, 13, "b.test:80");
    tor.wait_for("ATTACHSTREAM 13 7").unwrap();
    detached(13, 7, "REASON=END REMOTE_REASON=EXITPOLICY");
    tor.wait_for("CLOSESTREAM 13 1").unwrap();
    let (_, error) = failed.recv_timeout(SOON).unwrap();
    assert!(
        matches!(problem(&error), StreamProblem::TriedBefore(Some(StreamReason::ExitPolicy))),
        "{error}"
    );
    assert_eq!(count(&tor, "ATTACHSTREAM 13 7"), 1);
}

#[test]
fn circuit_that_has_ended_or_is_foreign_is_refused_without_a_command() {
    let live = |circuits: &str| {
        let tor = builder(0, "")
            .info("ns/all", "")
            .info("circuit-status", circuits)
            .info("address-mappings/all", "")
            .info("entry-guards", "")
            .start()
            .unwrap();
        let state = State::new(&connect(&tor)).unwrap();
        (tor, state)
    };
    let (_, elsewhere) = live("7 BUILT alice PURPOSE=GENERAL");
    let (tor, state) = live("7 BUILT alice PURPOSE=GENERAL\n8 BUILT alice PURPOSE=GENERAL");
    let (theirs, ended, good) = (
        elsewhere.circuit(CircuitId::new(7)).unwrap(),
        state.circuit(CircuitId::new(7)).unwrap(),
        state.circuit(CircuitId::new(8)).unwrap(),
    );
    tor.send(
        "650 CIRC 7 CLOSED alice PURPOSE=GENERAL REASON=DESTROYED REMOTE_REASON=OR_CONN_CLOSED\r\n",
    );
    ended.wait_closed(SOON).unwrap();
    let (attacher, _, failed) = told(move |stream: &StreamRequest| match stream.target().port() {
        Some(1) => Decision::on(&theirs),
        Some(2) => Decision::on(&ended),
        _ => Decision::on(&good),
    });
    let guard = state.attach(attacher).unwrap();
    for id in 1..=3 {
        arrives(&tor, id, &format!("a.test:{id}"));
    }
    tor.wait_for("ATTACHSTREAM 3 8").unwrap();
    let mut errors = [failed.recv_timeout(SOON).unwrap(), failed.recv_timeout(SOON).unwrap()];
    errors.sort_by_key(|(id, _)| *id);
    assert!(matches!(problem(&errors[0].1), StreamProblem::OtherConnection));
    assert!(matches!(
        problem(&errors[1].1),
        StreamProblem::CircuitEnded { reason: Some(_), remote_reason: Some(_) }
    ));
    assert!(errors[1].1.get::<StreamError>().unwrap().is_circuit_gone());
    guard.close().unwrap();
    assert_eq!((count(&tor, "CLOSESTREAM 1 1"), count(&tor, "CLOSESTREAM 2 1")), (1, 1));
    assert_eq!(tor.sent().iter().filter(|sent| sent.starts_with("ATTACHSTREAM")).count(), 1);
}

#[test]
fn circuit_0_and_hop_0_are_refused() {
    let (tor, controller) = tor();
    let (attacher, _, failed) = told(|stream: &StreamRequest| match stream.target().port() {
        Some(1) => Decision::on(CircuitId::new(0)),
        _ => Decision::on(AttachPoint::from(CircuitId::new(7)).hop(0)),
    });
    let guard = controller.attach_streams(attacher).unwrap();
    for id in 1..=2 {
        arrives(&tor, id, &format!("a.test:{id}"));
        assert!(failed.recv_timeout(SOON).unwrap().1.get::<ArgumentError>().is_some());
    }
    guard.close().unwrap();
    assert!(!tor.sent().iter().any(|sent| sent.starts_with("ATTACHSTREAM")));
}

#[test]
fn failed_start_of_attaching_leaves_nothing_behind() {
    let refused = "553 Unacceptable option value: no\r\n";
    for tor in [
        builder(0, "").on(SET, refused),
        builder(0, "")
            .on("GETCONF __LeaveStreamsUnattached", "552 Unrecognized configuration key\r\n"),
        builder(0, "").on("GETINFO stream-status", "552 Unrecognized key \"stream-status\"\r\n"),
        builder(0, "").on_prefix("SETEVENTS STREAM", "552 Unrecognized event \"STREAM\"\r\n"),
    ] {
        let tor =
            tor.on_prefix("SETEVENTS CONF_CHANGED STREAM", "552 Unrecognized event \"STREAM\"\r\n");
        let tor = tor.start().unwrap();
        let controller = connect(&tor);
        assert!(controller.attach_streams(|_: &StreamRequest| Decision::Tor).is_err());
        assert_eq!(count(&tor, SET), count(&tor, UNSET), "{:?}", tor.sent());
    }
}

#[test]
fn failed_start_of_attaching_leaves_streams_that_began_to_wait_to_tor() {
    let wait = |id: u64, target: &str, more: &str| {
        format!(
            "650 STREAM {id} NEW 0 {target} PURPOSE=USER {more}\r\n650 STREAM {id} CONTROLLER_WAIT 0 {target} {more}\r\n"
        )
    };
    let mut events = wait(12, "a.test:80", "");
    events += &wait(13, "some.onion.:80", "");
    events += &wait(14, "b.test:80", "");
    events += "650 STREAM 14 CLOSED 0 b.test:80 REASON=DONE\r\n";
    events += &wait(15, "c.test:80", "SOCKS_USERNAME=\"scape-via-1\" SOCKS_PASSWORD=\"0\"");
    for before in [0, 1] {
        let mut tor = builder(before, "")
            .on("GETINFO stream-status", "552 Unrecognized key \"stream-status\"\r\n");
        if before == 0 {
            // A stream begins while the option is reset.
            tor = tor
                .on(SET, format!("250 OK\r\n{events}"))
                .on(UNSET, format!("250 OK\r\n{}", wait(16, "d.test:80", "")));
        } else {
            // The streams wait for another controller.
            tor = tor.on("GETINFO stream-status", format!("552 no\r\n{events}"));
        }
        let tor = tor.start().unwrap();
        let controller = connect(&tor);
        assert!(controller.attach_streams(|_: &StreamRequest| Decision::Tor).is_err());
        // tor answers in order, so everything was sent by now.
        assert!(controller.is_alive());
        let sent = tor.sent().into_iter();
        let streams: Vec<String> = sent.filter(|line| line.contains("STREAM ")).collect();
        let streams: Vec<&str> =
            streams.iter().map(String::as_str).filter(|line| !line.starts_with("SETE")).collect();
        let expected = ["ATTACHSTREAM 12 0", "CLOSESTREAM 13 2", "ATTACHSTREAM 16 0"];
        assert_eq!(streams, if before == 0 { &expected[..] } else { &[] });
    }
}

#[test]
fn reconnect_sets_the_option_again_and_offers_waiting_streams() {
    let place = place::Place::default();
    place.put(builder(0, "").start().unwrap());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let (attacher, kept) = keeper();
    let guard = controller.attach_streams(attacher).unwrap();
    place.with(|tor| arrives(tor, 12, "a.test:80"));
    let stale = kept.recv_timeout(SOON).unwrap();
    place.kill();
    place.put(builder(0, "12 NEW 0 b.test:443").start().unwrap());
    // The stream is a new one with the same ID.
    let fresh = kept.recv_timeout(SOON).unwrap();
    assert_eq!(fresh.info().target.as_str(), "b.test:443");
    let error = stale.attach(CircuitId::new(7)).unwrap_err();
    assert!(matches!(problem(&error), StreamProblem::Gone), "{error}");
    fresh.attach(CircuitId::new(8)).unwrap();
    place.with(|tor| {
        let sent = tor.sent();
        assert!(
            sent.iter().position(|sent| sent == SET)
                < sent.iter().position(|sent| sent == "ATTACHSTREAM 12 8")
        );
        assert!(!sent.iter().any(|sent| sent == "ATTACHSTREAM 12 7"), "{sent:?}");
    });
    controller.wait_connected(SOON).unwrap();
    guard.close().unwrap();
    place.with(|tor| assert_eq!(count(tor, UNSET), 1));
}

#[test]
fn waiting_streams_that_cannot_be_read_after_a_reconnect_are_reported() {
    let place = place::Place::default();
    place.put(builder(0, "").start().unwrap());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let (sender, failures) = unbounded();
    let _listener = controller.on_status(move |status| {
        if let ConnectionStatus::Reconnected(reconnected) = status {
            let names: Vec<String> =
                reconnected.failures.iter().map(|(name, _)| name.clone()).collect();
            sender.send(names).unwrap();
        }
    });
    let _guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    place.kill();
    // The answer lacks its last line.
    let odd =
        builder(0, "").on("GETINFO stream-status", "250 stream-status=12 NEW 0 a.test:80\r\n");
    place.put(odd.start().unwrap());
    assert_eq!(failures.recv_timeout(SOON).unwrap(), ["the waiting streams"]);
}

#[test]
fn option_that_cannot_be_restored_now_is_restored_after_the_reconnect() {
    let place = place::Place::default();
    place.put(builder(0, "").start().unwrap());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    let (_listener, told) = place::statuses(&controller);
    assert_eq!(place::next(&told), "connected");
    place.kill();
    assert_eq!(place::next(&told), "closed");
    guard.close().unwrap();
    place.put(builder(1, "").start().unwrap());
    while place::next(&told) != "reconnected, 0 lost" {}
    place.with(|tor| assert_eq!((count(tor, SET), count(tor, UNSET)), (0, 1)));
}

#[test]
fn attach_streams_works_within_a_callback() {
    let (tor, controller) = tor();
    let (sender, done) = unbounded();
    let for_callback = controller.downgrade();
    let _listener = controller
        .on_event([EventKind::Bw], move |_| {
            let controller = for_callback.upgrade().unwrap();
            let guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
            guard.close().unwrap();
            controller.close().unwrap();
            sender.send(()).unwrap();
        })
        .unwrap();
    tor.send("650 BW 1 1\r\n");
    done.recv_timeout(SOON).unwrap();
    assert_eq!((count(&tor, SET), count(&tor, UNSET)), (1, 1));
}

#[test]
fn many_streams_are_attached_from_many_handles_at_once() {
    let (tor, controller) = tor();
    let _guard = controller
        .attach_streams(|stream: &StreamRequest| {
            Decision::on(CircuitId::new(stream.id().get() as u32))
        })
        .unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (tor, controller) = (&tor, &controller);
            scope.spawn(move || {
                for round in 0..25 {
                    let guard = controller
                        .attach_streams_with(-1, |_: &StreamRequest| Decision::Tor)
                        .unwrap();
                    arrives(tor, 100 + thread * 100 + round, "a.test:80");
                    guard.close().unwrap();
                }
            });
        }
    });
    for id in (100..500).filter(|id| id % 100 < 25) {
        tor.wait_for(&format!("ATTACHSTREAM {id} {id}")).unwrap();
    }
    assert_eq!((count(&tor, SET), count(&tor, UNSET)), (1, 0));
}
