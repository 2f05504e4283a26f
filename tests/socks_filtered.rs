//! Finding SOCKS ports that the control port doesn't list, and checking that
//! such a port belongs to tor.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::env;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use scape::socks::SocksError;
use scape::testing::ScriptedTor;
use scape::tor::{NoSocksPortError, SocksPort, TorMode};
use scape::transport::Address;
use scape::word::CircuitId;
use scape::{CancelToken, Connect, Tor};

const LONG: Duration = Duration::from_secs(20);
/// The environment variable that marks a child process. A test runs itself in a
/// child process because it needs another environment.
const CHILD: &str = "SCAPE_TEST_CHILD";

/// The reply to RESOLVE of a tor port without special flags.
const ANSWER: &[u8] = b"\x05\0\0\x01\xc0\0\x02\x01\0\0";
/// The reply to RESOLVE of a tor port with OnionTrafficOnly or NoIPv4Traffic.
const FAILED: &[u8] = b"\x05\x04\0\0\0\0\0\0\0\0";
/// The reply to RESOLVE of a tor with `SafeSocks 1`.
const NOT_ALLOWED: &[u8] = b"\x05\x02\0\x01\0\0\0\0\0\0";
/// The reply to RESOLVE of a SOCKS proxy other than tor.
const UNKNOWN_COMMAND: &[u8] = b"\x05\x07\0\x01\0\0\0\0\0\0";

/// The beginning of tor's answer to an HTTP request at its SOCKS port.
const TOR_HTTP: &[u8] =
    b"HTTP/1.0 501 Tor is not an HTTP Proxy\r\nContent-Type: text/html\r\n\r\n<html>";

/// A SOCKS port that answers RESOLVE and HTTP as the test requires. It accepts
/// connections and sends `hello` on them.
struct FakePort {
    resolve: Mutex<&'static [u8]>,
    http: &'static [u8],
    asked_by_http: AtomicUsize,
}

impl FakePort {
    fn start(listener: TcpListener, resolve: &'static [u8], http: &'static [u8]) -> Arc<FakePort> {
        let port = Arc::new(FakePort {
            resolve: Mutex::new(resolve),
            http,
            asked_by_http: AtomicUsize::new(0),
        });
        let served = port.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // An error only means that the client has closed the
                // connection.
                let _ = served.serve(&mut stream);
            }
        });
        port
    }

    fn serve(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(LONG))?;
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting)?;
        if greeting == *b"GET" {
            self.asked_by_http.fetch_add(1, Ordering::SeqCst);
            // Read the whole request, because closing the connection with
            // unread data could discard the answer.
            stream.read_exact(&mut [0; 15])?;
            return stream.write_all(self.http);
        }
        stream.write_all(b"\x05\0")?;
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let rest = if head[3] == 1 { 5 } else { usize::from(head[4]) + 2 };
        stream.read_exact(&mut vec![0; rest])?;
        let resolve = *self.resolve.lock();
        stream.write_all(if head[1] == 0xF0 { resolve } else { b"\x05\0\0\x01\0\0\0\0\0\0hello" })
    }

    fn asked_by_http(&self) -> usize {
        self.asked_by_http.load(Ordering::SeqCst)
    }
}

fn any_port() -> (Address, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (Address::from(listener.local_addr().unwrap()), listener)
}

#[test]
fn socks_port_with_restrictive_flags_is_recognized_as_tors() {
    for (resolve, by_http) in [(ANSWER, 0), (FAILED, 1), (NOT_ALLOWED, 1)] {
        let (address, listener) = any_port();
        let asked = FakePort::start(listener, resolve, TOR_HTTP);
        let tor = Tor::socks_only(address).unwrap();
        // tor logs a warning about HTTP, so HTTP is only tried if needed.
        assert_eq!(asked.asked_by_http(), by_http);
        assert!(tor.is_ready().unwrap());
        tor.become_ready(LONG).unwrap();
    }
}

#[test]
fn other_proxy_is_not_taken_for_tors_socks_port() {
    for (resolve, http, by_http) in [
        (UNKNOWN_COMMAND, TOR_HTTP, 0),
        (FAILED, &b"HTTP/1.0 400 Bad Request\r\n\r\n"[..], 1),
        (FAILED, b"HTTP/1.0 501 Tor is", 1),
        (NOT_ALLOWED, b"", 1),
    ] {
        let (address, listener) = any_port();
        let asked = FakePort::start(listener, resolve, http);
        let error = Tor::socks_only(address).unwrap_err();
        assert!(error.get::<SocksError>().is_some(), "{error}");
        assert_eq!(asked.asked_by_http(), by_http, "{error}");
    }
}

#[test]
fn silent_socks_port_is_given_up_at_the_deadline_or_when_cancelled() {
    let (address, _listener) = any_port();
    let token = CancelToken::new();
    let brief = Duration::from_millis(300);
    let error = Tor::socks_only_cancel_with(address.clone(), brief, &token).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let stop = token.clone();
    let cancelling = thread::spawn(move || {
        thread::sleep(brief);
        stop.cancel();
    });
    // Without the token, this would wait until the deadline.
    let error = Tor::socks_only_cancel_with(address, LONG, &token).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    cancelling.join().unwrap();
}

/// Returns a scripted control port behind a filter that allows nothing.
fn filtered() -> ScriptedTor {
    ScriptedTor::builder()
        .on_any(|line| {
            let allowed = ["PROTOCOLINFO", "AUTHENTICATE", "QUIT"]
                .iter()
                .any(|command| line.starts_with(command));
            (!allowed).then(|| b"510 Command filtered\r\n".to_vec())
        })
        .listen()
        .unwrap()
}

#[test]
fn usual_socks_ports_are_used_behind_a_filter_that_hides_ports() {
    if env::var_os(CHILD).is_some() {
        return use_tor_behind_a_filter();
    }
    // These ports exist once on the machine, so a single test does everything
    // that needs them.
    let free =
        [9050, 9150].into_iter().find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    let listener = free.expect("one of tor's usual SOCKS ports is free on this machine");
    let address = Address::from(listener.local_addr().unwrap());
    let port = FakePort::start(listener, UNKNOWN_COMMAND, b"");
    let scripted = filtered();
    let control = scripted.address().unwrap().clone();
    let tor = || Tor::connect_with(&Connect::to(&control).unwrap().timeout(LONG)).unwrap();

    // Another proxy is at the port.
    let error = tor().client().unwrap_err();
    let Some(NoSocksPortError::Hidden { attempts, .. }) = error.get() else { panic!("{error}") };
    assert_eq!(attempts.len(), 2, "{error}");
    for part in ["510 Command filtered", "127.0.0.1:9050", "127.0.0.1:9150", "SocksPort::at"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(error.code(), Some(510));
    assert_eq!(tor().is_ready().unwrap_err().code(), Some(510));
    assert_eq!(tor().become_ready(LONG).unwrap_err().code(), Some(510));

    // tor is at the port.
    *port.resolve.lock() = ANSWER;
    let tor = tor();
    assert_eq!(*tor.client().unwrap().address(), address);
    assert!(tor.is_ready().unwrap());
    tor.become_ready(LONG).unwrap();
    assert_eq!(said(tor.dial(("example.com", 80)).unwrap()), "hello");
    let endpoint =
        format!("tor:example.com:80:controlPort={}", control.to_string().replace(':', r"\:"));
    assert_eq!(said(scape::dial(endpoint.as_str()).unwrap()), "hello");
    // The library doesn't guess a port whose options are hidden, or a port
    // whose streams must be attached.
    for port in
        [SocksPort::with_options(["IsolateDestAddr"]), SocksPort::added(["IsolateDestAddr"])]
    {
        assert_eq!(tor.client_on(&port).unwrap_err().code(), Some(510));
    }
    assert_eq!(tor.client().unwrap().via(CircuitId::new(7)).unwrap_err().code(), Some(510));

    in_a_child(
        "usual_socks_ports_are_used_behind_a_filter_that_hides_ports",
        &[("SCAPE_CONTROL", control.to_string())],
    );

    // tor has gone, and another proxy has the port.
    *port.resolve.lock() = UNKNOWN_COMMAND;
    assert_eq!(tor.is_ready().unwrap_err().code(), Some(510));
    assert_eq!(tor.client().unwrap_err().code(), Some(510));
    *port.resolve.lock() = ANSWER;
    assert!(tor.is_ready().unwrap());
}

/// Runs the test with this name in a child process with these environment
/// variables.
fn in_a_child(test: &str, variables: &[(&str, String)]) {
    let mut command = Command::new(env::current_exe().unwrap());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("TOR_") || name == "SCAPE_CONTROL" {
            command.env_remove(name);
        }
    }
    command.args([test, "--exact", "--nocapture"]).env(CHILD, "1");
    // If no tor is found, `Tor::global` must not launch one, because it would
    // be on the public network.
    command.env("SCAPE_TOR", "/nonexistent/tor");
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn host_and_port(address: &Address, kind: &str) -> [(&'static str, String); 2] {
    let port = address.port().unwrap().to_string();
    match kind {
        "control" => [("TOR_CONTROL_HOST", "127.0.0.1".into()), ("TOR_CONTROL_PORT", port)],
        _ => [("TOR_SOCKS_HOST", "127.0.0.1".into()), ("TOR_SOCKS_PORT", port)],
    }
}

#[test]
fn socks_port_of_the_environment_is_used_behind_a_filter() {
    if env::var_os(CHILD).is_some() {
        use_tor_behind_a_filter();
        let named = env::var("TOR_SOCKS_PORT").unwrap();
        let tor = Tor::find().unwrap();
        assert_eq!(tor.client().unwrap().address().port().unwrap().to_string(), named);
        // A port whose streams must be attached must certainly belong to this
        // tor.
        assert_eq!(tor.client().unwrap().via(CircuitId::new(7)).unwrap_err().code(), Some(510));
        return;
    }
    let (address, listener) = any_port();
    let _port = FakePort::start(listener, ANSWER, b"");
    let scripted = filtered();
    let variables =
        [host_and_port(scripted.address().unwrap(), "control"), host_and_port(&address, "socks")]
            .concat();
    in_a_child("socks_port_of_the_environment_is_used_behind_a_filter", &variables);
}

#[test]
fn socks_port_of_the_environment_is_used_without_a_control_port() {
    if env::var_os(CHILD).is_some() {
        let named = env::var("TOR_SOCKS_PORT").unwrap();
        for tor in [Tor::find().unwrap(), Tor::global().unwrap()] {
            assert_eq!(tor.mode(), TorMode::SocksOnly);
            assert_eq!(tor.client().unwrap().address().port().unwrap().to_string(), named);
        }
        assert_eq!(said(scape::dial("tor:example.com:80").unwrap()), "hello");
        return;
    }
    let (address, listener) = any_port();
    let _port = FakePort::start(listener, ANSWER, b"");
    // Nothing listens at the control port.
    let (control, _) = any_port();
    let variables = [host_and_port(&control, "control"), host_and_port(&address, "socks")].concat();
    in_a_child("socks_port_of_the_environment_is_used_without_a_control_port", &variables);
}

#[test]
fn socks_port_of_the_environment_is_not_used_for_another_tor() {
    if env::var_os(CHILD).is_some() {
        // A control port that is named in another way may belong to another
        // tor.
        let named = env::var("TOR_SOCKS_PORT").unwrap();
        let control = env::var("SCAPE_CONTROL").unwrap();
        for tor in [
            Tor::connect().unwrap(),
            Tor::connect_with(&Connect::to(control.as_str()).unwrap()).unwrap(),
        ] {
            match tor.client() {
                Ok(client) => assert_ne!(client.address().port().unwrap().to_string(), named),
                Err(error) => assert_eq!(error.code(), Some(510), "{error}"),
            }
        }
        return;
    }
    let (address, listener) = any_port();
    let _port = FakePort::start(listener, ANSWER, b"");
    let scripted = filtered();
    let mut variables = host_and_port(&address, "socks").to_vec();
    variables.push(("SCAPE_CONTROL", scripted.address().unwrap().to_string()));
    in_a_child("socks_port_of_the_environment_is_not_used_for_another_tor", &variables);
}

/// Finds tor and connects through it. This runs in a child process with an
/// environment that names the control port.
fn use_tor_behind_a_filter() {
    let found = Tor::find().unwrap();
    assert_eq!(found.mode(), TorMode::Control);
    assert_eq!(said(found.dial(("example.com", 80)).unwrap()), "hello");
    assert_eq!(said(scape::dial("tor:example.com:80").unwrap()), "hello");
    let global = Tor::global().unwrap();
    assert_eq!(global.mode(), TorMode::Control);
    assert!(global.is_ready().unwrap());
    assert_eq!(said(global.dial(("example.com", 80)).unwrap()), "hello");
}

fn said(mut stream: impl Read) -> String {
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}
