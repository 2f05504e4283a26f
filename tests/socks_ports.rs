//! The choice of a SOCKS port, with a scripted tor that has several.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use scape::control::Caching;
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::tor::{NoSocksPortError, SocksPort};
use scape::transport::Address;
use scape::{Controller, Tor};

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Returns a builder of a scripted tor with these `SocksPort` lines and
/// listeners.
fn tor(lines: &[String], listeners: &[SocketAddr]) -> ScriptedTorBuilder {
    let lines: String = lines.iter().map(|line| format!("250-SocksPort={line}\r\n")).collect();
    let listeners: Vec<String> = listeners.iter().map(|at| format!("\"{at}\"")).collect();
    ScriptedTor::builder()
        .on_prefix("GETCONF SocksPort", format!("{lines}250 __SocksPort\r\n"))
        .on_prefix("SETEVENTS", "250 OK\r\n")
        .on_prefix("SETCONF", "250 OK\r\n")
        .info("net/listeners/socks", listeners.join(" "))
}

fn connect(tor: &ScriptedTor) -> Tor {
    Tor::from(Controller::from_authenticated(tor.transport().unwrap()).unwrap())
}

fn changes(tor: &ScriptedTor) -> Vec<String> {
    tor.sent().into_iter().filter(|line| line.starts_with("SETCONF")).collect()
}

#[test]
fn port_that_tor_does_not_listen_on_is_not_added_again() {
    // With `DisableNetwork 1`, tor has no listeners.
    let lines = ["9050", "auto IsolateDestAddr", "unix:/run/socks"].map(str::to_owned);
    let scripted = tor(&lines, &[]).start().unwrap();
    let tor = connect(&scripted);
    for port in [SocksPort::added(["IsolateDestAddr"]), SocksPort::added_unix("/run/socks")] {
        let error = tor.client_on(&port).unwrap_err();
        assert!(matches!(error.get(), Some(NoSocksPortError::None)), "{error}");
        assert_eq!(changes(&scripted), [""; 0]);
    }
    // A port that isn't configured is added.
    assert!(tor.client_on(&SocksPort::added(["IsolateDestPort"])).is_err());
    assert_eq!(changes(&scripted).len(), 1);
}

#[test]
fn port_is_added_to_a_tor_that_has_none() {
    for none in ["0", "00"] {
        let scripted = tor(&[none.to_owned()], &[]).start().unwrap();
        assert!(connect(&scripted).client_on(&SocksPort::added([""; 0])).is_err());
        let changes = changes(&scripted);
        assert!(changes.len() == 1 && changes[0].contains("__SocksPort=\"auto\""), "{changes:?}");
        assert!(!changes[0].contains("SocksPort=\"0"), "{changes:?}");
    }
}

#[test]
fn options_are_not_taken_from_the_cache_before_all_are_written_back() {
    let (_listener, at) = listener();
    let scripted = tor(&[at.to_string()], &[at]).start().unwrap();
    let tor = connect(&scripted);
    let controller = tor.controller().unwrap();
    controller.set_caching(Caching::Configuration).unwrap();
    let asked = || scripted.sent().iter().filter(|line| line.starts_with("GETCONF Socks")).count();
    for _ in 0..2 {
        controller.get_conf_lines(["SocksPort", "__SocksPort"]).unwrap();
    }
    assert_eq!(asked(), 1);
    // Another controller may have changed the options a moment ago.
    let _ = tor.client_on(&SocksPort::added(["IsolateDestPort"]));
    assert_eq!((asked(), changes(&scripted).len()), (2, 1));
}

#[test]
fn port_that_ignores_credentials_is_used_only_if_there_is_no_other() {
    let ((_one, one), (_other, other)) = (listener(), listener());
    let lines = [format!("{one} NoIsolateSOCKSAuth"), other.to_string()];
    let scripted = tor(&lines, &[one, other]).start().unwrap();
    assert_eq!(*connect(&scripted).client().unwrap().address(), Address::from(other));
    let scripted = tor(&lines, &[one]).start().unwrap();
    assert_eq!(*connect(&scripted).client().unwrap().address(), Address::from(one));
    // A filter hides the options.
    let scripted = tor(&lines, &[one, other])
        .on_prefix("GETCONF SocksPort", "510 Command filtered\r\n")
        .start()
        .unwrap();
    assert_eq!(*connect(&scripted).client().unwrap().address(), Address::from(one));
}
