//! Waiting for tor to be ready ends in time, also where tor says nothing any more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use scape::testing::ScriptedTor;
use scape::{Controller, Error, Tor};

#[test]
fn a_silent_tor_does_not_hold_it_up() {
    let scripted = ScriptedTor::builder().on_any(|_| Some(Vec::new())).start().unwrap();
    // Each call of its own may wait for 30 seconds.
    let controller = Controller::from_authenticated(scripted.transport().unwrap()).unwrap();
    let begun = Instant::now();
    let error = Tor::from(controller).become_ready(Duration::from_millis(200)).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let Error::NotReady(error) = error else { panic!("{error}") };
    assert!(error.progress.is_none() && !error.network_disabled);
}
