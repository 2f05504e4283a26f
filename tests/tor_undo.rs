//! Checks that `undo_all` leaves nothing behind in tor, and no launched tor.
//! This file has a single test, because `undo_all` affects the whole process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;
#[path = "support/tor.rs"]
mod tor;

use std::time::{Duration, Instant};

use scape::attach::{Decision, StreamRequest};
use scape::control::{AddOnion, Reconnect};
use support::real_tor::RealTor;
use tor::{exists, offline, wait_until};

#[test]
fn undo_all_leaves_no_option_service_process_or_directory() {
    let tor = RealTor::start("");
    let watcher = tor.controller();
    let option = || watcher.get_conf("__LeaveStreamsUnattached").unwrap();

    let controller = tor.over_unix().reconnect(Reconnect::new()).connect().unwrap();
    let guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    let added = controller.add_onion(&AddOnion::new().local_port(80)).unwrap();
    let key = added.key.unwrap();
    assert_eq!(option().as_deref(), Some("1"));
    let launched = offline().start().unwrap();
    let (pid, directory) = (launched.pid(), launched.data_directory().to_path_buf());
    assert!(exists(pid) && directory.exists());
    let waiting = launched.controller().clone();
    let waiting = std::thread::spawn(move || waiting.wait_closed(Duration::from_secs(60)));

    let begun = Instant::now();
    scape::undo_all(Duration::from_secs(20)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(!exists(pid) && !directory.exists());
    waiting.join().unwrap().unwrap();
    assert!(!controller.is_open() && !controller.is_alive());
    assert!(watcher.version().unwrap_err().is_closed(), "every connection is closed");
    let after = tor.controller();
    assert_eq!(after.get_conf("__LeaveStreamsUnattached").unwrap().as_deref(), Some("0"));
    let again = AddOnion::new().key(key).local_port(80);
    wait_until("the service is removed", || after.add_onion(&again).is_ok());
    // Nothing is left to undo, and nothing fails.
    drop(after);
    scape::undo_all(Duration::from_secs(20)).unwrap();
    guard.close().unwrap();
    launched.stop().unwrap();
}
