//! Calls that end before tor answers. The library undoes their effects when the
//! answer arrives, but keeps changes that others made meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/peer.rs"]
mod peer;
#[path = "support/place.rs"]
mod place;

use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use peer::Peer;
use place::{Place, SOON, eager, plain};
use scape::State;
use scape::attach::{Decision, StreamRequest};
use scape::control::{AddOnion, ClientAuth, ClientAuthAdded, Command};
use scape::event::EventKind;
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::word::{ClientKey, OnionKey};
use scape::{CancelToken, Controller, Error, Tor};

const HOUR: Duration = Duration::from_secs(3600);
const BRIEF: Duration = Duration::from_millis(200);
const SERVICE: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
const ONION: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";

/// Returns a scripted tor that doesn't answer commands that begin with `slow`
/// until the returned sender is dropped. The returned receiver gets a message
/// when such a command arrives.
fn gated(
    slow: &'static str,
    builder: ScriptedTorBuilder,
) -> (ScriptedTor, Receiver<()>, Sender<()>) {
    let ((reached, at_gate), (open, gate)) = (unbounded(), bounded::<()>(0));
    let builder = builder.on_any(move |line| {
        if line.starts_with(slow) {
            let _ = reached.send(());
            // A test that has failed drops the other end.
            let _ = gate.recv();
        }
        None
    });
    (builder.start().unwrap(), at_gate, open)
}

fn builder() -> ScriptedTorBuilder {
    ScriptedTor::builder()
        .on_prefix("ADD_ONION", format!("250-ServiceID={SERVICE}\r\n250 OK\r\n"))
        .on_prefix("DEL_ONION", "250 OK\r\n")
        .on_prefix("TAKEOWNERSHIP", "250 OK\r\n")
        .on_prefix("SETCONF", "250 OK\r\n")
        .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
        .info("ns/all", "")
        .info("stream-status", "")
        .info("address-mappings/all", "")
        .info("entry-guards", "")
        .info("circuit-status", "")
        .patience(SOON)
}

/// Makes the call on a thread, cancels it 100 ms after `reached` has received a
/// message, and returns the call's result.
fn cancelled<T: Send + 'static>(
    controller: &Controller,
    reached: &Receiver<()>,
    call: impl FnOnce(Controller, CancelToken) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let token = CancelToken::new();
    let (handle, given) = (controller.cancel_with(&token).with_timeout(HOUR), token.clone());
    let (sender, receiver) = bounded(1);
    thread::spawn(move || sender.send(call(handle, given)));
    let _ = reached.recv_timeout(SOON);
    thread::sleep(Duration::from_millis(100));
    token.cancel();
    receiver.recv_timeout(SOON).expect("the call ends when it is cancelled")
}

#[test]
fn reconnect_is_cancelled_and_nothing_is_lost() {
    for slow in ["PROTOCOLINFO", "AUTHENTICATE", "SETEVENTS", "ADD_ONION", "GETINFO ns/all"] {
        let place = Place::default();
        place.put(builder().start().unwrap());
        let controller = place.connect().connect().unwrap();
        let _bytes = controller.on_event([EventKind::Bw], |_| ()).unwrap();
        let service = AddOnion::new().key(OnionKey::from_seed(&[7; 32])).local_port(80);
        controller.add_onion(&service).unwrap();
        let _state = State::new(&controller).unwrap();
        place.kill();
        controller.wait_closed(SOON).unwrap();
        let (tor, reached, open) = gated(slow, builder());
        place.put(tor);
        let error = cancelled(&controller, &reached, |tor, _| tor.reconnect()).unwrap_err();
        assert!(error.is_cancelled(), "{slow}: {error}");
        assert!(!controller.is_open(), "{slow}");
        drop(open);
        place.put(builder().start().unwrap());
        assert!(controller.reconnect().unwrap().failures.is_empty(), "{slow}");
        let sent = place.with(ScriptedTor::sent);
        assert!(sent.iter().any(|line| line.starts_with("ADD_ONION")), "{slow}: {sent:?}");
    }
}

#[test]
fn waits_for_a_connection_are_cancelled() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let now = || {
        let (sender, receiver) = bounded(1);
        sender.send(()).unwrap();
        receiver
    };
    let error = cancelled(&controller, &now(), |tor, _| tor.wait_closed(HOUR)).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    place.kill();
    controller.wait_closed(SOON).unwrap();
    let error = cancelled(&controller, &now(), |tor, _| tor.wait_connected(HOUR)).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    let ready =
        |tor, token| Tor::from(Controller::clone(&tor)).cancel_with(&token).become_ready(HOUR);
    let error = cancelled(&controller, &now(), ready).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
}

#[test]
fn wait_for_callbacks_is_cancelled() {
    let tor = builder().info("version", "0.4.9.11").start().unwrap();
    let controller = scape::Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let ((reached, is_reached), (open, gate)) = (unbounded(), bounded::<()>(0));
    let _callback = controller
        .on_event([EventKind::Bw], move |_| {
            let _ = reached.send(());
            let _ = gate.recv();
        })
        .unwrap();
    tor.send("650 BW 1 2\r\n");
    let error = cancelled(&controller, &is_reached, |tor, _| tor.sync()).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    drop(open);
}

/// Waits 200 ms, and then checks that the library has sent no other command.
/// For this, it sends `GETINFO version`, which must be the next command that
/// the peer receives.
fn expect_next(controller: &Controller, peer: &Peer) {
    thread::sleep(BRIEF);
    drop(controller.send(Command::raw("GETINFO version", None).unwrap()).unwrap());
    peer.expect("GETINFO version");
}

#[test]
fn late_mapping_does_not_remove_one_that_was_made_again() {
    let cases = [("a.test", "250 a.test=b.test\r\n"), ("0.0.0.0", "250 127.192.0.1=b.test\r\n")];
    for (from, answer) in cases {
        let (controller, peer) = Peer::pair();
        let brief = controller.with_timeout(BRIEF);
        assert!(brief.map_address([(from, "b.test")]).unwrap_err().is_timeout());
        let first = peer.line().unwrap();
        thread::scope(|scope| {
            let again = scope.spawn(|| controller.map_address([(from, "b.test")]));
            peer.expect(&first);
            peer.send(answer.repeat(2));
            assert!(again.join().unwrap().unwrap()[0].is_ok());
        });
        expect_next(&controller, &peer);
    }
}

#[test]
fn late_client_key_does_not_remove_one_that_was_added_again() {
    let auth = ClientAuth::new(ONION.parse().unwrap(), ClientKey::random());
    let (controller, peer) = Peer::pair();
    let brief = controller.with_timeout(BRIEF);
    assert!(brief.onion_client_auth().add(&auth).unwrap_err().is_timeout());
    let first = peer.line().unwrap();
    thread::scope(|scope| {
        let again = scope.spawn(|| controller.onion_client_auth().add(&auth));
        peer.expect(&first);
        peer.send("250 OK\r\n251 Client for onion existed and replaced\r\n");
        assert_eq!(again.join().unwrap().unwrap(), ClientAuthAdded::Replaced);
    });
    expect_next(&controller, &peer);
}

#[test]
fn ownership_is_taken_again_when_the_reconnect_gets_no_answer() {
    let place = Place::default();
    place.put(builder().on_any(|line| (line == "DROPOWNERSHIP").then(Vec::new)).start().unwrap());
    let controller = place.connect().connect().unwrap();
    controller.take_ownership().unwrap();
    let error = controller.with_timeout(BRIEF).reconnect().unwrap_err();
    assert!(error.is_timeout() && controller.is_open(), "{error}");
    thread::sleep(BRIEF);
    let sent = place.with(ScriptedTor::sent);
    assert_eq!(sent.last().map(String::as_str), Some("TAKEOWNERSHIP"), "{sent:?}");
}

#[test]
fn option_of_an_attacher_removed_during_a_reconnect_is_restored() {
    let place = Place::default();
    place.put(builder().start().unwrap());
    let controller = place.connect().connect().unwrap();
    let state = State::new(&controller).unwrap();
    let guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    place.kill();
    controller.wait_closed(SOON).unwrap();
    let (tor, reached, open) = gated("GETINFO ns/all", builder());
    place.put(tor);
    let again = controller.clone();
    let reconnecting = thread::spawn(move || again.reconnect());
    reached.recv_timeout(SOON).unwrap();
    let closing = thread::spawn(move || drop(guard));
    thread::sleep(2 * BRIEF);
    drop(open);
    reconnecting.join().unwrap().unwrap();
    closing.join().unwrap();
    thread::sleep(BRIEF);
    let sent = place.with(ScriptedTor::sent);
    let last = sent.iter().rfind(|line| line.starts_with("SETCONF")).map(String::as_str);
    assert_eq!(last, Some("SETCONF __LeaveStreamsUnattached=0"), "{sent:?}");
    drop(state);
}
