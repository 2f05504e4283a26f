//! Finding the process that owns a connection.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use scape::process::{OwnerError, ProcessOwner, owner_of};
use scape::state::Stream;
use scape::testing::ScriptedTor;
use scape::word::StreamId;
use scape::{Connect, State};

/// The environment variable that makes a process the child process of a test.
/// The value is the address to connect to.
const CONNECT: &str = "SCAPE_TEST_CONNECT";

fn owner(peer: SocketAddr, local: SocketAddr) -> ProcessOwner {
    owner_of(peer, Some(local)).unwrap().expect("it is connected")
}

/// Does the work of the child process: connects, and keeps the connection open.
fn connect_and_wait(address: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    // Waits until the parent has finished or hangs up.
    let _ = stream.read(&mut [0]);
}

/// A child process that is killed on drop.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn owner_is_this_process() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address).unwrap();
        let local = listener.local_addr().unwrap();
        let client = TcpStream::connect(local).unwrap();
        let (_accepted, peer) = listener.accept().unwrap();
        let found = owner(peer, local);
        assert_eq!(found.pid, std::process::id());
        assert_eq!(found.uid, rustix::process::geteuid().as_raw());
        assert_eq!(found.executable, std::env::current_exe().ok());
        assert_eq!(found.command, std::env::args_os().collect::<Vec<_>>());
        assert!(found.to_string().contains(&format!("({})", found.pid)));
        assert_eq!(owner_of(peer, None).unwrap(), Some(found.clone()));
        let any = SocketAddr::new("0.0.0.0".parse().unwrap(), local.port());
        assert_eq!(owner_of(peer, Some(any)).unwrap(), Some(found));
        // A client of another port isn't found, nor is a client that is gone.
        let other = SocketAddr::new(local.ip(), local.port() ^ 1);
        assert_eq!(owner_of(peer, Some(other)).unwrap(), None);
        drop(client);
        assert_eq!(owner_of(peer, Some(local)).unwrap(), None);
    }
}

#[test]
fn owner_of_an_ipv4_connection_from_an_ipv6_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    // This IPv6 socket connects to an IPv4 address.
    let _client = TcpStream::connect(format!("[::ffff:127.0.0.1]:{}", local.port())).unwrap();
    let (_accepted, peer) = listener.accept().unwrap();
    assert!(peer.is_ipv4());
    assert_eq!(owner(peer, local).pid, std::process::id());
    let mapped: SocketAddr = format!("[::ffff:127.0.0.1]:{}", peer.port()).parse().unwrap();
    assert_eq!(owner(mapped, local).pid, std::process::id());
}

#[test]
fn owner_is_another_process() {
    if let Ok(address) = std::env::var(CONNECT) {
        return connect_and_wait(&address);
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner_is_another_process"])
        .env(CONNECT, local.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let child = Running(child);
    let (mut accepted, peer) = listener.accept().unwrap();
    let found = owner(peer, local);
    assert_eq!(found.pid, child.0.id());
    assert_eq!(found.command.get(1..).unwrap(), ["--exact", "owner_is_another_process"]);
    accepted.write_all(b".").unwrap();
}

#[test]
fn owner_of_a_shared_connection_is_its_first_process() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let client = TcpStream::connect(local).unwrap();
    let (_accepted, peer) = listener.accept().unwrap();
    let inherited = OwnedFd::from(client.try_clone().unwrap());
    let child = Command::new("sleep").arg("600").stdin(Stdio::from(inherited)).spawn().unwrap();
    let child = Running(child);
    assert_eq!(owner(peer, local).pid, std::process::id());
    drop(client);
    assert_eq!(owner(peer, local).pid, child.0.id());
}

/// A connection's socket that is being passed from one process to another
/// belongs to no process. The error must be the same as for a process that this
/// program isn't allowed to inspect.
#[test]
fn owner_of_a_socket_in_transit_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let client = TcpStream::connect(local).unwrap();
    let (_accepted, peer) = listener.accept().unwrap();
    let (sender, _receiver) = UnixStream::pair().unwrap();
    send_socket(&sender, &client);
    drop(client);
    let error = owner_of(peer, Some(local)).unwrap_err();
    let owner = OwnerError::NotAllowed { uid: rustix::process::geteuid().as_raw() };
    assert_eq!(error.get(), Some(&owner), "{error:?}");
    assert!(error.to_string().contains("may not inspect"), "{error}");
}

fn send_socket(over: &UnixStream, socket: &TcpStream) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let sockets = [socket.as_fd()];
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&sockets)));
    sendmsg(over, &[IoSlice::new(b".")], &mut ancillary, SendFlags::empty()).unwrap();
}

/// Returns a scripted tor and a stream of its live state. `rest` is the part of
/// the stream's event after the target. `socks` and `tunnel` are tor's SOCKS
/// and HTTP tunnel listeners.
fn told_of_a_stream(rest: &str, socks: &str, tunnel: &str) -> (ScriptedTor, Stream) {
    let event = format!("650 STREAM 5 NEW 0 b.example:80 {rest}\r\n250-more=\r\n250 OK\r\n");
    let tor = ScriptedTor::builder()
        .info("ns/all", "")
        .info("circuit-status", "")
        .info("stream-status", "")
        .info("address-mappings/all", "")
        .info("entry-guards", "")
        .info("net/listeners/socks", socks)
        .info("net/listeners/httptunnel", tunnel)
        .on("GETINFO more", event)
        .on_prefix("SETEVENTS", "250 OK\r\n")
        .start()
        .unwrap();
    let state =
        State::new(&Connect::new().authenticate_over(tor.transport().unwrap()).unwrap()).unwrap();
    state.controller().msg("GETINFO more").unwrap();
    (tor, state.stream(StreamId::new(5)).unwrap())
}

#[test]
fn owner_of_a_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let _client = TcpStream::connect(local).unwrap();
    let (_accepted, peer) = listener.accept().unwrap();
    let us = Some(std::process::id());
    let port = format!("\"unix:/run/tor/socks\" \"{local}\"");
    let from =
        |protocol: &str| format!("SOURCE_ADDR={peer} PURPOSE=USER CLIENT_PROTOCOL={protocol}");
    for (rest, socks, tunnel, expected) in [
        (from("SOCKS5"), &*port, "", us),
        // This version doesn't know these protocols and fields.
        (from("SOCKS9"), &*port, "", us),
        (format!("SOURCE_ADDR={peer}"), &*port, "", us),
        (from("HTTPCONNECT"), "", &*port, us),
        // tor doesn't list the port of this protocol.
        (from("TRANS"), "", "", us),
        (from("DNS"), &*port, "", None),
        // An address that belongs to a process is not enough. The process must
        // be connected to tor.
        (from("SOCKS5"), "", &*port, None),
        (from("SOCKS5"), "\"127.0.0.1:1\"", "", None),
        (from("SOCKS5"), "\"unix:/run/tor/socks\"", "", None),
        ("SOURCE_ADDR=/run/tor/socks:0 PURPOSE=USER".into(), &*port, "", None),
        ("SOURCE_ADDR=(Tor_internal):0 PURPOSE=DIR_FETCH".into(), &*port, "", None),
        ("PURPOSE=USER".into(), &*port, "", None),
    ] {
        let (_tor, stream) = told_of_a_stream(&rest, socks, tunnel);
        let found = stream.process().unwrap();
        assert_eq!(found.map(|process| process.pid), expected, "{rest}, {socks}, {tunnel}");
    }
}
