//! The global tor of a program (`Tor::global`): when no tor can be found, and
//! when one is already running.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use scape::control::Reconnect;
use scape::testing::ScriptedTor;
use scape::tor::{NoTorError, TorMode};
use scape::{CancelToken, Connect, Tor};

/// The environment variable that marks a child process. A test runs itself in a
/// child process because it needs another environment.
const CHILD: &str = "SCAPE_TEST_CHILD";

/// Runs the test with this name again, in a child process with these
/// environment variables.
fn run_again(test: &str, variables: &[(&str, &str)]) {
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Returns the address of a port on which no program listens.
fn closed_port() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn no_tor_error_lists_everything_that_was_tried() {
    if env::var_os(CHILD).is_none() {
        let port = closed_port();
        let nowhere = env::temp_dir().join("no-such-tor");
        let variables =
            [("SCAPE_CONTROL", port.as_str()), ("SCAPE_TOR", nowhere.to_str().unwrap())];
        return run_again("no_tor_error_lists_everything_that_was_tried", &variables);
    }
    let control = env::var("SCAPE_CONTROL").unwrap();
    for (result, launches) in [(Tor::find(), false), (Tor::global(), true)] {
        let error = match result {
            Err(error) => error,
            // A tor that runs at one of the usual SOCKS ports is used.
            Ok(tor) => return assert_eq!(tor.mode(), TorMode::SocksOnly),
        };
        let text = error.to_string();
        let Some(tried) = error.get::<NoTorError>() else { panic!("{error}") };
        assert!(tried.control.is_some() && tried.launch.is_some() == launches, "{tried:?}");
        for part in [control.as_str(), "127.0.0.1:9050", "127.0.0.1:9150"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(text.contains("no-such-tor"), launches, "{text}");
    }
    // Every call searches anew.
    assert!(Tor::global().unwrap_err().get::<NoTorError>().is_some());
}

#[test]
fn running_tor_is_shared_by_all_callers() {
    if env::var_os(CHILD).is_none() {
        let tor = ScriptedTor::builder().info("version", "0.4.9.11").listen().unwrap();
        let address = tor.address().unwrap().to_string();
        run_again("running_tor_is_shared_by_all_callers", &[("SCAPE_CONTROL", address.as_str())]);
        // All callers shared one connection. A second one was made after the
        // first had ended.
        let hellos = tor.sent().iter().filter(|line| line.starts_with("PROTOCOLINFO")).count();
        assert_eq!(hellos, 2, "{:?}", tor.sent());
        return;
    }
    let tors: Vec<Tor> = thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| Tor::global().unwrap())).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(tors.iter().all(|tor| tor.mode() == TorMode::Control));
    let first = Arc::new(tors);
    first[0].clone().quit().unwrap();
    assert!(first.iter().all(|tor| !tor.is_alive()));
    assert!(Tor::global().unwrap().is_alive());
}

/// The maximum time that a cancelled search may take. Without cancelling, it
/// would take 30 seconds.
const SOON: Duration = Duration::from_secs(15);

#[test]
fn search_is_cancelled_while_a_control_port_says_nothing() {
    if env::var_os(CHILD).is_none() {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let nowhere = env::temp_dir().join("no-such-tor");
        let variables =
            [("SCAPE_CONTROL", address.as_str()), ("SCAPE_TOR", nowhere.to_str().unwrap())];
        return run_again("search_is_cancelled_while_a_control_port_says_nothing", &variables);
    }
    let (first, second) = (CancelToken::new(), CancelToken::new());
    let begun = Instant::now();
    thread::scope(|scope| {
        let searching = scope.spawn(|| Tor::global_cancel_with(&first, |_| {}).map(drop));
        thread::sleep(Duration::from_millis(200));
        // This thread waits for the search of the other one.
        let waiting = scope.spawn(|| Tor::global_cancel_with(&second, |_| {}).map(drop));
        let finding = scope.spawn(|| Tor::find_cancel_with(&second).map(drop));
        thread::sleep(Duration::from_millis(100));
        second.cancel();
        assert!(waiting.join().unwrap().unwrap_err().is_cancelled());
        assert!(finding.join().unwrap().unwrap_err().is_cancelled());
        assert!(!searching.is_finished());
        first.cancel();
        assert!(searching.join().unwrap().unwrap_err().is_cancelled());
    });
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // The next search starts anew.
    let scripted = ScriptedTor::builder().info("version", "0.4.9.11").start().unwrap();
    let transport = scripted.transport().unwrap();
    let tor = Tor::from(Connect::new().authenticate_over(transport).unwrap());
    tor.set_global();
    assert!(Tor::global_cancel_with(&CancelToken::new(), |_| {}).unwrap().is_alive());
    assert!(Tor::global_cancel_with(&second, |_| {}).unwrap_err().is_cancelled());
}

#[test]
fn tor_that_reconnects_stays_the_global_tor() {
    if env::var_os(CHILD).is_none() {
        let port = closed_port();
        let nowhere = env::temp_dir().join("no-such-tor");
        let variables =
            [("SCAPE_CONTROL", port.as_str()), ("SCAPE_TOR", nowhere.to_str().unwrap())];
        return run_again("tor_that_reconnects_stays_the_global_tor", &variables);
    }
    let scripted = ScriptedTor::builder().info("version", "0.4.9.11").listen().unwrap();
    let address = scripted.address().cloned().unwrap();
    let later = Reconnect::new().first_delay(SOON).max_delay(SOON);
    let tor = Tor::from(Connect::to(address).unwrap().reconnect(later).connect().unwrap());
    tor.set_global();
    let controller = tor.controller().unwrap();
    scripted.hang_up();
    controller.wait_closed(SOON).unwrap();
    let same = Tor::global().unwrap();
    assert_eq!(same.mode(), TorMode::Control);
    assert!(!same.is_alive());
    same.controller().unwrap().reconnect().unwrap();
    assert!(tor.is_alive() && Tor::global().unwrap().is_alive());
    // A connection that was closed doesn't come back.
    controller.clone().close().unwrap();
    match Tor::global() {
        Err(error) => assert!(error.get::<NoTorError>().is_some(), "{error}"),
        // A tor that runs at one of the usual SOCKS ports is used.
        Ok(tor) => assert_eq!(tor.mode(), TorMode::SocksOnly),
    }
}
