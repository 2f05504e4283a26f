//! Checks that a call's effect is undone if tor answers only after the call has
//! timed out. Calls that end a connection must do so even without an answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/peer.rs"]
mod peer;

use std::time::{Duration, Instant};

use peer::Peer;
use scape::Controller;
use scape::control::{AddOnion, ClientAuth, Command};
use scape::word::ClientKey;

const ONION: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
const BRIEF: Duration = Duration::from_millis(200);

#[test]
fn late_onion_service_is_removed() {
    let (controller, peer) = Peer::pair();
    late_onion_service_is_removed_from(&controller, &peer);
}

#[cfg(target_os = "linux")]
#[test]
fn late_onion_services_are_removed_by_one_thread() {
    const CALLS: usize = 40;
    let (controller, peer) = Peer::pair();
    let brief = controller.with_timeout(Duration::from_millis(5));
    for _ in 0..CALLS {
        brief.add_onion(&AddOnion::new().local_port(80)).unwrap_err();
        peer.expect("ADD_ONION NEW:ED25519-V3 Port=80");
    }
    let names = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    // Other tests of this file run at the same time.
    let threads = names.filter(|name| name.trim_end() == "scape-undo").count();
    assert!(threads < 10, "{threads} threads");
    // The answers come in the order of the commands.
    peer.send(format!("250-ServiceID={ONION}\r\n250 OK\r\n").repeat(CALLS));
    for _ in 0..CALLS {
        peer.expect(&format!("DEL_ONION {ONION}"));
        peer.send("250 OK\r\n");
    }
    // After the last one, the thread is started again.
    late_onion_service_is_removed_from(&controller, &peer);
    controller.close().unwrap();
}

fn late_onion_service_is_removed_from(controller: &Controller, peer: &Peer) {
    let brief = controller.with_timeout(BRIEF);
    assert!(brief.add_onion(&AddOnion::new().local_port(80)).unwrap_err().is_timeout());
    peer.expect("ADD_ONION NEW:ED25519-V3 Port=80");
    peer.send(format!("250-ServiceID={ONION}\r\n250 OK\r\n"));
    peer.expect(&format!("DEL_ONION {ONION}"));
    peer.send("250 OK\r\n");
}

#[test]
fn late_mapping_is_removed_and_a_refused_one_is_left_alone() {
    let (controller, peer) = Peer::pair();
    let mappings =
        [("a.test", "b.test"), ("0.0.0.0", "c.test"), ("d.test", "d.test"), ("e.test", "f@g")];
    assert!(controller.with_timeout(BRIEF).map_address(mappings).unwrap_err().is_timeout());
    peer.line().unwrap();
    peer.send(
        "250-a.test=b.test\r\n250-127.0.0.9=c.test\r\n250-d.test=d.test\r\n512 syntax error\r\n",
    );
    peer.expect("MAPADDRESS a.test=a.test 127.0.0.9=127.0.0.9");
    peer.send("250-a.test=a.test\r\n250 127.0.0.9=127.0.0.9\r\n");
}

#[test]
fn late_client_key_is_removed_unless_it_replaced_another() {
    let auth = ClientAuth::new(ONION.parse().unwrap(), ClientKey::random());
    for (late, is_new) in [("250 OK", true), ("251 Client for onion existed and replaced", false)] {
        let (controller, peer) = Peer::pair();
        let brief = controller.with_timeout(BRIEF);
        assert!(brief.onion_client_auth().add(&auth).unwrap_err().is_timeout());
        peer.line().unwrap();
        peer.send(format!("{late}\r\n"));
        if !is_new {
            // Nothing is undone, so the next command isn't a removal.
            std::thread::sleep(BRIEF);
            let next = Command::raw("GETINFO version", None).unwrap();
            drop(controller.send(next).unwrap());
            peer.expect("GETINFO version");
            continue;
        }
        peer.expect(&format!("ONION_CLIENT_AUTH_REMOVE {ONION}"));
        peer.send("250 OK\r\n");
    }
}

#[test]
fn quit_that_is_not_answered_ends_the_connection() {
    let (controller, peer) = Peer::pair();
    let error = controller.with_timeout(BRIEF).quit().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    peer.expect("QUIT");
    assert!(!controller.is_open());
}

#[test]
fn removing_a_mapping_has_one_deadline() {
    let (controller, _peer, _thread) = Peer::answering(|line| {
        if line.contains("a.test=b.test") {
            return Some("250 a.test=b.test\r\n".into());
        }
        std::thread::sleep(Duration::from_millis(2700));
        Some(match line {
            "GETINFO address-mappings/control" => {
                "250-address-mappings/control=a.test b.test NEVER\r\n250 OK\r\n".into()
            }
            _ => "250 a.test=a.test\r\n".into(),
        })
    });
    let brief = controller.with_timeout(Duration::from_secs(3));
    let mapped = brief.mapped_address("a.test", "b.test").unwrap();
    let begun = Instant::now();
    assert!(mapped.remove().unwrap_err().is_timeout());
    assert!(begun.elapsed() < Duration::from_millis(4800), "{:?}", begun.elapsed());
}
