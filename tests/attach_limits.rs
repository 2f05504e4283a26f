//! The limits of attaching streams: threads, deadlines, and tor's option
//! `__LeaveStreamsUnattached` after the connection is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/place.rs"]
mod place;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, unbounded};
use place::{Place, SOON, eager};
use scape::attach::{
    AttacherGuard, Decision, StreamAnswer, StreamAttacher, StreamKind, StreamRequest,
};
use scape::control::{ArgumentError, Command, StreamError, StreamProblem};
use scape::error::Timeout;
use scape::testing::{Script, ScriptedTor, ScriptedTorBuilder};
use scape::word::{CircuitId, StreamId};
use scape::{Connect, Controller, Error};

const SET: &str = "SETCONF __LeaveStreamsUnattached=1";
const UNSET: &str = "SETCONF __LeaveStreamsUnattached=0";

/// Returns a builder of a scripted tor that remembers the last value of the
/// option `__LeaveStreamsUnattached`.
fn builder() -> ScriptedTorBuilder {
    let mut value = 0;
    ScriptedTor::builder()
        .on_any(move |command| {
            match command {
                SET => value = 1,
                UNSET => value = 0,
                "GETCONF __LeaveStreamsUnattached" => {
                    return Some(format!("250 __LeaveStreamsUnattached={value}\r\n").into());
                }
                _ => return None,
            }
            Some("250 OK\r\n".into())
        })
        .on_prefix("ATTACHSTREAM", "250 OK\r\n")
        .on_prefix("CLOSESTREAM", "250 OK\r\n")
        .info("stream-status", "")
        .info("version", "0.4.9.11")
        .patience(SOON)
}

fn connect(tor: &ScriptedTor) -> Controller {
    Connect::new().authenticate_over(tor.transport().unwrap()).unwrap()
}

fn problem(error: &Error) -> &StreamProblem {
    &error.get::<StreamError>().unwrap_or_else(|| panic!("{error}")).problem
}

fn arrives(tor: &ScriptedTor, id: u64, more: &str) {
    tor.send(format!(
        "650 STREAM {id} NEW 0 a.test:80 PURPOSE=USER{more}\r\n650 STREAM {id} CONTROLLER_WAIT 0 a.test:80\r\n"
    ));
}

fn count(tor: &ScriptedTor, command: &str) -> usize {
    tor.sent().iter().filter(|sent| *sent == command).count()
}

fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < 3 * SOON, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Installs an attacher that postpones every decision. The test receives an
/// answer object for each stream, with which it can decide later.
fn keeper(controller: &Controller) -> (AttacherGuard, Receiver<StreamAnswer>) {
    let (sender, kept) = unbounded();
    let attacher = move |stream: &StreamRequest| {
        sender.send(stream.answer_later()).unwrap();
        Decision::Later
    };
    (controller.attach_streams(attacher).unwrap(), kept)
}

/// Waits until the library has restored `__LeaveStreamsUnattached`, and has
/// closed stream 12, which nobody will attach any more.
fn until_put_back(place: &Place) {
    until("the option is put back", || place.with(|tor| count(tor, UNSET)) == 1);
    until("the stream is closed", || place.with(|tor| count(tor, "CLOSESTREAM 12 1")) == 1);
}

/// An attacher that makes no decision before the channel `go_on` is
/// disconnected. It decides about at most `most` streams at the same time.
struct Slow {
    most: usize,
    now: Arc<AtomicUsize>,
    highest: Arc<AtomicUsize>,
    go_on: Receiver<()>,
}

impl StreamAttacher for Slow {
    fn decide(&self, _: &StreamRequest) -> Decision {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.highest.fetch_max(now, Ordering::SeqCst);
        // The channel is disconnected when the attacher may go on.
        let _ = self.go_on.recv();
        self.now.fetch_sub(1, Ordering::SeqCst);
        Decision::on(CircuitId::new(7))
    }

    fn max_concurrent(&self) -> usize {
        self.most
    }
}

#[test]
fn deciding_threads_are_bounded_and_no_stream_is_lost() {
    const STREAMS: u64 = 3000;
    let tor = builder().start().unwrap();
    let controller = connect(&tor);
    let (stop, go_on) = bounded(0);
    let (now, highest) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let slow = Slow { most: 5, now: now.clone(), highest: highest.clone(), go_on };
    let guard = controller.attach_streams(slow).unwrap();
    for id in 1..=STREAMS {
        arrives(&tor, id, "");
    }
    until("five streams are decided on", || now.load(Ordering::SeqCst) == 5);
    // A slow attacher must not delay streams that it isn't asked about.
    tor.send("650 STREAM 9001 NEW 0 some.onion:80\r\n650 STREAM 9001 CONTROLLER_WAIT 0 some.onion:80\r\n");
    tor.wait_for("ATTACHSTREAM 9001 0").unwrap();
    assert_eq!(now.load(Ordering::SeqCst), 5);
    drop(stop);
    let attached = || {
        let sent = tor.sent();
        sent.iter().filter(|sent| sent.starts_with("ATTACHSTREAM ") && sent.ends_with(" 7")).count()
    };
    until("every stream is attached", || attached() as u64 == STREAMS);
    assert_eq!(highest.load(Ordering::SeqCst), 5);
    guard.close().unwrap();
}

#[test]
fn closing_an_attacher_has_one_deadline() {
    // Each answer takes three quarters of the timeout, so all parts together
    // would take several timeouts.
    const ANSWER: Duration = Duration::from_millis(1500);
    let slow = Arc::new(parking_lot::Mutex::new(Duration::ZERO));
    let pause = slow.clone();
    let answers = builder().on_any(move |command| {
        if !command.starts_with("PROTOCOLINFO") && !command.starts_with("AUTHENTICATE") {
            thread::sleep(*pause.lock());
        }
        None
    });
    let tor = answers.start().unwrap();
    let controller = connect(&tor);
    let quick = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    drop(quick);
    *slow.lock() = ANSWER;
    let timeout = Duration::from_secs(2);
    let begun = Instant::now();
    let attached =
        controller.with_timeout(timeout).attach_streams(|_: &StreamRequest| Decision::Tor);
    // Undoing may take an additional second.
    assert!(begun.elapsed() < timeout + Duration::from_millis(2500), "{:?}", begun.elapsed());
    assert!(attached.unwrap_err().get::<Timeout>().is_some());
    *slow.lock() = Duration::ZERO;
    let handle = controller.with_timeout(timeout);
    let begun = Instant::now();
    let guard = loop {
        // This repeats until the late answers have arrived.
        assert!(begun.elapsed() < SOON);
        if let Ok(guard) = handle.attach_streams(|_: &StreamRequest| Decision::Tor) {
            break guard;
        }
    };
    *slow.lock() = ANSWER;
    let begun = Instant::now();
    let closed = guard.close();
    assert!(begun.elapsed() < timeout + Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert!(closed.unwrap_err().get::<Timeout>().is_some());
    *slow.lock() = Duration::ZERO;
}

#[test]
fn option_is_restored_over_another_connection_after_a_loss() {
    let place = Place::default();
    place.put(builder().start().unwrap());
    let controller = place.connect().connect().unwrap();
    let (guard, kept) = keeper(&controller);
    place.with(|tor| arrives(tor, 12, ""));
    let answer = kept.recv_timeout(SOON).unwrap();
    place.with(ScriptedTor::hang_up);
    until_put_back(&place);
    assert!(answer.attach(CircuitId::new(7)).is_err());
    controller.wait_closed(SOON).unwrap();
    // After a manual reconnect, streams wait again.
    until("it can be made again", || controller.reconnect().is_ok());
    until("the option is set again", || place.with(|tor| count(tor, SET)) == 2);
    assert!(guard.close().unwrap());
    place.with(|tor| assert_eq!(count(tor, UNSET), 2, "{:?}", tor.sent()));
}

#[test]
fn pending_restore_of_the_option_happens_when_the_controller_is_closed() {
    // An automatic reconnect would only happen after an hour.
    let place = Place::default();
    place.put(builder().start().unwrap());
    let later = scape::control::Reconnect::new().first_delay(Duration::from_secs(3600));
    let controller = place.connect().reconnect(later).connect().unwrap();
    let guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    place.with(ScriptedTor::hang_up);
    controller.wait_closed(SOON).unwrap();
    // The attacher ended with the connection.
    assert!(!guard.close().unwrap());
    drop(controller);
    place.with(|tor| assert_eq!((count(tor, SET), count(tor, UNSET)), (1, 1), "{:?}", tor.sent()));
}

#[test]
fn release_streams_frees_streams_that_a_dead_controller_left() {
    let streams =
        "5 NEW 0 a.test:80\n6 SUCCEEDED 4 b.test:80\n7 NEWRESOLVE 0 c.test:0\n8 NEW 0 d.test:80";
    let tor = builder()
        .info("stream-status", streams)
        .on("ATTACHSTREAM 8 0", "555 Connection is not managed by controller.\r\n");
    let tor = tor.start().unwrap();
    let killed = connect(&tor);
    assert!(killed.msg(SET).unwrap().is_ok());
    let controller = connect(&tor);
    assert_eq!(controller.release_streams().unwrap(), 2);
    let sent = tor.sent();
    let at = |what: &str| sent.iter().position(|sent| sent == what).unwrap();
    assert!(at(UNSET) < at("ATTACHSTREAM 5 0") && at("ATTACHSTREAM 5 0") < at("ATTACHSTREAM 7 0"));
    assert_eq!(count(&tor, "ATTACHSTREAM 6 0"), 0);
    // No stream is left to release.
    assert_eq!(controller.release_streams().unwrap(), 0);
    assert_eq!(count(&tor, UNSET), 1);
    // A controller that attaches streams can't release them.
    let _guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    assert!(controller.release_streams().unwrap_err().get::<ArgumentError>().is_some());
}

/// Returns a scripted tor with the circuits 7 to 10, each of another purpose,
/// and with three waiting streams: one connection and two resolves.
fn raw() -> ScriptedTor {
    let circuits = "7 BUILT alice,bob PURPOSE=GENERAL\n8 BUILT alice,bob PURPOSE=CONTROLLER\n\
        9 BUILT alice,bob PURPOSE=HS_VANGUARDS\n10 BUILT alice,bob PURPOSE=CONFLUX_LINKED";
    // A resolve that was redirected to a port is still a resolve.
    let streams = "12 NEW 0 a.test:80\n13 NEWRESOLVE 0 b.test:81\n14 SENTRESOLVE 7 c.test:0";
    let tor = builder().info("circuit-status", circuits).info("stream-status", streams);
    let tor = tor.on_prefix("SETCIRCUITPURPOSE", "250 OK\r\n");
    tor.on_prefix("SETCIRCUITPURPOSE 99 ", "552 Unknown circuit \"99\"\r\n").start().unwrap()
}

fn changes(tor: &ScriptedTor) -> Vec<String> {
    let sent = tor.sent().into_iter();
    sent.filter(|sent| sent.starts_with("ATTACHSTREAM") || sent.starts_with("SETCIRCUITPURPOSE"))
        .collect()
}

#[test]
fn raw_attach_stream_keeps_tor_alive() {
    let general = "SETCIRCUITPURPOSE {} purpose=general";
    let controller = "SETCIRCUITPURPOSE {} purpose=controller";
    let ask = "SETCIRCUITPURPOSE {} purpose=none";
    let attach = "ATTACHSTREAM {s} {}";
    for (stream, circuit, expected) in [
        // Connections may use any circuit.
        (12, 7, &[attach][..]),
        (12, 8, &[attach]),
        (12, 9, &[attach]),
        (13, 7, &[general, attach]),
        (14, 7, &[general, attach]),
        (13, 8, &[controller, general, attach, controller]),
        (13, 10, &[attach]),
        // tor replies that no such stream or no such circuit exists.
        (99, 7, &[general, attach]),
        (99, 8, &[controller, general, attach, controller]),
        (12, 99, &[attach]),
        (13, 99, &[ask, attach]),
    ] {
        let expected: Vec<String> = expected
            .iter()
            .map(|text| {
                text.replace("{}", &circuit.to_string()).replace("{s}", &stream.to_string())
            })
            .collect();
        let line = format!("ATTACHSTREAM {stream} {circuit}");
        let command = || Command::raw(&line, None).unwrap();
        type Attach<'a> = &'a dyn Fn(&Controller);
        let ways: [Attach<'_>; 4] = [
            &|c| c.attach_stream(StreamId::new(stream), CircuitId::new(circuit), None).unwrap(),
            &|c| assert!(c.msg(&line).unwrap().is_ok()),
            &|c| drop(c.send(command()).unwrap().wait_ok().unwrap()),
            &|c| {
                let uptime = || Command::build("GETINFO").word("key", "version").finish().unwrap();
                let replies = c.send_all([uptime(), command(), uptime()]).unwrap();
                let asked: Vec<_> = replies.iter().map(|reply| reply.command().keyword()).collect();
                assert_eq!(asked, ["GETINFO", "ATTACHSTREAM", "GETINFO"]);
                replies.into_iter().for_each(|reply| drop(reply.wait_ok().unwrap()));
            },
        ];
        for way in ways {
            let tor = raw();
            let controller = connect(&tor);
            way(&controller);
            // The call doesn't wait for the reply to its last command.
            controller.sync().unwrap();
            assert_eq!(changes(&tor), expected);
        }
    }
    for refused in [
        |c: &Controller| c.attach_stream(StreamId::new(13), CircuitId::new(9), None),
        |c: &Controller| c.attach_stream(StreamId::new(14), CircuitId::new(9), 2),
        |c: &Controller| c.msg("attachstream  +13 09 HOP=2").map(drop),
        |c: &Controller| c.send(Command::raw("ATTACHSTREAM\t13 \t9", None).unwrap()).map(drop),
        |c: &Controller| c.send_all([Command::raw("ATTACHSTREAM 13 9", None).unwrap()]).map(drop),
    ] {
        let tor = raw();
        let error = refused(&connect(&tor)).unwrap_err();
        assert!(matches!(problem(&error), StreamProblem::Purpose(Some(_))), "{error}");
        assert_eq!(changes(&tor), [""; 0]);
    }
    // A stream that isn't listed may be a resolve.
    let error = connect(&raw()).msg("ATTACHSTREAM 99 9").unwrap_err();
    assert!(matches!(problem(&error), StreamProblem::Unlisted(Some(_))), "{error}");
}

#[test]
fn raw_attach_stream_behind_a_filter_keeps_tor_alive() {
    // Without circuit-status, only connections can be attached.
    let filtered = || {
        let tor = builder().info("stream-status", "12 NEW 0 a.test:80\n13 NEWRESOLVE 0 b.test:0");
        tor.start().unwrap()
    };
    let tor = filtered();
    connect(&tor).attach_stream(StreamId::new(12), CircuitId::new(7), None).unwrap();
    let error =
        connect(&filtered()).attach_stream(StreamId::new(13), CircuitId::new(7), None).unwrap_err();
    assert!(matches!(problem(&error), StreamProblem::Purpose(None)), "{error}");
    // The filter answers with empty lists, or hides only the streams.
    let circuits = "7 BUILT alice,bob PURPOSE=GENERAL\n9 BUILT alice,bob PURPOSE=HS_VANGUARDS";
    for (tor, circuit, is_attached) in [
        (builder().info("circuit-status", ""), 7, false),
        (builder().info("circuit-status", circuits), 7, true),
        (builder().info("circuit-status", circuits), 9, false),
        (
            builder().info("circuit-status", circuits).on("GETINFO stream-status", "510 no\r\n"),
            9,
            false,
        ),
        (builder(), 7, false),
    ] {
        let tor = tor.on_prefix("SETCIRCUITPURPOSE", "250 OK\r\n").start().unwrap();
        let attached =
            connect(&tor).attach_stream(StreamId::new(13), CircuitId::new(circuit), None);
        assert_eq!(attached.is_ok(), is_attached, "{attached:?}");
        if let Err(error) = attached {
            assert!(matches!(problem(&error), StreamProblem::Unlisted(_)), "{error}");
            assert!(error.to_string().contains("doesn't list the stream"), "{error}");
            assert_eq!(
                tor.sent().iter().filter(|sent| sent.starts_with("ATTACHSTREAM")).count(),
                0
            );
        }
    }
}

#[test]
fn onion_address_with_a_trailing_dot_is_never_attached() {
    let streams = "12 NEW 0 abc.ONION.:80\n13 NEW 0 abc.onion:80\n14 NEWRESOLVE 0 a.abc.onion..:0";
    let circuits = "7 BUILT alice,bob PURPOSE=GENERAL";
    let tor =
        builder().info("circuit-status", circuits).info("stream-status", streams).start().unwrap();
    let controller = connect(&tor);
    for attached in [
        controller.attach_stream(StreamId::new(12), None, None),
        controller.attach_stream(StreamId::new(12), CircuitId::new(7), None),
        controller.attach_stream(StreamId::new(14), CircuitId::new(7), None),
        controller.msg("ATTACHSTREAM 12 0").map(drop),
    ] {
        let error = attached.unwrap_err();
        assert!(matches!(problem(&error), StreamProblem::OnionWithDot), "{error}");
    }
    controller.attach_stream(StreamId::new(13), None, None).unwrap();
    assert_eq!(changes(&tor), ["ATTACHSTREAM 13 0"]);
    // The same holds for a tor whose waiting streams are released.
    assert!(controller.msg(SET).unwrap().is_ok());
    assert_eq!(controller.release_streams().unwrap(), 1);
    assert_eq!(
        count(&tor, "CLOSESTREAM 12 2") + count(&tor, "CLOSESTREAM 14 2"),
        2,
        "{:?}",
        tor.sent()
    );
    assert_eq!(changes(&tor), ["ATTACHSTREAM 13 0", "ATTACHSTREAM 13 0"]);
}

#[test]
fn onion_address_with_a_trailing_dot_is_closed_whatever_the_attacher_decides() {
    fn attacher(
        decision: impl Fn() -> Decision + Send + Sync + 'static,
        onions: bool,
    ) -> impl StreamAttacher {
        struct Answers<F>(F, bool);
        impl<F: Fn() -> Decision + Send + Sync + 'static> StreamAttacher for Answers<F> {
            fn decide(&self, _: &StreamRequest) -> Decision {
                (self.0)()
            }
            fn takes(&self, kind: StreamKind) -> bool {
                self.1 || kind == StreamKind::Client
            }
        }
        Answers(decision, onions)
    }
    // One stream waits already, and another comes later.
    let tor = || builder().info("stream-status", "11 NEW 0 abc.onion.:80").start().unwrap();
    let closed = |tor: &ScriptedTor, controller: &Controller| {
        tor.send("650 STREAM 12 NEW 0 ABC.Onion..:80\r\n650 STREAM 12 CONTROLLER_WAIT 0 ABC.Onion..:80\r\n");
        tor.wait_for("CLOSESTREAM 11 2").unwrap();
        tor.wait_for("CLOSESTREAM 12 2").unwrap();
        controller.sync().unwrap();
        assert_eq!(changes(tor), [""; 0]);
    };
    for decide in [|| Decision::Tor, || Decision::Pass] {
        for onions in [true, false] {
            let tor = tor();
            let controller = connect(&tor);
            let guard = controller.attach_streams(attacher(decide, onions)).unwrap();
            closed(&tor, &controller);
            guard.close().unwrap();
        }
    }
    // The attacher decides later.
    let tor = tor();
    let controller = connect(&tor);
    let later = |stream: &StreamRequest| {
        let answer = stream.answer_later();
        thread::spawn(move || match answer.id().get() {
            11 => assert!(answer.leave_to_tor().is_err()),
            _ => answer.not_mine(),
        });
        Decision::Later
    };
    struct Later<F>(F);
    impl<F: Fn(&StreamRequest) -> Decision + Send + Sync + 'static> StreamAttacher for Later<F> {
        fn decide(&self, stream: &StreamRequest) -> Decision {
            (self.0)(stream)
        }
        fn takes(&self, _: StreamKind) -> bool {
            true
        }
    }
    let guard = controller.attach_streams(Later(later)).unwrap();
    closed(&tor, &controller);
    guard.close().unwrap();
}

#[test]
fn attacher_never_attaches_a_resolve_to_a_circuit_that_crashes_tor() {
    let tor = raw();
    let controller = connect(&tor);
    let guard =
        controller.attach_streams(|_: &StreamRequest| Decision::on(CircuitId::new(9))).unwrap();
    tor.send(
        "650 STREAM 20 NEWRESOLVE 0 a.test:0 PURPOSE=DNS_REQUEST\r\n650 STREAM 20 CONTROLLER_WAIT 0 a.test:81\r\n",
    );
    arrives(&tor, 21, "");
    tor.wait_for("CLOSESTREAM 20 1").unwrap();
    tor.wait_for("ATTACHSTREAM 21 9").unwrap();
    guard.close().unwrap();
    assert!(
        !changes(&tor).iter().any(|sent| sent.starts_with("ATTACHSTREAM 20")),
        "{:?}",
        tor.sent()
    );
}

#[test]
fn client_keys_are_restored_in_the_same_write_as_the_change() {
    const VIEW: &str = "ONION_CLIENT_AUTH_VIEW";
    let key = "abc x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=";
    let shown = format!(
        "250-ONION_CLIENT_AUTH_VIEW\r\n250-CLIENT {key} ClientName=eve\r\n250-CLIENT def x25519:AAA= Flags=Permanent\r\n250 OK\r\n"
    );
    let add = format!("ONION_CLIENT_AUTH_ADD {key} ClientName=eve");
    let script = Script::new()
        .login()
        .expect(VIEW)
        .send(shown.clone())
        // All of these commands arrive before tor answers any of them.
        .expect(VIEW)
        .expect("SETCONF ContactInfo=\"me\"")
        .expect(add.clone())
        .send(shown.clone())
        .send("250 OK\r\n251 Client for onion existed and replaced\r\n")
        // Another controller removes the key and adds another one in between.
        .expect(VIEW)
        .send(shown)
        .expect(VIEW)
        .expect("RESETCONF ContactInfo")
        .expect(add)
        .send("250-ONION_CLIENT_AUTH_VIEW\r\n250-CLIENT ghi x25519:BBB=\r\n250 OK\r\n250 OK\r\n250 OK\r\n")
        .expect("ONION_CLIENT_AUTH_REMOVE abc")
        .expect("ONION_CLIENT_AUTH_ADD ghi x25519:BBB=")
        .send("250 OK\r\n250 OK\r\n");
    let tor = ScriptedTor::follow(script).unwrap();
    let controller = connect(&tor);
    controller.set_conf([("ContactInfo", "me")]).unwrap();
    controller.reset_conf(["ContactInfo"]).unwrap();
    tor.finish().unwrap();
}

#[test]
fn controller_closes_in_time_while_a_reconnect_sets_the_option_again() {
    let place = Place::default();
    place.put(builder().start().unwrap());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    place.kill();
    controller.wait_closed(SOON).unwrap();
    // The next tor doesn't answer this command before the test is over.
    let ((reached, is_reached), (open, gate)) = (unbounded(), bounded::<()>(0));
    let hangs = builder().on_any(move |command| {
        if command.starts_with("ONION_CLIENT_AUTH_VIEW") {
            let _ = reached.send(());
            let _ = gate.recv();
        }
        None
    });
    place.put(hangs.start().unwrap());
    is_reached.recv_timeout(SOON).unwrap();
    let begun = Instant::now();
    let _ = controller.with_timeout(Duration::from_millis(500)).close();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    drop(open);
    drop(guard);
}

#[test]
fn waiting_streams_are_closed_when_the_reconnect_gives_up() {
    let place = Place::default();
    let mut logins = 0;
    // The reconnect attempt is refused, but the connection that restores the
    // option isn't.
    let tor = builder().on_any(move |command| {
        logins += usize::from(command.starts_with("AUTHENTICATE"));
        (logins == 2 && command.starts_with("AUTHENTICATE")).then(|| "551 not now\r\n".into())
    });
    place.put(tor.start().unwrap());
    let controller = place.connect().reconnect(eager().max_attempts(1)).connect().unwrap();
    let (guard, kept) = keeper(&controller);
    place.with(|tor| arrives(tor, 12, ""));
    let _answer = kept.recv_timeout(SOON).unwrap();
    place.with(ScriptedTor::hang_up);
    until_put_back(&place);
    drop(guard);
}

/// Returns a `Connect` to `tor`. `special` opens the connection with the number
/// `number`, counted from 1. All other connections are opened normally.
fn through(
    tor: &Arc<ScriptedTor>,
    number: usize,
    special: impl Fn(&ScriptedTor) -> std::io::Result<scape::transport::Transport>
    + Send
    + Sync
    + 'static,
) -> Connect {
    let (tor, made) = (tor.clone(), AtomicUsize::new(0));
    let connect =
        Connect::through(move || match made.fetch_add(1, Ordering::SeqCst) + 1 == number {
            true => special(&tor),
            false => Ok(tor.transport().map_err(std::io::Error::other)?),
        });
    connect.timeout(SOON)
}

fn last_change(tor: &ScriptedTor) -> Option<String> {
    tor.sent().into_iter().rfind(|sent| sent == SET || sent == UNSET)
}

#[test]
fn manual_reconnect_waits_until_the_option_of_the_lost_connection_is_restored() {
    let tor = Arc::new(builder().start().unwrap());
    // The second connection is the one that restores the option. It hangs until
    // the gate is open.
    let ((reached, is_reached), (open, gate)) = (unbounded(), bounded::<()>(0));
    let connect = through(&tor, 2, move |tor| {
        let _ = reached.send(());
        let _ = gate.recv();
        tor.transport().map_err(std::io::Error::other)
    });
    let controller = connect.connect().unwrap();
    let guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    tor.hang_up();
    is_reached.recv_timeout(SOON).unwrap();
    let again = controller.clone();
    let reconnecting = thread::spawn(move || again.reconnect().map(drop));
    // Without waiting, the reconnect would be over by then.
    thread::sleep(Duration::from_millis(300));
    drop(open);
    reconnecting.join().unwrap().unwrap();
    // Once a new stream is decided on, the loss has been dealt with.
    arrives(&tor, 13, "");
    tor.wait_for("ATTACHSTREAM 13 0").unwrap();
    assert_eq!(last_change(&tor).as_deref(), Some(SET), "{:?}", tor.sent());
    guard.close().unwrap();
    assert_eq!(last_change(&tor).as_deref(), Some(UNSET));
}

#[test]
fn option_is_restored_when_a_manual_reconnect_fails() {
    let tor = Arc::new(builder().start().unwrap());
    let connect = through(&tor, 2, |_| Err(std::io::ErrorKind::ConnectionRefused.into()));
    let controller = connect.connect().unwrap();
    let guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    assert!(controller.reconnect().is_err());
    until("the option is put back", || last_change(&tor).as_deref() == Some(UNSET));
    controller.reconnect().unwrap();
    until("the option is set again", || last_change(&tor).as_deref() == Some(SET));
    guard.close().unwrap();
    assert_eq!(last_change(&tor).as_deref(), Some(UNSET));
}

/// An attacher that panics in a call of `takes`. The field counts down to this
/// call: with 1, the next call panics.
struct PanicsInTakes(AtomicUsize);

impl StreamAttacher for PanicsInTakes {
    fn decide(&self, _: &StreamRequest) -> Decision {
        Decision::on(CircuitId::new(7))
    }

    fn takes(&self, kind: StreamKind) -> bool {
        if kind != StreamKind::Client {
            return false;
        }
        assert_ne!(self.0.fetch_sub(1, Ordering::SeqCst), 1, "on purpose");
        true
    }

    fn max_concurrent(&self) -> usize {
        1
    }
}

#[test]
fn panic_in_takes_closes_its_stream_and_blocks_no_other_stream() {
    // The thread that watches streams calls `takes` first, and then the thread
    // that decides.
    for calls_before in [0, 1] {
        let tor = builder().start().unwrap();
        let controller = connect(&tor);
        let guard =
            controller.attach_streams(PanicsInTakes(AtomicUsize::new(calls_before + 1))).unwrap();
        arrives(&tor, 12, "");
        let outcome = ["ATTACHSTREAM 12 7", "CLOSESTREAM 12 10"][calls_before];
        tor.wait_for(outcome).unwrap();
        arrives(&tor, 13, "");
        tor.wait_for("ATTACHSTREAM 13 7").unwrap();
        tor.send("650 STREAM 14 NEW 0 some.onion:80\r\n650 STREAM 14 CONTROLLER_WAIT 0 some.onion:80\r\n");
        tor.wait_for("ATTACHSTREAM 14 0").unwrap();
        guard.close().unwrap();
    }
}

/// An attacher that panics in `max_concurrent`.
struct PanicsInMaxConcurrent;

impl StreamAttacher for PanicsInMaxConcurrent {
    fn decide(&self, _: &StreamRequest) -> Decision {
        Decision::on(CircuitId::new(7))
    }

    fn max_concurrent(&self) -> usize {
        panic!("on purpose")
    }
}

#[test]
fn panic_in_max_concurrent_counts_as_its_default() {
    let tor = builder().start().unwrap();
    let controller = connect(&tor);
    let guard = controller.attach_streams(PanicsInMaxConcurrent).unwrap();
    for id in [12, 13] {
        arrives(&tor, id, "");
        tor.wait_for(&format!("ATTACHSTREAM {id} 7")).unwrap();
    }
    guard.close().unwrap();
}

/// A value that panics in `drop`.
struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("on purpose");
        }
    }
}

#[test]
fn panic_in_the_drop_of_an_attacher_ends_no_thread() {
    let tor = builder().start().unwrap();
    let controller = connect(&tor);
    let (open, gate) = bounded::<()>(0);
    let (asked, is_asked) = unbounded();
    let panics = PanicsInDrop;
    let removed = controller
        .attach_streams_with(5, move |_: &StreamRequest| {
            let _ = &panics;
            asked.send(()).unwrap();
            let _ = gate.recv();
            Decision::on(CircuitId::new(7))
        })
        .unwrap();
    let guard =
        controller.attach_streams(|_: &StreamRequest| Decision::on(CircuitId::new(8))).unwrap();
    arrives(&tor, 12, "");
    is_asked.recv_timeout(SOON).unwrap();
    // A thread of the library drops the attacher once it no longer needs it.
    drop(removed);
    drop(open);
    tor.wait_for("ATTACHSTREAM 12 7").unwrap();
    tor.send("650 STREAM 12 CLOSED 7 a.test:80 REASON=DONE\r\n");
    arrives(&tor, 13, "");
    tor.wait_for("ATTACHSTREAM 13 8").unwrap();
    guard.close().unwrap();
}

#[test]
fn removed_attacher_is_not_asked_about_streams_that_wait_for_their_turn() {
    let tor = builder().start().unwrap();
    let controller = connect(&tor);
    let (open, go_on) = bounded(0);
    let (now, highest) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let slow = Slow { most: 1, now: now.clone(), highest, go_on };
    let removed = controller.attach_streams(slow).unwrap();
    for id in 12..=14 {
        arrives(&tor, id, "");
    }
    until("the first stream is decided on", || now.load(Ordering::SeqCst) == 1);
    // By now, all streams have arrived.
    controller.sync().unwrap();
    let guard =
        controller.attach_streams(|_: &StreamRequest| Decision::on(CircuitId::new(8))).unwrap();
    assert!(removed.close().unwrap());
    drop(open);
    for id in 12..=14 {
        let circuit = if id == 12 { 7 } else { 8 };
        assert_eq!(
            tor.wait_for(&format!("ATTACHSTREAM {id} ")).unwrap(),
            format!("ATTACHSTREAM {id} {circuit}")
        );
    }
    guard.close().unwrap();
}

#[test]
fn removed_attacher_is_not_asked_about_a_stream_that_another_passes_on() {
    let tor = builder().start().unwrap();
    let controller = connect(&tor);
    let (sender, kept) = unbounded();
    let first = controller
        .attach_streams_with(5, move |stream: &StreamRequest| {
            sender.send(stream.answer_later()).unwrap();
            Decision::Later
        })
        .unwrap();
    let dropped = Arc::new(());
    let owned = dropped.clone();
    let removed = controller
        .attach_streams(move |_: &StreamRequest| {
            let _ = &owned;
            Decision::on(CircuitId::new(7))
        })
        .unwrap();
    arrives(&tor, 12, "");
    let answer = kept.recv_timeout(SOON).unwrap();
    removed.close().unwrap();
    // Nothing keeps the values that the attacher owned.
    assert_eq!(Arc::strong_count(&dropped), 1);
    answer.not_mine();
    assert_eq!(tor.wait_for("ATTACHSTREAM 12 ").unwrap(), "ATTACHSTREAM 12 0");
    first.close().unwrap();
}

#[test]
fn timeout_of_the_first_handle_does_not_apply_to_later_commands() {
    let tor = builder().on_any(|command| {
        if command == "ATTACHSTREAM 12 0" {
            thread::sleep(Duration::from_millis(900));
        }
        None
    });
    let tor = tor.start().unwrap();
    let controller = connect(&tor);
    let short = controller.with_timeout(Duration::from_millis(500));
    let guard = short.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    arrives(&tor, 12, "");
    tor.wait_for("ATTACHSTREAM 12 0").unwrap();
    controller.sync().unwrap();
    // tor has answered ATTACHSTREAM by now, later than the timeout of the first
    // handle.
    guard.close().unwrap();
    assert_eq!(count(&tor, "CLOSESTREAM 12 1"), 0, "{:?}", tor.sent());
}

#[test]
fn mapping_that_makes_an_onion_address_with_a_trailing_dot_is_not_sent() {
    let tor = builder().on_prefix("MAPADDRESS", "250 *.a=*.b\r\n").start().unwrap();
    let controller = connect(&tor);
    // tor 0.4.9 turns `x.onion.foo` into `x.onion.` or `x.onion..`.
    for to in ["*.", "*..", "*..."] {
        let error = controller.msg(&format!("MAPADDRESS *.foo={to}")).unwrap_err();
        assert!(error.get::<ArgumentError>().is_some(), "{to}: {error}");
        let error = controller.set_conf([("MapAddress", format!("*.foo {to}"))]).unwrap_err();
        assert!(error.get::<ArgumentError>().is_some(), "{to}: {error}");
    }
    assert!(controller.msg("MAPADDRESS *.foo=*.bar").unwrap().is_ok());
    assert!(controller.msg("MAPADDRESS *.foo=*.bar.").unwrap().is_ok());
}
