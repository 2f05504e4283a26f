//! Dialing `tor:` endpoints: the choice of the tor and of the credentials.
//! Checks that nothing is sent before dialing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use scape::Tor;
use scape::endpoint::{ClientEndpoint, EndpointError, EndpointProblem};
use scape::socks::SocksError;
use scape::testing::ScriptedTor;
#[cfg(feature = "https")]
use scape::tls::TlsError;

const LONG: Duration = Duration::from_secs(20);
const RESOLVE: u8 = 0xF0;

/// A request to a SOCKS port: the message with the credentials, and the request
/// itself. The first is empty if there were no credentials.
type Asked = (Vec<u8>, Vec<u8>);

/// Serves a SOCKS port until the test process ends. It answers every RESOLVE
/// like tor, and sends `hello` on every other connection. Returns the port's
/// address, and a receiver for the requests other than RESOLVE.
fn socks_port() -> (SocketAddr, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, heard) = unbounded();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that only probes the port sends nothing.
            if let Ok((credentials, request)) = answer(stream)
                && request.get(1) != Some(&RESOLVE)
            {
                asked.send((credentials, request)).unwrap();
            }
        }
    });
    (address, heard)
}

fn bytes(stream: &mut TcpStream, count: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn answer(mut stream: TcpStream) -> std::io::Result<Asked> {
    stream.set_read_timeout(Some(LONG))?;
    let methods = bytes(&mut stream, 2)?[1];
    let methods = bytes(&mut stream, methods.into())?;
    let mut credentials = Vec::new();
    if methods.contains(&2) {
        stream.write_all(b"\x05\x02")?;
        for _ in 0..2 {
            let skip = usize::from(credentials.is_empty());
            let head = bytes(&mut stream, 1 + skip)?;
            let rest = bytes(&mut stream, head[skip].into())?;
            credentials.extend(rest);
            credentials.push(b'/');
        }
        stream.write_all(b"\x01\0")?;
    } else {
        stream.write_all(b"\x05\0")?;
    }
    let mut request = bytes(&mut stream, 4)?;
    let length = match request[3] {
        1 => 4,
        3 => {
            request.extend(bytes(&mut stream, 1)?);
            request[4].into()
        }
        _ => 16,
    };
    request.extend(bytes(&mut stream, length + 2)?);
    stream.write_all(b"\x05\0\0\x01\xc0\0\x02\x01\0\0")?;
    if request[1] != RESOLVE {
        stream.write_all(b"hello")?;
    }
    Ok((credentials, request))
}

fn said(mut stream: impl Read) -> String {
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

/// Returns a scripted tor that lists only this SOCKS port.
fn tor_with(socks: SocketAddr) -> ScriptedTor {
    ScriptedTor::builder().info("net/listeners/socks", format!("\"{socks}\"")).listen().unwrap()
}

fn escaped(address: impl ToString) -> String {
    address.to_string().replace(':', r"\:")
}

#[test]
fn dial_uses_only_the_named_socks_port() {
    let (address, asked) = socks_port();
    for text in [
        format!("tor:example.com:80:socksPort={}", escaped(address)),
        format!("tor:example.com:80:socksPort={}:timeout=20", address.port()),
        format!("tor:example.com:80:socksHostname=127.0.0.1:socksPort={}", address.port()),
    ] {
        let stream = scape::dial(text.as_str()).unwrap();
        assert!(!stream.is_tls());
        stream.set_read_timeout(Some(LONG)).unwrap();
        assert_eq!(said(stream), "hello");
        let (credentials, request) = asked.recv_timeout(LONG).unwrap();
        assert!(credentials.is_empty());
        assert_eq!(request, b"\x05\x01\0\x03\x0bexample.com\0\x50");
    }
}

#[test]
fn dial_uses_the_endpoints_credentials_or_fresh_ones() {
    let (address, asked) = socks_port();
    let endpoint = ClientEndpoint::new("a.example", 80).unwrap().socks_port(address);
    let dialed = |endpoint: &ClientEndpoint| {
        assert_eq!(said(scape::dial(endpoint).unwrap()), "hello");
        asked.recv_timeout(LONG).unwrap().0
    };
    let named = endpoint.clone().credentials("me", "sesame:open").unwrap();
    assert_eq!(
        (dialed(&named), dialed(&named)),
        (b"me/sesame:open/".to_vec(), b"me/sesame:open/".to_vec())
    );
    let fresh = endpoint.clone().isolate();
    let (first, second) = (dialed(&fresh), dialed(&fresh));
    assert!(!first.is_empty() && first != second);
    assert!(dialed(&endpoint).is_empty());
}

#[test]
fn dial_asks_the_named_control_port_for_the_socks_port() {
    let (socks, asked) = socks_port();
    let tor = tor_with(socks);
    let control = tor.address().unwrap();
    let text = format!("tor:[2001:db8::1]:81:controlPort={}", escaped(control));
    assert_eq!(said(scape::dial(text).unwrap()), "hello");
    assert_eq!(
        asked.recv_timeout(LONG).unwrap().1,
        b"\x05\x01\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x51"
    );
}

#[test]
fn dial_without_a_port_uses_the_global_tor() {
    let (socks, asked) = socks_port();
    let scripted = tor_with(socks);
    let tor = Tor::connect_with(&scape::Connect::to(scripted.address().unwrap()).unwrap()).unwrap();
    tor.set_global();
    assert_eq!(said(scape::dial("tor:example.com:80").unwrap()), "hello");
    asked.recv_timeout(LONG).unwrap();
    // The given tor is used, whatever the endpoint names.
    let elsewhere = ClientEndpoint::new("example.com", 80).unwrap().control_port(1);
    assert_eq!(said(elsewhere.dial_through(&tor).unwrap()), "hello");
}

#[test]
fn dial_refuses_private_addresses_unless_allowed() {
    let (address, asked) = socks_port();
    let endpoint = ClientEndpoint::new("127.0.0.1", 80).unwrap().socks_port(address);
    let error = endpoint.dial().unwrap_err();
    assert!(error.get::<SocksError>().is_some(), "{error}");
    assert!(error.to_string().contains("private"), "{error}");
    assert!(asked.is_empty());
    assert_eq!(said(endpoint.allow_private_addresses(true).dial().unwrap()), "hello");
}

#[test]
fn endpoint_connects_to_nothing_before_dialing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = escaped(listener.local_addr().unwrap());
    for option in ["controlPort", "socksPort"] {
        let endpoint: ClientEndpoint = format!("tor:a:1:{option}={address}").parse().unwrap();
        let _ = (endpoint.to_string(), endpoint.clone(), endpoint.expose());
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    for text in
        ["tor:a", "onion:80", "example.com:80", &format!("tor:a:1:socksPort={address}:timeout=0")]
    {
        assert!(scape::dial(text).unwrap_err().get::<EndpointError>().is_some(), "{text}");
    }
    #[cfg(not(feature = "https"))]
    {
        let error = scape::dial(format!("tor:a:1:tls=true:socksPort={address}")).unwrap_err();
        assert!(error.to_string().contains("feature https"), "{error}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
#[cfg(feature = "https")]
fn dial_with_tls_refuses_a_host_without_tls() {
    let (address, asked) = socks_port();
    let endpoint =
        ClientEndpoint::new("example.com", 443).unwrap().socks_port(address).tls().timeout(LONG);
    let error = endpoint.dial().unwrap_err();
    assert!(error.get::<TlsError>().is_some(), "{error}");
    asked.recv_timeout(LONG).unwrap();
}

#[test]
fn dial_refuses_an_onion_endpoint() {
    let error = scape::dial("onion:80").unwrap_err();
    let problem = error.get().map(EndpointError::problem);
    assert_eq!(problem, Some(&EndpointProblem::OtherKind { needed: "tor" }));
    let endpoint: scape::endpoint::Endpoint = "onion:80".parse().unwrap();
    assert!(scape::dial(endpoint).unwrap_err().get::<EndpointError>().is_some());
}

#[test]
fn dial_keeps_the_timeout_of_the_endpoint() {
    // The port accepts, looks like tor's at first, and never answers a
    // connection.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        answer(listener.accept().unwrap().0).unwrap();
        // The client probes the port first and sends a request then.
        let mut silent = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            stream.set_read_timeout(Some(LONG)).unwrap();
            let asked = (&stream).read(&mut [0]).unwrap_or(0) > 0;
            silent.push(stream);
            if asked {
                let mut rest = Vec::new();
                let _ = silent.pop().unwrap().read_to_end(&mut rest);
                return;
            }
        }
    });
    let begun = Instant::now();
    let endpoint = ClientEndpoint::new("a", 1)
        .unwrap()
        .socks_port(address)
        .timeout(Duration::from_millis(200));
    let error = endpoint.dial().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(begun.elapsed() < LONG);
    server.join().unwrap();
}
