//! The choice of a SOCKS port, with scripted answers of a tor that has several.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};

use scape::control::Caching;
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::tor::{NoSocksPortError, SocksPort};
use scape::transport::Address;
use scape::word::CircuitId;
use scape::{Connect, Controller, Tor};

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Returns a tor with these `SocksPort` lines and listeners.
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

#[test]
fn named_port_of_another_tor_cannot_be_bound_to_a_circuit() {
    let ((_one, one), (_other, other)) = (listener(), listener());
    // tor lists its control port, or a port in its container.
    for is_direct in [true, false] {
        let control = Arc::new(OnceLock::new());
        let for_tor = control.clone();
        let scripted = tor(&[one.to_string()], &[one])
            .on_any(move |line| {
                let address: &String = for_tor.get()?;
                (line == "GETINFO net/listeners/control").then(|| {
                    format!("250-net/listeners/control=\"{address}\"\r\n250 OK\r\n").into()
                })
            })
            .listen()
            .unwrap();
        let address = scripted.address().unwrap().clone();
        control
            .set(if is_direct { address.to_string() } else { "172.17.0.2:9051".to_owned() })
            .unwrap();
        let tor = Tor::connect_with(&Connect::to(&address).unwrap()).unwrap();
        let via = |at: SocketAddr| {
            let client = tor.client_on(&SocksPort::at(at)).unwrap();
            client.via(CircuitId::new(7)).unwrap_err()
        };
        let is_other = |at| matches!(via(at).get(), Some(NoSocksPortError::OtherTor { .. }));
        // The call fails later, because nothing else is scripted.
        assert_eq!((is_other(one), is_other(other)), (false, is_direct));
    }
}
