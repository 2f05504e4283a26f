//! TLS over the SOCKS port of a server that pretends to be tor, with and
//! without HTTP.
#![cfg(feature = "https")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use scape::Error;
use scape::control::ArgumentError;
use scape::http::{AgentBuilder, tor_error, ureq};
use scape::tls::{TlsError, TlsProblem, TlsSettings, TlsStream};
use support::tls_server::{CA, EXPIRED, ONION, OTHER_CA, SERVER, accept, config};
use support::web::{SOON, Web, http, ok, until_the_end};

/// Starts an HTTPS server with this certificate. It answers each request with
/// the server name in the TLS handshake, followed by the path.
fn server(certificate: &'static str) -> Web {
    let config = config(certificate, &["two", "one"]);
    Web::start(move |_, stream| {
        let Ok(mut tls) = accept(&config, stream) else {
            // If the connection were closed with unread data, the alert would
            // be lost. So only the writing side is shut down.
            stream.shutdown_write()?;
            return until_the_end(stream);
        };
        let name = tls.conn.server_name().map(str::to_owned);
        http(&mut tls, |head| ok(format!("{} {}", name.as_deref().unwrap_or("-"), head.path)))
    })
}

fn ours() -> TlsSettings {
    TlsSettings::new().add_roots_pem(CA).unwrap()
}

fn dial(web: &Web, host: &str, settings: &TlsSettings) -> Result<TlsStream, Error> {
    let stream = web.proxy().connect((host, 443)).unwrap();
    TlsStream::connect(stream, host, settings, SOON)
}

fn problem(result: Result<TlsStream, Error>) -> TlsError {
    let error = result.unwrap_err();
    error.get::<TlsError>().unwrap_or_else(|| panic!("{error:?}")).clone()
}

const REQUEST: &[u8] = b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n";

fn ask(stream: &mut TlsStream) -> String {
    stream.write_all(REQUEST).unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"/x") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap().split("\r\n\r\n").nth(1).unwrap().to_owned()
}

#[test]
fn tls_trusts_the_right_authority() {
    let web = server(SERVER);
    for settings in [ours(), ours().only_added_roots(), ours().add_roots_pem(OTHER_CA).unwrap()] {
        for (host, told) in [
            ("example.com", "example.com"),
            ("Example.COM", "example.com"),
            (ONION, ONION),
            ("192.0.2.1", "-"),
        ] {
            let mut stream = dial(&web, host, &settings).unwrap();
            assert_eq!(ask(&mut stream), format!("{told} /x"));
            assert!(stream.peer_certificate().unwrap().len() > 100);
            assert_eq!(stream.alpn(), None);
            let tcp = stream.get_ref().as_tcp().unwrap();
            assert_eq!((tcp.read_timeout().unwrap(), tcp.write_timeout().unwrap()), (None, None));
            stream.close().unwrap();
        }
    }
}

#[test]
fn tls_refuses_certificates_of_other_authorities() {
    let web = server(SERVER);
    let other = TlsSettings::new().add_roots_pem(OTHER_CA).unwrap();
    for settings in [TlsSettings::new(), other.clone(), other.only_added_roots()] {
        let error = problem(dial(&web, "example.com", &settings));
        assert!(
            matches!(error.problem(), TlsProblem::UnknownIssuer) && error.is_certificate(),
            "{error}"
        );
        assert_eq!(error.host(), "example.com");
    }
    for host in ["www.example.com", "example.org", "192.0.2.2", &ONION.replace("2gzy", "2gzz")] {
        let error = problem(dial(&web, host, &ours()));
        assert!(
            matches!(error.problem(), TlsProblem::WrongName(_)) && error.is_certificate(),
            "{error}"
        );
    }
    let error = problem(dial(&server(EXPIRED), "example.com", &ours()));
    assert!(
        matches!(error.problem(), TlsProblem::NotValidNow(_)) && error.is_certificate(),
        "{error}"
    );
}

#[test]
fn tls_with_a_server_that_speaks_no_tls_fails() {
    let web = Web::start(|_, mut stream| {
        stream.write_all(b"220 mail.example ESMTP\r\n")?;
        until_the_end(stream)
    });
    let error = problem(dial(&web, "example.com", &ours()));
    assert!(
        matches!(error.problem(), TlsProblem::Protocol(_)) && !error.is_certificate(),
        "{error}"
    );

    let web = Web::start(|_, stream| stream.shutdown());
    let error = problem(dial(&web, "example.com", &ours()));
    assert!(matches!(error.problem(), TlsProblem::Io(_)), "{error}");
    assert!(io::Error::from(Error::from(error)).kind() == io::ErrorKind::UnexpectedEof);

    for host in ["", "a b", "exa_mple..com"] {
        let stream = web.proxy().connect(("example.com", 443)).unwrap();
        let error = problem(TlsStream::connect(stream, host, &ours(), SOON));
        assert!(matches!(error.problem(), TlsProblem::Argument(_)), "{error}");
    }
}

#[test]
fn stalled_tls_handshake_runs_into_the_timeout() {
    let web = Web::start(|_, stream| until_the_end(stream));
    let stream = web.proxy().connect(("example.com", 443)).unwrap();
    let begun = Instant::now();
    let error =
        TlsStream::connect(stream, "example.com", &ours(), Duration::from_millis(100)).unwrap_err();
    assert!(error.is_timeout() && begun.elapsed() < SOON, "{error}");
    assert!(error.to_string().contains("TLS handshake"), "{error}");
}

#[test]
fn tls_negotiates_the_protocol() {
    let web = server(SERVER);
    let stream = dial(&web, "example.com", &ours().alpn(["one", "two"]).unwrap()).unwrap();
    assert!(matches!(stream.alpn(), Some(b"one" | b"two")));
    let error = problem(dial(&web, "example.com", &ours().alpn(["three"]).unwrap()));
    assert!(matches!(error.problem(), TlsProblem::Refused(_)), "{error:?}");
}

#[test]
fn tls_distinguishes_an_end_from_a_truncated_connection() {
    for told in [false, true] {
        let config = config(SERVER, &[]);
        let web = Web::start(move |_, stream| {
            let mut tls = accept(&config, stream)?;
            tls.write_all(b"all of it")?;
            if told {
                tls.conn.send_close_notify();
                tls.flush()?;
            }
            stream.shutdown_write()?;
            until_the_end(stream)
        });
        let mut stream = dial(&web, "example.com", &ours()).unwrap();
        let mut text = Vec::new();
        let end = stream.read_to_end(&mut text);
        assert_eq!(text, b"all of it");
        match told {
            true => assert_eq!(end.unwrap(), 9),
            false => assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof),
        }
    }
}

#[test]
fn tls_close_is_sent_to_the_peer() {
    for close in [false, true] {
        let config = config(SERVER, &[]);
        let (tell, told) = std::sync::mpsc::channel();
        let web = Web::start(move |_, stream| {
            let mut tls = accept(&config, stream)?;
            let mut text = String::new();
            let end = tls.read_to_string(&mut text).map_err(|error| error.kind());
            let _ = tell.send((text, end));
            Ok(())
        });
        let mut stream = dial(&web, "example.com", &ours()).unwrap();
        stream.write_all(b"bye").unwrap();
        if close {
            stream.close().unwrap();
        } else {
            drop(stream);
        }
        assert_eq!(told.recv_timeout(SOON).unwrap(), ("bye".to_owned(), Ok(3)));
    }
}

#[test]
fn tls_shutdown_wakes_the_reader() {
    let config = config(SERVER, &[]);
    let web = Web::start(move |_, stream| {
        let _tls = accept(&config, stream)?;
        until_the_end(stream)
    });
    let mut stream = dial(&web, "example.com", &ours()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let late = stream.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(late, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
    stream.set_read_timeout(Some(SOON)).unwrap();
    let other = stream.get_ref().try_clone().unwrap();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| stream.read(&mut [0]));
        other.shutdown(Shutdown::Both).unwrap();
        assert!(reading.join().unwrap().is_err());
    });
}

fn get(agent: &ureq::Agent, url: &str) -> Result<String, ureq::Error> {
    agent.get(url).call()?.body_mut().read_to_string()
}

#[test]
fn https_is_verified_for_every_host() {
    let web = server(SERVER);
    let agent = AgentBuilder::new(web.proxy()).tls(ours()).build().unwrap();
    for _ in 0..3 {
        assert_eq!(get(&agent, "https://example.com/a").unwrap(), "example.com /a");
    }
    assert_eq!(web.asked().len(), 1, "over one connection");
    assert_eq!((web.asked()[0].kind, web.asked()[0].port), (3, 443));
    assert_eq!(get(&agent, &format!("https://{ONION}:8443/b")).unwrap(), format!("{ONION} /b"));
    assert_eq!(web.asked()[1].port, 8443);

    let tls = |error: &ureq::Error| {
        let tls = tor_error(error).and_then(Error::get::<TlsError>);
        tls.unwrap_or_else(|| panic!("{error:?}")).problem().clone()
    };
    let error = get(&agent, "https://www.example.com/").unwrap_err();
    assert!(matches!(tls(&error), TlsProblem::WrongName(_)), "{error}");
    let wrong = TlsSettings::new().add_roots_pem(OTHER_CA).unwrap();
    for agent in [AgentBuilder::new(web.proxy()), AgentBuilder::new(web.proxy()).tls(wrong)] {
        let error = get(&agent.build().unwrap(), &format!("https://{ONION}/")).unwrap_err();
        assert!(matches!(tls(&error), TlsProblem::UnknownIssuer), "{error}");
    }
    let nobody = AgentBuilder::new(web.proxy()).tls(TlsSettings::new().only_added_roots());
    assert!(nobody.build().unwrap_err().get::<ArgumentError>().is_some());
}

#[test]
fn a_request_cannot_turn_verification_off() {
    let web = server(SERVER);
    let agent = AgentBuilder::new(web.proxy()).build().unwrap();
    let off = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    let error =
        agent.get("https://example.com/").config().tls_config(off).build().call().unwrap_err();
    assert!(tor_error(&error).unwrap().get::<TlsError>().is_some(), "{error:?}");
}

#[test]
fn https_keeps_its_deadlines() {
    let short = Duration::from_millis(100);
    let silent = Web::start(|_, stream| until_the_end(stream));
    let agent = AgentBuilder::new(silent.proxy()).tls(ours()).stall_timeout(short).build().unwrap();
    let error = get(&agent, "https://example.com/").unwrap_err();
    assert!(matches!(error, ureq::Error::Timeout(ureq::Timeout::PerRead)), "{error:?}");
    let agent = AgentBuilder::new(silent.proxy()).tls(ours()).timeout(short).build().unwrap();
    let error = get(&agent, "https://example.com/").unwrap_err();
    assert!(matches!(error, ureq::Error::Timeout(ureq::Timeout::Global)), "{error:?}");

    let config = config(SERVER, &[]);
    let mute = Web::start(move |_, stream| {
        let _tls = accept(&config, stream)?;
        until_the_end(stream)
    });
    let agent = AgentBuilder::new(mute.proxy())
        .tls(ours())
        .stall_timeout(Duration::from_millis(500))
        .build();
    let error = get(&agent.unwrap(), "https://example.com/").unwrap_err();
    assert!(matches!(error, ureq::Error::Timeout(ureq::Timeout::PerRead)), "{error:?}");
}
