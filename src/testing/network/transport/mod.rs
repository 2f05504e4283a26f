//! A pluggable transport for bridges, which runs in this program.
//!
//! tor connects to the transport's client side with SOCKS5. The client side
//! connects to the server side, which connects to the bridge. Every byte
//! between the two sides is scrambled. Each side is a [`Forwarder`]; they
//! differ only in the destination of connections.

mod forwarder;

use std::fmt;
use std::net::SocketAddr;

use forwarder::{Forwarder, Target};

use crate::error::{Error, Result};

/// Both sides of a running pluggable transport. Dropping the transport closes
/// its sockets and ends its threads.
pub(super) struct Transport {
    name: String,
    client: Forwarder,
    server: Forwarder,
}

impl Transport {
    /// Starts a transport that forwards connections to the OR port of a bridge.
    pub(super) fn start(name: &str, bridge: SocketAddr) -> Result<Self> {
        let start = |target| {
            let started = Forwarder::start(target);
            started.map_err(|error| Error::io(format!("start the transport {name}"), error))
        };
        let (server, client) = (start(Target::Fixed(bridge))?, start(Target::Socks)?);
        Ok(Transport { name: name.to_owned(), client, server })
    }

    /// Returns the transport's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the address for a client's `Bridge` line.
    pub(super) fn server_address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the value of the option `ClientTransportPlugin` for the bridge's
    /// clients.
    pub(super) fn line(&self) -> String {
        format!("{} socks5 {}", self.name, self.client.address())
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("name", &self.name)
            .field("client", &self.client.address())
            .field("server", &self.server.address())
            .finish()
    }
}

/// Returns true if tor accepts this as the name of a transport: an identifier
/// of the language C.
pub(super) fn is_name(name: &str) -> bool {
    let starts_well = name.bytes().next().is_some_and(|it| it.is_ascii_alphabetic() || it == b'_');
    starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Connects to `target` through the client side of the transport. Returns
    /// the connection, and the status code of the SOCKS reply.
    fn connect(transport: &Transport, target: SocketAddr) -> (TcpStream, u8) {
        let mut stream = TcpStream::connect(transport.client.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(&[5, 1, 0]).unwrap();
        let mut method = [0; 2];
        stream.read_exact(&mut method).unwrap();
        assert_eq!(method, [5, 0]);
        let SocketAddr::V4(target) = target else { panic!("{target}") };
        let mut request = vec![5, 1, 0, 1];
        request.extend(target.ip().octets());
        request.extend(target.port().to_be_bytes());
        stream.write_all(&request).unwrap();
        let mut reply = [0; 10];
        stream.read_exact(&mut reply).unwrap();
        (stream, reply[1])
    }

    fn listener() -> TcpListener {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
    }

    #[test]
    fn bytes_arrive_unscrambled_behind_both_sides() {
        let bridge = listener();
        let transport = Transport::start("scrambled", bridge.local_addr().unwrap()).unwrap();
        let echo = thread::spawn(move || {
            let (mut stream, _) = bridge.accept().unwrap();
            let mut received = Vec::new();
            stream.read_to_end(&mut received).unwrap();
            stream.write_all(&received).unwrap();
            received
        });
        let (mut stream, code) = connect(&transport, transport.server_address());
        assert_eq!(code, 0);
        let sent: Vec<u8> = (0..200_000_u32).map(|it| (it % 251) as u8).collect();
        stream.write_all(&sent).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut echoed = Vec::new();
        stream.read_to_end(&mut echoed).unwrap();
        assert!(echoed == sent && echo.join().unwrap() == sent);
    }

    #[test]
    fn bytes_between_the_sides_are_scrambled() {
        let transport = Transport::start("scrambled", listener().local_addr().unwrap()).unwrap();
        let between = listener();
        let (mut stream, code) = connect(&transport, between.local_addr().unwrap());
        assert_eq!(code, 0);
        let (mut other, _) = between.accept().unwrap();
        stream.write_all(b"abc").unwrap();
        let mut received = [0; 3];
        other.read_exact(&mut received).unwrap();
        assert_ne!(&received, b"abc");
        other.write_all(&received).unwrap();
        stream.read_exact(&mut received).unwrap();
        assert_eq!(&received, b"abc");
    }

    #[test]
    fn connections_to_other_machines_and_closed_ports_are_refused() {
        let transport = Transport::start("scrambled", listener().local_addr().unwrap()).unwrap();
        assert_eq!(connect(&transport, "192.0.2.1:9001".parse().unwrap()).1, 2);
        let closed = listener().local_addr().unwrap();
        assert_eq!(connect(&transport, closed).1, 5);
    }

    #[test]
    fn open_connections_end_with_the_transport() {
        let bridge = listener();
        let transport = Transport::start("scrambled", bridge.local_addr().unwrap()).unwrap();
        let (mut stream, _) = connect(&transport, transport.server_address());
        // This connection is in the middle of a handshake.
        let mut half = TcpStream::connect(transport.client.address()).unwrap();
        half.write_all(&[5]).unwrap();
        let (mut accepted, _) = bridge.accept().unwrap();
        let addresses = [transport.client.address(), transport.server_address()];
        drop(transport);
        let mut rest = Vec::new();
        for stream in [&mut stream, &mut half, &mut accepted] {
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            // A connection reset is an end, too.
            match stream.read_to_end(&mut rest) {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
            }
        }
        assert_eq!(rest, b"");
        assert!(addresses.iter().all(|address| TcpStream::connect(address).is_err()));
    }

    #[test]
    fn names_of_transports_are_identifiers() {
        assert!(["obfs4", "_a", "Scrambled_2"].into_iter().all(is_name));
        assert!(!["", "4obfs", "a b", "a-b", "ä"].into_iter().any(is_name));
    }
}
