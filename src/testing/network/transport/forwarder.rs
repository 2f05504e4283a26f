//! A listener on 127.0.0.1 that forwards and scrambles connections.
//!
//! The listener has one thread, and each connection has two, one for each
//! direction. The number of connections is bounded. Every open socket is in a
//! list, so that dropping the [`Forwarder`] can shut down all sockets. Shutting
//! down a socket wakes the thread that reads from it.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use crate::client::socks::SocksStatus;
use crate::client::socks::server::{answer, handshake};
use crate::io::transport::{Transport, deadline_after};

/// The maximum number of connections at a time. Further ones are closed at
/// once.
const MOST: usize = 64;

/// The size of a buffer in bytes. Each connection has two.
const BUFFER: usize = 16 * 1024;

/// The time limit for each step of a SOCKS handshake: reading the request,
/// connecting to the target, and sending the answer.
const HANDSHAKE_FOR: Duration = Duration::from_secs(20);

/// The time limit for each attempt to wake the listener's thread.
const WAKE_AGAIN: Duration = Duration::from_millis(50);

/// The pause after the operating system refused a connection, most likely
/// because the program has too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// The value that every byte is XORed with. Doing it twice restores the byte.
const KEY: u8 = 0x5A;

/// The destination of the connections that a [`Forwarder`] forwards.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// A fixed address.
    Fixed(SocketAddr),
    /// The address in the SOCKS request, which must be on this machine.
    Socks,
}

/// A running listener. Dropping it closes all connections and ends all threads.
pub(super) struct Forwarder {
    address: SocketAddr,
    sockets: Arc<Sockets>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// Starts to listen on a free port of 127.0.0.1.
    pub(super) fn start(target: Target) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let sockets = Arc::new(Sockets::default());
        let shared = sockets.clone();
        let thread = thread::Builder::new()
            .name("scape-transport".into())
            .spawn(move || listen(&listener, target, &shared))?;
        Ok(Forwarder { address, sockets, thread: Some(thread) })
    }

    /// Returns the address of the listener.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.sockets.close();
        let Some(thread) = self.thread.take() else { return };
        // The thread waits in accept. A connection wakes it, and then it sees
        // that the sockets are closed.
        while !thread.is_finished() {
            let _ = TcpStream::connect_timeout(&self.address, WAKE_AGAIN);
            thread::sleep(Duration::from_millis(1));
        }
        let _ = thread.join();
    }
}

/// Accepts connections until the forwarder is dropped, then waits for the
/// threads of the connections.
fn listen(listener: &TcpListener, target: Target, sockets: &Arc<Sockets>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while !sockets.are_closed() {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(PAUSE);
            continue;
        };
        threads.retain(|thread| !thread.is_finished());
        if threads.len() >= MOST {
            log::debug!(target: "scape::testing", "a transport has {MOST} connections: closed a new one");
            continue;
        }
        let sockets = sockets.clone();
        let spawned = thread::Builder::new().name("scape-transport".into()).spawn(move || {
            if let Err(error) = serve(stream, target, &sockets) {
                log::debug!(target: "scape::testing", "a connection of a transport failed: {error}");
            }
        });
        threads.extend(spawned);
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Serves one connection until both directions have ended.
fn serve(near: TcpStream, target: Target, sockets: &Sockets) -> io::Result<()> {
    let _near_is_listed = sockets.list(&near)?;
    let far = match target {
        Target::Fixed(address) => Some(TcpStream::connect_timeout(&address, HANDSHAKE_FOR)?),
        Target::Socks => connect_by_socks(&near)?,
    };
    let Some(far) = far else { return Ok(()) };
    let _far_is_listed = sockets.list(&far)?;
    near.set_read_timeout(None)?;
    near.set_write_timeout(None)?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    thread::scope(|scope| {
        let back = thread::Builder::new()
            .name("scape-transport".into())
            .spawn_scoped(scope, || forward(&far, &near));
        if let Err(error) = back {
            close_both(&near, &far);
            return Err(error);
        }
        forward(&near, &far);
        Ok(())
    })
}

/// Reads a SOCKS request and connects to its address. Returns `None` if the
/// request was refused.
fn connect_by_socks(near: &TcpStream) -> io::Result<Option<TcpStream>> {
    // The clone is a handle to the same socket.
    let program = Transport::from(near.try_clone()?);
    let request = handshake(&program, None, deadline_after(HANDSHAKE_FOR))?;
    let Some((host, port)) = request else { return Ok(None) };
    let answer = |status| answer(&program, status, deadline_after(HANDSHAKE_FOR));
    let refuse = |status, error| answer(status).and(Err(error));
    // A test network sends nothing to other machines.
    let ip = host.parse::<IpAddr>().ok().filter(IpAddr::is_loopback);
    let Some(ip) = ip else {
        let error = io::Error::other(format!("{host} is not an address of this machine"));
        return refuse(SocksStatus::NOT_ALLOWED, error);
    };
    match TcpStream::connect_timeout(&SocketAddr::new(ip, port), HANDSHAKE_FOR) {
        Ok(far) => {
            answer(SocksStatus::SUCCEEDED)?;
            Ok(Some(far))
        }
        Err(error) => refuse(SocksStatus::CONNECTION_REFUSED, error),
    }
}

/// Copies and scrambles the bytes of one direction. When `from` has no more
/// bytes, closes the sending direction of `to`. After an error, closes both
/// sockets.
fn forward(from: &TcpStream, to: &TcpStream) {
    let is_passed_on = copy(from, to).and_then(|()| to.shutdown(Shutdown::Write)).is_ok();
    if !is_passed_on {
        close_both(from, to);
    }
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = match from.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get_mut(..length).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        scramble(bytes);
        to.write_all(bytes)?;
    }
}

fn scramble(bytes: &mut [u8]) {
    for byte in bytes {
        *byte ^= KEY;
    }
}

fn close_both(one: &TcpStream, other: &TcpStream) {
    // An error only means that a socket is closed already.
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}

/// The open sockets of a forwarder.
#[derive(Default)]
struct Sockets(Mutex<Open>);

#[derive(Default)]
struct Open {
    is_over: bool,
    next: u64,
    streams: HashMap<u64, TcpStream>,
}

impl Sockets {
    /// Adds a socket to the list until the returned value is dropped. Returns
    /// an error if the forwarder was dropped.
    fn list(&self, stream: &TcpStream) -> io::Result<Listed<'_>> {
        let stream = stream.try_clone()?;
        let mut open = self.0.lock();
        if open.is_over {
            return Err(io::Error::other("the transport has ended"));
        }
        let key = open.next;
        open.next += 1;
        open.streams.insert(key, stream);
        Ok(Listed { sockets: self, key })
    }

    /// Shuts down all sockets, and rejects further ones.
    fn close(&self) {
        let mut open = self.0.lock();
        open.is_over = true;
        for stream in open.streams.values() {
            // An error only means that the other end has closed the connection.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn are_closed(&self) -> bool {
        self.0.lock().is_over
    }
}

/// A socket's entry in the list of open sockets. Dropping this value removes
/// the entry.
struct Listed<'a> {
    sockets: &'a Sockets,
    key: u64,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.sockets.0.lock().streams.remove(&self.key);
    }
}
