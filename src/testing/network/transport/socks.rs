//! The server's side of SOCKS5, as far as tor uses it for a transport without
//! arguments: no authentication, only CONNECT, and only addresses (RFC 1928).

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const NO_METHOD: u8 = 0xFF;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const IPV6: u8 = 4;

/// The replies to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Reply {
    Succeeded = 0,
    NotAllowed = 2,
    ConnectionRefused = 5,
    CommandNotSupported = 7,
    AddressNotSupported = 8,
}

/// Reads a request. Returns the address to connect to. The caller has to reply.
///
/// # Errors
///
/// Returns an error if the client sends anything but a request to connect to an
/// address. If SOCKS has a reply for this error, it was sent to the client.
pub(super) fn read_request(stream: &mut (impl Read + Write)) -> io::Result<SocketAddr> {
    let [version, count] = read(stream)?;
    if version != VERSION {
        return Err(refused("another version of SOCKS"));
    }
    let mut methods = vec![0; usize::from(count)];
    stream.read_exact(&mut methods)?;
    if !methods.contains(&NO_AUTHENTICATION) {
        stream.write_all(&[VERSION, NO_METHOD])?;
        return Err(refused("authentication"));
    }
    stream.write_all(&[VERSION, NO_AUTHENTICATION])?;
    let [_, command, _, kind] = read(stream)?;
    let address = match kind {
        IPV4 => IpAddr::from(Ipv4Addr::from(read::<4>(stream)?)),
        IPV6 => IpAddr::from(Ipv6Addr::from(read::<16>(stream)?)),
        _ => {
            write_reply(stream, Reply::AddressNotSupported)?;
            return Err(refused("a name"));
        }
    };
    let port = u16::from_be_bytes(read(stream)?);
    if command != CONNECT {
        write_reply(stream, Reply::CommandNotSupported)?;
        return Err(refused("another command than CONNECT"));
    }
    Ok(SocketAddr::new(address, port))
}

/// Answers a request.
pub(super) fn write_reply(stream: &mut impl Write, reply: Reply) -> io::Result<()> {
    // tor doesn't use the address from which the connection was made.
    stream.write_all(&[VERSION, reply as u8, 0, IPV4, 0, 0, 0, 0, 0, 0])
}

fn read<const LENGTH: usize>(stream: &mut impl Read) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn refused(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the SOCKS client wants {what}"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A client that has already sent everything.
    struct Client {
        says: Cursor<Vec<u8>>,
        hears: Vec<u8>,
    }

    impl Read for Client {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.says.read(buffer)
        }
    }

    impl Write for Client {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.hears.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ask(says: &[u8]) -> (io::Result<SocketAddr>, Vec<u8>) {
        let mut client = Client { says: Cursor::new(says.to_vec()), hears: Vec::new() };
        (read_request(&mut client), client.hears)
    }

    #[test]
    fn requests_for_addresses_are_read() {
        let (address, heard) = ask(&[5, 2, 2, 0, 5, 1, 0, 1, 127, 1, 0, 1, 0x23, 0x29]);
        assert_eq!((address.unwrap().to_string().as_str(), heard), ("127.1.0.1:9001", vec![5, 0]));
        let mut says = vec![5, 1, 0, 5, 1, 0, 4];
        says.extend(Ipv6Addr::LOCALHOST.octets());
        says.extend([0, 80]);
        assert_eq!(ask(&says).0.unwrap().to_string(), "[::1]:80");
    }

    #[test]
    fn other_requests_are_refused() {
        for (says, hears) in [
            (&[4, 1, 0][..], &[][..]),
            (&[5, 1, 2], &[5, NO_METHOD]),
            (&[5, 1, 0, 5, 1, 0, 3, 1, b'a', 0, 80], &[5, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0]),
            (&[5, 1, 0, 5, 2, 0, 1, 127, 0, 0, 1, 0, 80], &[5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0]),
        ] {
            let (address, heard) = ask(says);
            assert_eq!(address.unwrap_err().kind(), io::ErrorKind::InvalidData, "{says:?}");
            assert_eq!(heard, hears, "{says:?}");
        }
    }

    #[test]
    fn requests_that_end_early_fail() {
        let whole = [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80];
        for end in 0..whole.len() {
            let error = ask(&whole[..end]).0.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{end}");
        }
    }
}
