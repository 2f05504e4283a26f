//! `SocksProxy` with a scripted port on loopback and on a Unix socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use scape::error::Phase;
use scape::socks::{Isolation, SocksError, SocksProblem, SocksProxy, Target, ToTarget};
use scape::transport::{Address, Transport};

const LONG: Duration = Duration::from_secs(20);

/// Opens a SOCKS port. A thread accepts one connection to it and does the
/// handshake: reads the greeting, sends `method`, reads `hear` bytes
/// (credentials, if there are any, and the request), and sends `reply`. Then
/// the thread sends back everything it receives. Returns the port's address and
/// the thread, which returns the bytes of the handshake that it read.
fn port(
    method: &'static [u8],
    hear: usize,
    reply: &'static [u8],
) -> (Address, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().into();
    (
        address,
        thread::spawn(move || serve(listener.accept().unwrap().0.into(), method, hear, reply)),
    )
}

fn serve(mut stream: Transport, method: &[u8], hear: usize, reply: &[u8]) -> Vec<u8> {
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut heard = vec![0; 3];
    stream.read_exact(&mut heard).unwrap();
    stream.write_all(method).unwrap();
    let mut rest = vec![0; hear];
    stream.read_exact(&mut rest).unwrap();
    heard.append(&mut rest);
    stream.write_all(reply).unwrap();
    let mut buffer = [0; 100];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    heard
}

#[test]
fn socks_stream_works_like_a_tcp_stream() {
    let (address, server) = port(b"\x05\0", 18, b"\x05\0\0\x01\0\0\0\0\0\0hello ");
    let proxy = SocksProxy::new(address).timeout(LONG);
    let mut stream = proxy.connect(("example.com", 80)).unwrap();
    let tcp = stream.as_tcp().unwrap();
    assert_eq!((tcp.read_timeout().unwrap(), tcp.write_timeout().unwrap()), (None, None));
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    let mut copy = stream.try_clone().unwrap();
    copy.write_all(b"world").unwrap();
    (&stream).write_all(b"!").unwrap();
    let mut text = [0; 12];
    stream.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"hello world!");
    copy.shutdown(Shutdown::Both).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert_eq!(server.join().unwrap(), b"\x05\x01\0\x05\x01\0\x03\x0bexample.com\0\x50");
}

#[test]
#[cfg(unix)]
fn socks_port_on_a_unix_socket_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socks");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        // tor's reply has an IPv6 address if the connection is not over IPv4.
        let reply = [b"\x05\0\0\x04", &[0; 18][..], b"hi"].concat();
        serve(listener.accept().unwrap().0.into(), b"\x05\x02\x01\0", 36 + 18, &reply)
    });
    let isolation = Isolation::random();
    let proxy = SocksProxy::new(path).timeout(LONG).isolation(isolation.clone());
    let mut stream = proxy.connect("example.com:80").unwrap();
    assert!(stream.as_unix().is_some() && stream.as_tcp().is_none());
    let mut text = [0; 2];
    stream.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"hi");
    drop(stream);
    let heard = server.join().unwrap();
    let credentials = [b"\x01\x20", isolation.user(), b"\x010"].concat();
    let wire = [b"\x05\x01\x02", &credentials[..], b"\x05\x01\0\x03\x0bexample.com\0\x50"].concat();
    assert_eq!(heard, wire);
}

#[test]
fn socks_proxy_resolves_names_and_addresses() {
    let (address, server) = port(b"\x05\0", 18, b"\x05\0\0\x01\xc0\0\x02\x01\0\0");
    let ip = SocksProxy::new(address).timeout(LONG).resolve("example.com").unwrap();
    assert_eq!(ip.to_string(), "192.0.2.1");
    assert_eq!(server.join().unwrap()[3..], *b"\x05\xf0\0\x03\x0bexample.com\0\0");

    let (address, server) = port(b"\x05\0", 22, b"\x05\0\0\x03\x09host.test\0\0");
    let name = SocksProxy::new(address).timeout(LONG).resolve_ptr("::1".parse().unwrap()).unwrap();
    assert_eq!(name, "host.test");
    server.join().unwrap();

    let (address, server) = port(b"\x05\0", 18, b"\x05\0\0\x03\x09host.test\0\0");
    let error = SocksProxy::new(address).timeout(LONG).resolve("example.com").unwrap_err();
    assert!(error.to_string().contains("host.test"), "{error}");
    server.join().unwrap();
}

#[test]
fn socks_proxy_sends_addresses_as_addresses() {
    let address: SocketAddr = "192.0.2.1:80".parse().unwrap();
    for target in [Target::new("192.0.2.1", 80).unwrap(), address.to_target().unwrap()] {
        let (address, server) = port(b"\x05\0", 10, b"\x05\0\0\x01\0\0\0\0\0\0");
        drop(SocksProxy::new(address).timeout(LONG).connect(target).unwrap());
        assert_eq!(server.join().unwrap()[3..], *b"\x05\x01\0\x01\xc0\0\x02\x01\0\x50");
    }
}

#[test]
fn onion_name_reaches_tor_without_its_trailing_dot() {
    const ONION: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    for target in [format!("{ONION}.:80"), format!("{}.:80", ONION.to_uppercase())] {
        let (address, server) = port(b"\x05\0", 7 + ONION.len(), b"\x05\0\0\x01\0\0\0\0\0\0");
        drop(SocksProxy::new(address).timeout(LONG).connect(target.as_str()).unwrap());
        let wire = [b"\x05\x01\0\x05\x01\0\x03\x3e", ONION.as_bytes(), b"\0\x50"].concat();
        assert_eq!(server.join().unwrap(), wire, "{target}");
    }
    let (address, server) = port(b"\x05\0", 7 + ONION.len(), b"\x05\x04\0\0\0\0\0\0\0\0");
    let error = SocksProxy::new(address).timeout(LONG).resolve(&format!("{ONION}.")).unwrap_err();
    assert!(error.to_string().contains("onion addresses have no IP address"), "{error}");
    assert_eq!(
        server.join().unwrap()[3..],
        [b"\x05\xf0\0\x03\x3e", ONION.as_bytes(), b"\0\0"].concat()
    );
}

#[test]
fn private_target_with_a_trailing_dot_is_refused() {
    let proxy = SocksProxy::new(9).allow_private_addresses(false);
    for target in ["127.0.0.1.:80", "localhost.:80", "printer.local.:80", "10.0.0.1.:80"] {
        let error = proxy.connect(target).unwrap_err();
        assert!(error.get::<SocksError>().unwrap().is_private(), "{error}");
    }
    // Texts that some resolvers read as 127.0.0.1 are not valid hosts.
    for target in ["127.1:80", "0x7f000001:80", "2130706433:80", "0177.0.0.1:80", "localhost..:80"]
    {
        let error = proxy.connect(target).unwrap_err();
        assert!(error.to_string().ends_with("nothing was sent"), "{error}");
    }
}

#[test]
fn malformed_target_error_names_the_expected_form() {
    let proxy = SocksProxy::new(9);
    for (error, parts) in [
        (proxy.connect("http://example.com:80"), &["http://example.com", "is a URL"][..]),
        (proxy.connect("http://example.com"), &["example.com:80"]),
        (proxy.connect("example.com"), &["CONNECT example.com", "example.com:80", "host:port"]),
        (proxy.connect("me:secret@example.com"), &["CONNECT [redacted]@example.com", "host:port"]),
        (proxy.connect(("example.com:80", 80)), &["CONNECT example.com:80", "contains ':'"]),
        (proxy.connect(("a@example.com", 80)), &["[redacted]@example.com", "without a user name"]),
        (proxy.connect(("abc%2Eonion", 80)), &["percent escapes"]),
        (proxy.connect(("abc.onion\0", 80)), &["may not contain '\\0'"]),
        (proxy.connect(("abc\u{3002}onion", 80)), &["ASCII dots"]),
        (proxy.connect(("relay.exit", 80)), &[".exit"]),
    ] {
        let error = error.unwrap_err().to_string();
        assert!(
            error.ends_with("nothing was sent")
                && !error.contains("secret")
                && parts.iter().all(|part| error.contains(part)),
            "{error}"
        );
    }
}

#[test]
fn refused_connection_to_the_socks_port_names_its_address() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = SocksProxy::new(free).timeout(LONG).connect(("example.com", 80)).unwrap_err();
    let Some(socks) = error.get::<SocksError>() else { panic!("{error:?}") };
    let SocksProblem::Io(io) = socks.problem() else { panic!("{error:?}") };
    assert_eq!(io.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(io.to_string().contains(&free.to_string()), "{io}");
    // The error itself names the address too, with the reason.
    let text = error.to_string();
    assert!(text.contains(&format!("cannot connect to the SOCKS port {free}: ")), "{text}");
    assert!(text.contains("refused") && text.contains("is tor running"), "{text}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || drop(listener.accept()));
    let text =
        SocksProxy::new(address).timeout(LONG).resolve("example.com").unwrap_err().to_string();
    assert!(
        text.contains(&format!("the connection to the SOCKS port {address} failed: ")),
        "{text}"
    );
    server.join().unwrap();
}

#[test]
fn bad_target_opens_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let proxy = SocksProxy::new(listener.local_addr().unwrap()).timeout(LONG);
    assert!(proxy.connect(("bücher.example", 80)).is_err());
    assert!(proxy.connect("example.com").is_err());
    assert!(proxy.connect(("x".repeat(256).as_str(), 80)).is_err());
    assert!(proxy.resolve("a b").is_err());
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn socks_deadline_covers_connect_and_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let timeout = Duration::from_millis(50);
    let proxy = SocksProxy::new(listener.local_addr().unwrap()).timeout(timeout);
    // If the proxy waited for the port, the port would close at last. So the
    // test would fail and not hang.
    let (done, until_done) = crossbeam_channel::bounded::<()>(0);
    let port = thread::spawn(move || {
        let _ = until_done.recv_timeout(LONG);
        listener
    });
    let start = Instant::now();
    let error = proxy.resolve("example.com").unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(start.elapsed() >= timeout && start.elapsed() < LONG);
    drop(done);
    let _listener = port.join().unwrap();

    let error = proxy.timeout(Duration::ZERO).connect(("example.com", 80)).unwrap_err();
    let Some(socks) = error.get::<SocksError>() else { panic!("{error:?}") };
    assert!(
        matches!(socks.problem(), SocksProblem::Timeout(t) if t.phase() == Phase::Connect),
        "{error:?}"
    );
}

#[test]
fn socks_timeout_may_be_infinite() {
    let (address, server) = port(b"\x05\0", 18, b"\x05\0\0\x01\xc0\0\x02\x01\0\0");
    let proxy = SocksProxy::new(address).timeout(Duration::MAX);
    assert_eq!(proxy.resolve("example.com").unwrap().to_string(), "192.0.2.1");
    server.join().unwrap();
}
