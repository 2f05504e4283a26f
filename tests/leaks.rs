//! Checks that nothing bypasses tor: no name is resolved locally, no proxy of
//! the environment is used, and the program connects only to tor's own ports.
//! The test runs a program that uses the library under strace, which shows
//! every system call.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/audit.rs"]
mod audit;
#[path = "support/exit_world.rs"]
mod exit_world;

use std::env;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use audit::Audit;
use exit_world::ExitWorld;
use scape::testing::ScriptedTor;
use scape::transport::Address;
use scape::{Connect, Tor, TorClient};

const SOON: Duration = Duration::from_secs(30);
/// The environment variables that tell the audited process its ports.
const SOCKS: &str = "SCAPE_TEST_SOCKS";
const CONTROL: &str = "SCAPE_TEST_CONTROL";
/// A host name that no local resolver may be asked for.
const NAME: &str = "name.scape-test.example";

/// A proxy that records if a program connects to it, which would be a leak.
struct Trap {
    address: String,
    sprung: Arc<AtomicBool>,
}

impl Trap {
    fn set() -> Trap {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let sprung = Arc::new(AtomicBool::new(false));
        let seen = sprung.clone();
        thread::spawn(move || {
            for _ in listener.incoming().flatten() {
                seen.store(true, Ordering::SeqCst);
            }
        });
        Trap { address, sprung }
    }

    /// Returns environment variables that name this proxy in every way. The
    /// variables for hosts without a proxy (`NO_PROXY`) get the value
    /// `exceptions`.
    fn environment(&self, exceptions: &str) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"] {
            all.push((name, format!("http://{}", self.address)));
        }
        for name in ["all_proxy", "ALL_PROXY"] {
            all.push((name, format!("socks5://{}", self.address)));
        }
        for name in ["no_proxy", "NO_PROXY"] {
            all.push((name, exceptions.to_owned()));
        }
        all
    }
}

#[test]
fn no_connection_or_resolve_bypasses_tor() {
    if let Ok(socks) = env::var(SOCKS) {
        return use_everything(&socks, &env::var(CONTROL).unwrap());
    }
    // The environment may also define exceptions, for which some programs use
    // no proxy at all.
    for exceptions in ["", "*"] {
        let world = ExitWorld::start();
        let trap = Trap::set();
        let listeners = format!("\"{}\"", world.socks());
        let control =
            ScriptedTor::builder().info("net/listeners/socks", listeners).listen().unwrap();
        let allowed = [world.socks().to_string(), control.address().unwrap().to_string()];
        let mut environment = trap.environment(exceptions);
        environment.push((SOCKS, allowed[0].clone()));
        environment.push((CONTROL, allowed[1].clone()));
        let audit = Audit::of_test("no_connection_or_resolve_bypasses_tor", &environment);
        assert_eq!(audit.breaches(&allowed), [""; 0]);
        assert!(audit.connections() > 10, "{}", audit.connections());
        assert!(!trap.sprung.load(Ordering::SeqCst));
        // Names reached tor as names, and never as addresses that were resolved
        // locally.
        assert!(
            world
                .targets()
                .iter()
                .all(|target| target.ends_with(".example") || target.ends_with(".onion"))
        );
        assert!(world.targets().iter().any(|target| target == NAME), "{:?}", world.targets());
    }
}

/// Connects and looks up names in every way that the library has.
fn use_everything(socks: &str, control: &str) {
    let tors = [
        Tor::socks_only(socks.parse::<Address>().unwrap()),
        Tor::connect_with(&Connect::to(control).unwrap()),
    ];
    for tor in tors {
        let tor = tor.unwrap();
        let client = tor.client().unwrap().timeout(SOON);
        streams(&client);
        streams(&client.isolated());
        look_ups(&client);
        drop(tor.dial((NAME, 80)).unwrap());
        #[cfg(feature = "http")]
        pages(&client);
        #[cfg(feature = "https")]
        secured(&client);
    }
    let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
    for option in [format!("socksPort={}", port(socks)), format!("controlPort={}", port(control))] {
        drop(scape::dial(format!("tor:{NAME}:80:{option}:isolate=true").as_str()).unwrap());
    }
}

fn streams(client: &TorClient) {
    for target in [
        (NAME, 80),
        ("localhost.example", 8080),
        ("duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion", 80),
    ] {
        let mut stream = client.connect(target).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    }
    // These targets are refused without being resolved.
    for target in ["localhost:80", "127.0.0.1:80", "printer.local:631"] {
        assert!(client.connect(target).is_err());
    }
}

#[cfg(feature = "http")]
fn pages(client: &TorClient) {
    let agent = client.http().unwrap();
    for path in ["", "elsewhere"] {
        let mut page = agent.get(format!("http://{NAME}/{path}")).call().unwrap();
        assert_eq!(page.body_mut().read_to_string().unwrap(), "hello");
    }
    assert!(agent.get("http://localhost/").call().is_err());
}

/// Tries to connect with TLS in every way. The server doesn't support TLS, so
/// all attempts fail. The test only looks at the connections.
#[cfg(feature = "https")]
fn secured(client: &TorClient) {
    assert!(client.http().unwrap().get(format!("https://{NAME}/")).call().is_err());
    assert!(client.connect_tls((NAME, 443)).is_err());
    assert!(
        scape::dial(
            format!("tor:{NAME}:443:tls=true:socksPort={}", client.address().port().unwrap())
                .as_str()
        )
        .is_err()
    );
}

fn look_ups(client: &TorClient) {
    assert_eq!(client.dns_resolve(NAME).unwrap(), exit_world::ADDRESS);
    assert_eq!(client.dns_resolve_ptr(exit_world::ADDRESS).unwrap(), exit_world::HOST);
    assert!(client.dns_resolve("bücher.example").is_err());
}

/// Checks that `Tor::find`, `Tor::global` and `connect` search only on this
/// machine if no tor is running.
#[test]
fn search_for_a_tor_stays_on_this_machine() {
    if env::var_os(SOCKS).is_some() {
        assert!(Tor::find().is_err());
        assert!(Tor::global().is_err());
        assert!(scape::connect().is_err());
        return;
    }
    // No tor program is found either, so none is launched.
    let environment = [(SOCKS, "none".to_owned()), ("SCAPE_TOR", "/nonexistent/tor".to_owned())];
    let audit = Audit::of_test("search_for_a_tor_stays_on_this_machine", &environment);
    assert_eq!(audit.breaches_of_this_machine(), [""; 0]);
    assert!(audit.connections() > 3, "{}", audit.connections());
}

/// Checks that the audit finds a leak. Otherwise, the other tests couldn't
/// fail.
#[test]
fn audit_detects_a_leak() {
    if env::var_os(SOCKS).is_some() {
        let _ = (NAME, 80).to_socket_addrs();
        let _ = std::net::TcpStream::connect(env::var(CONTROL).unwrap());
        return;
    }
    let trap = Trap::set();
    let audit = Audit::of_test(
        "audit_detects_a_leak",
        &[(SOCKS, "127.0.0.1:1".into()), (CONTROL, trap.address.clone())],
    );
    let breaches = audit.breaches(&["127.0.0.1:1".to_owned()]).join("\n");
    assert!(breaches.contains("resolv.conf"), "{breaches}");
    assert!(breaches.contains(trap.address.rsplit(':').next().unwrap()), "{breaches}");
}
