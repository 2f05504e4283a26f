//! Checks that a cancelled publication of an onion service leaves nothing
//! behind in a real tor.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use scape::onion::Wait;
use scape::onion::disk::{DiskOnion, DiskOnionFiles, DiskOnions};
use scape::word::Progress;
use scape::{CancelToken, OnionBuilder, Tor};
use support::real_tor::RealTor;

const HOUR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_secs(20);

/// Returns a progress callback. It cancels `token` a moment after the step with
/// the tag `tag`.
fn cancel_after(
    tag: &'static str,
    token: &CancelToken,
) -> impl FnMut(&Progress) + Send + 'static + use<> {
    let token = token.clone();
    move |step| {
        if step.tag == tag {
            let token = token.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(50));
                token.cancel();
            });
        }
    }
}

#[test]
fn cancelled_ephemeral_service_is_gone() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let begun = Instant::now();
    for listens in [true, false] {
        let token = CancelToken::new();
        let builder = OnionBuilder::new(&controller).timeout(HOUR).cancel_with(&token);
        let builder = builder.on_progress(cancel_after("added", &token));
        let error = match listens {
            true => builder.virtual_port(80).listen().map(drop),
            false => builder.port(80, 8000).detached().publish().map(drop),
        };
        assert!(error.unwrap_err().is_cancelled());
        assert_eq!(controller.info().onions_current().unwrap(), []);
        assert_eq!(controller.info().onions_detached().unwrap(), []);
    }
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn cancelled_service_on_disk_is_removed_from_the_configuration() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let directory = tor.folder().join("blog");
    let service = DiskOnion::new(&directory).local_port(80);
    let begun = Instant::now();
    let token = CancelToken::new();
    let error = DiskOnions::of(&controller.cancel_with(&token))
        .publish(
            &service,
            &DiskOnionFiles::new(),
            Wait::AllUploads,
            HOUR,
            cancel_after("added", &token),
        )
        .unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert!(DiskOnions::of(&controller).list().unwrap().is_empty());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // The key stays, so the service has the same address the next time.
    assert!(directory.join("hostname").exists());
    DiskOnions::of(&controller).add(&service).unwrap();
}

#[test]
fn readiness_of_a_tor_without_a_network_is_cancelled() {
    let tor = RealTor::start("");
    let token = CancelToken::new();
    let handle = Tor::from(tor.controller()).cancel_with(&token);
    let stop = token.clone();
    let begun = Instant::now();
    let cancelling = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        stop.cancel();
    });
    assert!(handle.become_ready(HOUR).unwrap_err().is_cancelled());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    cancelling.join().unwrap();
}
