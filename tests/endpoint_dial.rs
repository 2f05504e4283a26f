//! Dialing `tor:` endpoints: which tor is used, with which credentials, and
//! that nothing happens before.
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

/// What a SOCKS port was asked: the credentials' message (empty without), and
/// the request.
type Asked = (Vec<u8>, Vec<u8>);

/// A SOCKS port that answers every look-up as tor does, and says `hello` on
/// every connection, as long as the test runs.
fn socks_port() -> (SocketAddr, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, heard) = unbounded();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One that is connected to only to see whether it can be says
            // nothing.
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

/// A tor whose only SOCKS port is this.
fn tor_with(socks: SocketAddr) -> ScriptedTor {
    ScriptedTor::builder().info("net/listeners/socks", format!("\"{socks}\"")).listen().unwrap()
}

fn escaped(address: impl ToString) -> String {
    address.to_string().replace(':', r"\:")
}

#[test]
fn a_named_socks_port_is_used_alone() {
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
fn credentials_are_those_of_the_endpoint_or_fresh() {
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
fn a_named_control_port_tells_the_socks_port() {
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
fn without_either_it_is_the_tor_of_the_program() {
    let (socks, asked) = socks_port();
    let scripted = tor_with(socks);
    let tor = Tor::connect_with(&scape::Connect::to(scripted.address().unwrap()).unwrap()).unwrap();
    tor.set_global();
    assert_eq!(said(scape::dial("tor:example.com:80").unwrap()), "hello");
    asked.recv_timeout(LONG).unwrap();
    // The tor that is given, whatever the endpoint names.
    let elsewhere = ClientEndpoint::new("example.com", 80).unwrap().control_port(1);
    assert_eq!(said(elsewhere.dial_through(&tor).unwrap()), "hello");
}

#[test]
fn a_private_address_is_allowed_or_not() {
    let (address, asked) = socks_port();
    let endpoint = ClientEndpoint::new("127.0.0.1", 80).unwrap().socks_port(address);
    let error = endpoint.dial().unwrap_err();
    assert!(error.get::<SocksError>().is_some(), "{error}");
    assert!(error.to_string().contains("private"), "{error}");
    assert!(asked.is_empty());
    assert_eq!(said(endpoint.allow_private().dial().unwrap()), "hello");
}

#[test]
fn nothing_happens_before_dialing() {
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
fn who_speaks_no_tls_is_not_the_host() {
    let (address, asked) = socks_port();
    let endpoint =
        ClientEndpoint::new("example.com", 443).unwrap().socks_port(address).tls().timeout(LONG);
    let error = endpoint.dial().unwrap_err();
    assert!(error.get::<TlsError>().is_some(), "{error}");
    asked.recv_timeout(LONG).unwrap();
}

#[test]
fn an_endpoint_of_the_other_kind_is_refused() {
    let error = scape::dial("onion:80").unwrap_err();
    let problem = error.get().map(EndpointError::problem);
    assert_eq!(problem, Some(&EndpointProblem::OtherKind { needed: "tor" }));
    let endpoint: scape::Endpoint = "onion:80".parse().unwrap();
    assert!(scape::dial(endpoint).unwrap_err().get::<EndpointError>().is_some());
}

#[test]
fn the_timeout_is_kept() {
    // It accepts, is tor at first, and never answers a connection.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        answer(listener.accept().unwrap().0).unwrap();
        // Tried, whether it can be connected to, and then asked.
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
