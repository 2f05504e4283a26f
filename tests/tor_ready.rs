//! Waiting until a real tor without a network is ready.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use scape::control::Signal;
use scape::tor::{NoSocksPortError, NotReadyError, SocksPort, TorMode};
use scape::{Launch, Tor};
use support::real_tor::RealTor;

const SOON: Duration = Duration::from_secs(30);

#[test]
fn become_ready_timeout_names_the_reason() {
    let real = RealTor::start("CookieAuthentication 1\n");
    let tor = Tor::connect_with(&real.over_unix()).unwrap();
    assert_eq!(tor.mode(), TorMode::Control);
    assert!(!tor.is_ready().unwrap());
    let begun = Instant::now();
    let mut steps = Vec::new();
    let error = tor
        .become_ready_with(Duration::from_millis(300), |step| steps.push(step.clone()))
        .unwrap_err();
    assert!(begun.elapsed() < SOON && error.is_timeout(), "{error}");
    assert!(error.to_string().contains("DisableNetwork"), "{error}");
    let Some(not_ready) = error.get::<NotReadyError>() else { panic!("{error}") };
    assert!(not_ready.network_disabled);
    assert_eq!(not_ready.progress.as_ref(), steps.last());
    assert!(!steps.is_empty());
}

#[test]
fn tor_without_a_network_has_no_socks_port() {
    let real = RealTor::start("CookieAuthentication 1\nSocksPort auto IsolateDestAddr\n");
    let tor = Tor::connect_with(&real.over_unix()).unwrap();
    for port in [SocksPort::Usable, SocksPort::with_options(["IsolateDestAddr"])] {
        let error = tor.client_on(&port).unwrap_err();
        assert!(error.get::<NoSocksPortError>().is_some(), "{error}");
    }
    let error = tor.client().unwrap_err();
    assert!(matches!(error.get(), Some(NoSocksPortError::None)), "{error}");
    assert!(error.to_string().contains("DisableNetwork"), "{error}");
}

#[test]
fn killed_tor_is_noticed() {
    let mut real = RealTor::start("CookieAuthentication 1\n");
    let tor = Tor::connect_with(&real.over_unix()).unwrap();
    real.kill();
    tor.controller().unwrap().wait_closed(SOON).unwrap();
    assert!(!tor.is_alive());
    assert!(tor.is_ready().unwrap_err().is_closed());
    assert!(tor.become_ready(SOON).unwrap_err().is_closed());
    assert!(tor.client().unwrap_err().is_closed());
    tor.quit().unwrap();
}

#[test]
fn become_ready_fails_when_tor_dies() {
    let mut real = RealTor::start("CookieAuthentication 1\n");
    let tor = Tor::connect_with(&real.over_unix()).unwrap();
    let waiting = tor.clone();
    let (sender, steps) = crossbeam_channel::unbounded();
    let thread = std::thread::spawn(move || {
        waiting.become_ready_with(SOON, |step| sender.send(step.clone()).unwrap())
    });
    steps.recv_timeout(SOON).unwrap();
    real.kill();
    assert!(thread.join().unwrap().unwrap_err().is_closed());
}

#[test]
fn launched_tor_ends_with_its_handles_and_a_running_one_does_not() {
    let tor = Tor::launch(Launch::new().option("DisableNetwork", "1")).unwrap();
    assert_eq!(tor.mode(), TorMode::Launched);
    let (pid, directory) = (tor.pid().unwrap(), tor.data_directory().unwrap());
    assert_eq!(tor.controller().unwrap().info().process().unwrap().pid, pid);
    assert!(!tor.log_tail().is_empty());
    assert!(!tor.is_ready().unwrap());
    let controller = tor.controller().unwrap().clone();
    let other = tor.clone();
    drop(tor);
    assert!(controller.is_alive());
    drop(other);
    // A controller doesn't count as a handle of the launched tor.
    controller.wait_closed(SOON).unwrap();
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap() && !directory.exists());

    let real = RealTor::start("CookieAuthentication 1\n");
    drop(Tor::connect_with(&real.over_unix()).unwrap());
    let tor = Tor::connect_with(&real.over_unix()).unwrap();
    tor.controller().unwrap().signal(Signal::Heartbeat).unwrap();
    tor.quit().unwrap();
    assert!(Tor::connect_with(&real.over_unix()).unwrap().is_alive());
}
