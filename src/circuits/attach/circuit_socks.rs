//! A local SOCKS port for other programs. All connections through the port go
//! over one circuit.
//!
//! [`CircuitSocks`] owns the port. One thread accepts connections. Each
//! connection has two threads. The first one makes the handshake, connects
//! through tor and passes bytes to the program. The second one passes bytes to
//! tor.
//!
//! Invariant: a socket is registered in [`Open`] before its first byte is read
//! or written. So dropping [`CircuitSocks`] can shut down all sockets. Once the
//! proxy is closed, `Open` has no client, so no thread can start a request or a
//! connection.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::client::TorClient;
use crate::client::socks::server::{Login, answer, handshake};
use crate::client::socks::{Request, SocksError, SocksProblem, SocksStatus};
use crate::error::{Error, Result};
use crate::io::connection::Thread;
use crate::io::transport::{Transport, deadline_after};
use crate::live::state::Circuit;
use scape_proto::word::Secret;

/// The maximum time to receive a program's SOCKS request. Sending the answer
/// has a separate limit of the same length.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The maximum number of concurrent connections.
const MOST: usize = 256;
/// The pause after a connection couldn't be accepted, for example because too
/// many files are open.
const AFTER_FAILURE: Duration = Duration::from_millis(50);
/// The maximum time for one attempt to wake the accepting thread.
const WAKE_WITHIN: Duration = Duration::from_millis(200);
/// The maximum time to wait until the accepting thread has ended, when the
/// proxy is dropped.
const END_WITHIN: Duration = Duration::from_secs(2);
const THREAD: &str = "scape-circuit-socks";

/// A SOCKS5 proxy that sends the connections of other programs over one
/// circuit.
///
/// [`Circuit::socks`] opens the proxy on a port of 127.0.0.1 that the operating
/// system chooses. A program must log in with the user name and the password
/// that [`url`](Self::url) contains. Both are random. Up to 256 connections can
/// be open at once; further ones are closed immediately. A program must
/// complete the SOCKS handshake within 10 seconds.
///
/// The proxy runs inside this process, with one thread of its own and two more
/// for each connection. Dropping this value closes the port and all
/// connections, and so does the end of the process. No connection ever moves to
/// another circuit. If the circuit has closed, new connections are refused.
///
/// The URL contains the password, and anybody on this machine who knows the URL
/// can use the circuit. Don't pass the URL as a program's argument, because
/// other users can see arguments. Environment variables are private, but many
/// programs skip the proxy for hosts in `NO_PROXY`, and prefer `https_proxy`
/// over `ALL_PROXY`. This example gives curl the URL on its standard input:
///
/// ```no_run
/// use std::io::Write;
/// use std::process::{Command, Stdio};
/// use std::time::Duration;
///
/// let tor = scape::Tor::connect()?;
/// let state = tor.state()?;
/// let circuit = state.wait(Duration::from_secs(60), |state| {
///     state.circuits().into_iter().find(|circuit| circuit.is_built())
/// })?;
/// let socks = circuit.socks()?;
/// // `--disable` ignores curl's own configuration file.
/// let mut curl = Command::new("curl")
///     .args(["--disable", "--config", "-", "https://example.com/"])
///     .stdin(Stdio::piped())
///     .spawn()?;
/// if let Some(mut config) = curl.stdin.take() {
///     writeln!(config, "proxy = \"{}\"\nnoproxy = \"\"", socks.url())?;
/// }
/// println!("{}", curl.wait()?);
/// drop(socks); // not before curl has ended
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping this closes the proxy"]
pub struct CircuitSocks {
    address: SocketAddr,
    #[cfg_attr(not(unix), allow(dead_code))]
    listener: Arc<TcpListener>,
    /// The thread that accepts connections.
    thread: Thread,
    shared: Arc<Shared>,
}

impl Circuit {
    /// Opens a SOCKS5 proxy that sends the connections of other programs over
    /// this circuit. The proxy exists as long as the returned [`CircuitSocks`].
    ///
    /// The proxy supports the command CONNECT only. It refuses
    /// [private](crate::socks::is_private) addresses. It also refuses onion
    /// services, because they can't be reached over a given circuit.
    ///
    /// While the proxy exists, every new stream of this tor waits until this
    /// library, running in your program, has decided on the stream's circuit:
    /// see [`TorClient::via`].
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// let circuit = state.wait(Duration::from_secs(60), |state| {
    ///     state.circuits().into_iter().find(|circuit| circuit.is_built())
    /// })?;
    /// let socks = circuit.socks()?;
    /// assert!(socks.address().ip().is_loopback());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`client`](Circuit::client), most often a closed circuit.
    /// If no port can be opened, the kind is
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    #[doc(alias = "create_socks_endpoint")]
    pub fn socks(&self) -> Result<CircuitSocks> {
        CircuitSocks::open(self.client()?)
    }
}

impl CircuitSocks {
    fn open(client: TorClient) -> Result<CircuitSocks> {
        let failed = |error| Error::io("open a SOCKS port for other programs", error);
        let listener = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?);
        let address = listener.local_addr().map_err(failed)?;
        let random = || hex::encode(rand::random::<[u8; 16]>());
        let open = Open { client: Some(client), next: 0, connections: HashMap::new() };
        let shared =
            Shared { user: random(), password: Secret::from(random()), open: Mutex::new(open) };
        let shared = Arc::new(shared);
        let (accepting, of_thread) = (listener.clone(), shared.clone());
        let thread =
            Thread::spawn(THREAD, move || accept(&accepting, &of_thread)).map_err(failed)?;
        Ok(CircuitSocks { address, listener, thread, shared })
    }

    /// Returns the proxy's URL with its credentials:
    /// `socks5h://USER:PASSWORD@127.0.0.1:PORT`.
    ///
    /// curl and many other programs understand this form. `socks5h` means that
    /// names are resolved behind the proxy, by the circuit's exit.
    pub fn url(&self) -> String {
        format!("socks5h://{}:{}@{}", self.user(), self.password(), self.address)
    }

    /// Returns the proxy's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the user name: 32 hexadecimal digits.
    pub fn user(&self) -> &str {
        &self.shared.user
    }

    /// Returns the password: 32 hexadecimal digits.
    pub fn password(&self) -> &str {
        std::str::from_utf8(self.shared.password.expose()).unwrap_or_default()
    }
}

impl Drop for CircuitSocks {
    fn drop(&mut self) {
        let (client, connections) = {
            let mut open = self.shared.open.lock();
            (open.client.take(), std::mem::take(&mut open.connections))
        };
        for socket in connections.into_values().flatten() {
            // An error only means that the socket is closed already.
            let _ = socket.shutdown();
        }
        // The accepting thread keeps the port open until it ends. A connection
        // wakes this thread. If connecting fails, for example because too many
        // files are open, the listening socket is shut down instead.
        let has_ended = self.thread.ended_by_waking(END_WITHIN, || {
            if TcpStream::connect_timeout(&self.address, WAKE_WITHIN).is_err() {
                #[cfg(unix)]
                let _ = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both);
            }
        });
        if !has_ended {
            log::warn!(
                target: "scape::attach",
                "the accepting thread of a circuit's SOCKS proxy doesn't end"
            );
        }
        drop(client);
    }
}

impl fmt::Debug for CircuitSocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitSocks").field("address", &self.address).finish_non_exhaustive()
    }
}

/// State that the proxy shares with its threads.
struct Shared {
    user: String,
    password: Secret,
    open: Mutex<Open>,
}

struct Open {
    /// The client, or `None` once the proxy is closed.
    client: Option<TorClient>,
    next: u64,
    /// The sockets of each connection: first the socket to the program, then
    /// the socket to tor, once it is connected.
    connections: HashMap<u64, Vec<Transport>>,
}

/// A connection's entry in [`Open`], the list of the proxy's connections.
/// Dropping this value removes the entry.
struct Entry {
    shared: Arc<Shared>,
    number: u64,
}

impl Entry {
    /// Registers a program's connection. Returns `None` if the proxy is closed
    /// or has too many connections.
    fn new(shared: &Arc<Shared>, program: &Transport) -> Option<Entry> {
        let program = program.try_clone().ok()?;
        let mut open = shared.open.lock();
        if open.client.is_none() || open.connections.len() >= MOST {
            return None;
        }
        open.next += 1;
        let number = open.next;
        open.connections.insert(number, vec![program]);
        Some(Entry { shared: shared.clone(), number })
    }

    /// Stores this connection's socket to tor, so that closing the proxy shuts
    /// the socket down. Returns an error if the proxy is closed.
    fn add(&self, server: &Transport) -> io::Result<()> {
        let server = server.try_clone()?;
        match self.shared.open.lock().connections.get_mut(&self.number) {
            Some(sockets) => {
                sockets.push(server);
                Ok(())
            }
            None => Err(closed()),
        }
    }

    fn client(&self) -> io::Result<TorClient> {
        self.shared.open.lock().client.clone().ok_or_else(closed)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shared.open.lock().connections.remove(&self.number);
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the proxy was closed")
}

/// Accepts connections until the proxy is closed.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if shared.open.lock().client.is_none() {
            return;
        }
        let Ok((program, _)) = accepted else {
            thread::sleep(AFTER_FAILURE);
            continue;
        };
        let program = Transport::from(program);
        let Some(entry) = Entry::new(shared, &program) else { continue };
        // If the thread can't be started, the closure is dropped, which closes
        // the connection.
        let _ = thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            if let Err(error) = serve(&program, &entry) {
                log::debug!(
                    target: "scape::attach",
                    "connection to a circuit's SOCKS proxy failed: {error}"
                );
            }
        });
    }
}

/// Serves one connection from its first byte to its end.
fn serve(program: &Transport, entry: &Entry) -> io::Result<()> {
    let deadline = deadline_after(HANDSHAKE);
    let shared = &entry.shared;
    let login = Login { user: &shared.user, password: &shared.password };
    let Some((host, port)) = handshake(program, Some(login), deadline)? else { return Ok(()) };
    // The client keeps a launched tor alive until the connection ends.
    let client = entry.client()?;
    let connected = connect(&client, entry, &host, port);
    let status = connected.as_ref().map_or_else(status, |_| SocksStatus::SUCCEEDED);
    answer(program, status, deadline_after(HANDSHAKE))?;
    let server = connected.map_err(io::Error::other)?;
    for socket in [program, &server] {
        socket.set_read_timeout(None)?;
        socket.set_write_timeout(None)?;
    }
    relay(program, &server)
}

/// Connects over the circuit. The connection to tor is registered before the
/// request is sent, so closing the proxy also ends the request.
fn connect(client: &TorClient, entry: &Entry, host: &str, port: u16) -> Result<Transport> {
    let proxy = client.proxy();
    let request = Request::connect((host, port))?;
    let deadline = deadline_after(proxy.request_timeout());
    let bound = proxy.bind(&request, deadline)?;
    let server = proxy.open(&request, deadline)?;
    entry.add(&server).map_err(|error| proxy.broken(&request, &error))?;
    proxy.ask(&server, &request, bound, deadline)?;
    Ok(server)
}

/// Returns the SOCKS status that reports this error to a program.
fn status(error: &Error) -> SocksStatus {
    match error.exact().map(SocksError::problem) {
        Some(SocksProblem::Status(status)) => *status,
        Some(SocksProblem::Private) => SocksStatus::NOT_ALLOWED,
        Some(SocksProblem::Timeout(_)) => SocksStatus::TTL_EXPIRED,
        _ => SocksStatus::GENERAL_FAILURE,
    }
}

/// Copies bytes in both directions until tor's side ends, or either side fails.
fn relay(program: &Transport, server: &Transport) -> io::Result<()> {
    let (from, to) = (program.try_clone()?, server.try_clone()?);
    let upwards = thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
        // When the program stops writing, this end of the connection to tor is
        // shut down for writing. tor delivers the data that it has and then
        // closes the stream. Answers that arrive until then still reach the
        // program.
        let how = match copy(&from, &to) {
            Ok(()) => Shutdown::Write,
            Err(_) => Shutdown::Both,
        };
        let _ = to.shutdown_how(how);
    })?;
    let outcome = copy(server, program);
    // tor has no half-closed streams: when tor's side has ended, the other
    // direction has ended as well.
    let _ = program.shutdown();
    let _ = server.shutdown();
    let _ = upwards.join();
    outcome
}

fn copy(mut from: &Transport, mut to: &Transport) -> io::Result<()> {
    io::copy(&mut from, &mut to).map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn relay_delivers_the_answer_to_a_program_that_has_stopped_writing() {
        let ((mut program, here), (there, mut tor)) = (Transport::pair(), Transport::pair());
        let relaying = thread::spawn(move || relay(&here, &there));
        program.write_all(b"question").unwrap();
        program.shutdown_write().unwrap();
        let mut question = String::new();
        tor.read_to_string(&mut question).unwrap();
        tor.write_all(b"answer").unwrap();
        drop(tor);
        let mut answer = String::new();
        program.read_to_string(&mut answer).unwrap();
        assert_eq!((&*question, &*answer), ("question", "answer"));
        relaying.join().unwrap().unwrap();
    }

    #[test]
    fn relay_ends_when_tor_ends_and_the_program_stays_connected() {
        let ((mut program, here), (there, tor)) = (Transport::pair(), Transport::pair());
        let relaying = thread::spawn(move || relay(&here, &there));
        drop(tor);
        assert_eq!(program.read(&mut [0]).unwrap(), 0);
        relaying.join().unwrap().unwrap();
    }
}
