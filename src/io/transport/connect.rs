//! Connecting to an address before a deadline.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::Address;
use super::address::is_localhost;
use super::deadline::remaining;

/// A socket that is connected.
#[derive(Debug)]
pub(super) enum Connected {
    Tcp(TcpStream),
    /// A Unix socket, with its peer's address as text.
    #[cfg(unix)]
    Unix(UnixStream, String),
}

/// Connects to `address`, or fails at `deadline`. See
/// [`Transport::connect`](super::Transport::connect).
pub(super) fn connect(address: &Address, deadline: Instant) -> io::Result<Connected> {
    match address {
        Address::Ip(address) => connect_tcp(&[*address], deadline),
        Address::Name { host, port } if is_localhost(host) => {
            let loopback =
                [(Ipv4Addr::LOCALHOST, *port).into(), (Ipv6Addr::LOCALHOST, *port).into()];
            connect_tcp(&loopback, deadline)
        }
        Address::Name { host, port } => connect_tcp(&look_up(host, *port, deadline)?, deadline),
        Address::Unix(path) => connect_unix(path, deadline),
    }
}

/// Connects to the first of these addresses that accepts the connection. Each
/// gets an equal share of the time that is left, so that an address that never
/// answers doesn't keep the others from being tried.
fn connect_tcp(addresses: &[SocketAddr], deadline: Instant) -> io::Result<Connected> {
    let mut failures: Vec<(SocketAddr, io::Error)> = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let attempt = remaining(deadline).and_then(|left| {
            TcpStream::connect_timeout(address, (left / others).max(Duration::from_micros(1)))
        });
        match attempt {
            Ok(stream) => return Ok(Connected::Tcp(stream)),
            Err(error) => failures.push((*address, error)),
        }
    }
    if failures.len() > 1 {
        // The whole failure counts as a timeout only if every attempt timed
        // out.
        let is_late = |(_, error): &&(_, io::Error)| error.kind() == io::ErrorKind::TimedOut;
        let telling = failures.iter().find(|failure| !is_late(failure));
        let kind = telling.unwrap_or(&failures[0]).1.kind();
        let mut text = String::new();
        for (i, (address, error)) in failures.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{address}: {error}");
        }
        return Err(io::Error::new(kind, text));
    }
    let only = failures.pop().map(|(_, error)| error);
    Err(only.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address")))
}

/// Asks the system's resolver for the addresses of `host`. The resolver has no
/// deadline, so it is called on a separate thread. If the resolver doesn't
/// answer before the deadline, this thread goes on until it does.
fn look_up(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    let (tell, hear) = crossbeam_channel::bounded(1);
    let target = (host.to_owned(), port);
    thread::Builder::new().name("scape-lookup".into()).spawn(move || {
        let found = (target.0.as_str(), target.1).to_socket_addrs().map(Iterator::collect);
        // Sending fails if the answer comes after the deadline, because the
        // receiver is gone then.
        let _ = tell.send(found);
    })?;
    match hear.recv_deadline(deadline) {
        Ok(found) => found,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the look-up of {host} took too long"),
        )),
    }
}

/// Connects to a Unix socket.
///
/// This mostly succeeds or fails at once, but on Linux it waits if the backlog
/// is full. The wait takes no longer than the socket's send timeout. So the
/// send timeout is set before connecting, and removed afterwards.
#[cfg(unix)]
fn connect_unix(path: &Path, deadline: Instant) -> io::Result<Connected> {
    use rustix::io::Errno;
    use rustix::net::sockopt::{Timeout, set_socket_timeout};
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

    let target = SocketAddrUnix::new(path)?;
    #[cfg(target_os = "linux")]
    let socket = {
        let flags = rustix::net::SocketFlags::CLOEXEC;
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?
    };
    #[cfg(not(target_os = "linux"))]
    let socket = {
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        #[cfg(target_vendor = "apple")]
        rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
        socket
    };
    loop {
        set_socket_timeout(&socket, Timeout::Send, Some(remaining(deadline)?))?;
        match rustix::net::connect(&socket, &target) {
            Ok(()) => break,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    set_socket_timeout(&socket, Timeout::Send, None)?;
    let stream = UnixStream::from(socket);
    Ok(Connected::Unix(stream, format!("unix:{}", path.display())))
}

#[cfg(not(unix))]
fn connect_unix(_: &Path, _: Instant) -> io::Result<Connected> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use super::super::Transport;
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn localhost_is_tried_on_both_loopbacks() {
        // Some machines have no IPv6, so nothing can be tested there.
        let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
        let port = listener.local_addr().unwrap().port();
        let transport =
            Transport::connect(&Address::tcp("localhost", port).unwrap(), soon()).unwrap();
        // The same port of 127.0.0.1 may belong to another program, although it
        // is mostly free. So only the port is checked.
        assert!(transport.peer().ends_with(&port.to_string()), "{}", transport.peer());
        assert!(transport.as_tcp().unwrap().nodelay().unwrap());
    }

    #[test]
    fn connect_errors_list_the_addresses_that_were_tried() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = Transport::connect(&Address::from(port), soon()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.raw_os_error().is_some());
        let both = [format!("127.0.0.1:{port}"), format!("[::1]:{port}")];
        let error = connect_tcp(&both.clone().map(|a| a.parse().unwrap()), soon()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(both.iter().all(|a| error.to_string().contains(a)), "{error}");
    }

    #[test]
    fn connecting_after_the_deadline_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let error =
            Transport::connect(&listener.local_addr().unwrap().into(), Instant::now()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn unix_socket_is_connected_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a socket");
        let listener = UnixListener::bind(&path).unwrap();
        let transport = Transport::connect(&path.as_path().into(), soon()).unwrap();
        assert!(transport.is_unix() && transport.as_tcp().is_none());
        assert_eq!(transport.peer(), format!("unix:{}", path.display()));
        assert_eq!(transport.as_unix().unwrap().write_timeout().unwrap(), None);
        let (mut server, _) = listener.accept().unwrap();
        (&transport).write_all(b"PROTOCOLINFO\r\n").unwrap();
        transport.shutdown_write().unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).unwrap();
        assert_eq!(text, "PROTOCOLINFO\r\n");
    }

    #[test]
    fn missing_unix_socket_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let error = Transport::connect(&folder.path().join("none").into(), soon()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let long = folder.path().join("x".repeat(200));
        assert!(Transport::connect(&long.into(), soon()).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn full_backlog_of_a_unix_socket_does_not_outlast_the_deadline() {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busy");
        let listener = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let _first = Transport::connect(&path.as_path().into(), soon()).unwrap();
        let start = Instant::now();
        let error = Transport::connect(&path.as_path().into(), start + Duration::from_millis(50))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(50));
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
