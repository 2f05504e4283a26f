//! Timeouts of commands, and replies that arrive after them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/peer.rs"]
mod peer;

use std::thread;
use std::time::{Duration, Instant};

use peer::{Peer, SOON};
use scape::control::{ArgumentError, Command};
use scape::error::{Phase, Timeout};
use scape::event::EventKind;

#[test]
fn late_reply_is_not_given_to_the_next_caller() {
    let (controller, peer) = Peer::pair();
    let brief = controller.with_timeout(Duration::from_millis(50));
    let started = Instant::now();
    let error = brief.get_info("slow").unwrap_err();
    assert_eq!(error.get().map(Timeout::phase), Some(Phase::Reply), "{error}");
    assert!(started.elapsed() < SOON / 2);

    let next = thread::spawn(move || controller.get_info("next").unwrap());
    peer.expect("GETINFO slow");
    peer.expect("GETINFO next");
    peer.send("250-slow=late\r\n250 OK\r\n250-next=in time\r\n250 OK\r\n");
    assert_eq!(next.join().unwrap(), "in time");
}

#[test]
fn reply_can_be_waited_for_again_after_a_timeout() {
    let (controller, peer) = Peer::pair();
    let pending =
        controller.send(Command::build("GETINFO").word("key", "slow").finish().unwrap()).unwrap();
    assert!(pending.try_wait().is_none());
    assert!(pending.wait_timeout(Duration::from_millis(20)).unwrap_err().is_timeout());
    peer.send("250-slow=here\r\n250 OK\r\n");
    assert_eq!(pending.wait_timeout(SOON).unwrap().first().text, b"slow=here");
    // A reply is returned only once, so these calls fail. The connection is
    // still open.
    let again = [pending.try_wait().unwrap(), pending.wait_timeout(SOON)];
    for error in again.map(Result::unwrap_err) {
        assert!(error.get::<ArgumentError>().is_some() && !error.is_closed(), "{error}");
    }
}

#[test]
fn waits_of_every_kind_have_a_deadline() {
    // This peer reads everything, but answers only SETEVENTS.
    let (controller, _peer, _server) =
        Peer::answering(|line| line.starts_with("SETEVENTS").then(|| "250 OK\r\n".to_string()));
    let brief = controller.with_timeout(Duration::from_millis(30));
    let events = controller.subscribe([EventKind::Bw]).unwrap();
    let started = Instant::now();
    assert!(brief.get_info("a").unwrap_err().is_timeout());
    assert!(
        brief
            .info()
            .get_each(["a", "b"])
            .unwrap()
            .iter()
            .all(|v| v.as_ref().unwrap_err().is_timeout())
    );
    assert!(brief.msg("GETINFO a").unwrap_err().is_timeout());
    assert!(brief.circuits().unwrap_err().is_timeout());
    assert!(brief.sync().unwrap_err().is_timeout());
    assert!(brief.new_identity(Duration::from_millis(30)).unwrap_err().is_timeout());
    assert!(
        brief.build_circuit(&scape::control::ExtendCircuit::new(), SOON).unwrap_err().is_timeout()
    );
    assert!(events.next_timeout(Duration::from_millis(30)).unwrap_err().is_timeout());
    assert_eq!(events.timeout_iter(Duration::from_millis(30)).count(), 0);
    assert!(brief.wait_closed(Duration::from_millis(30)).unwrap_err().is_timeout());
    assert!(brief.quit().unwrap_err().is_timeout());
    assert!(started.elapsed() < SOON);
}

#[test]
fn unconfirmed_subscription_fails_and_is_undone() {
    let (controller, peer) = Peer::pair();
    let brief = controller.with_timeout(Duration::from_millis(50));
    assert!(brief.subscribe([EventKind::Bw]).unwrap_err().is_timeout());
    peer.expect("SETEVENTS BW");
    // The subscription is undone, so that tor doesn't send unwanted events.
    peer.expect("SETEVENTS");
}
