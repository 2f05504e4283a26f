//! The server side of the SOCKS5 handshake with a program (RFC 1928 and RFC
//! 1929).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use crate::io::transport::Transport;
use scape_proto::socks::SocksStatus;
use scape_proto::word::Secret;

/// The version byte of SOCKS5.
const SOCKS5: u8 = 5;

// Methods of authentication.
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
/// The reply that refuses all authentication methods of the program.
const NO_ACCEPTABLE_METHOD: u8 = 0xff;

/// The command to connect to a target.
const CONNECT: u8 = 1;

// Types of addresses.
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The version byte of the exchange of user name and password (RFC 1929).
const PASSWORD_VERSION: u8 = 1;
/// The reply that accepts the user name and the password.
const ACCEPTED: u8 = 0;
/// The reply that refuses the user name or the password.
const REFUSED: u8 = 1;

/// The user name and the password that a server requires.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a Secret,
}

/// Reads a program's request (RFC 1928), after its credentials (RFC 1929) if a
/// `login` is required. Returns the requested host and port. If the credentials
/// or the request are refused, tells the program so and returns `None`.
pub(crate) fn handshake(
    program: &Transport,
    login: Option<Login<'_>>,
    deadline: Instant,
) -> io::Result<Option<(String, u16)>> {
    let read = |count: u8| read(program, count.into(), deadline);
    let byte = || read_array::<1>(program, deadline).map(|[byte]| byte);
    let write = |bytes: &[u8]| program.write_all_by(bytes, deadline);
    if byte()? != SOCKS5 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the program doesn't speak SOCKS5"));
    }
    let method = if login.is_some() { USER_AND_PASSWORD } else { NO_AUTHENTICATION };
    if !read(byte()?)?.contains(&method) {
        write(&[SOCKS5, NO_ACCEPTABLE_METHOD])?;
        return Ok(None);
    }
    write(&[SOCKS5, method])?;

    if let Some(login) = login {
        let version = byte()?;
        let user = read(byte()?)?;
        let password = Secret::new(read(byte()?)?);
        let is_known = (user == login.user.as_bytes()) & (password == *login.password);
        if version != PASSWORD_VERSION || !is_known {
            write(&[PASSWORD_VERSION, REFUSED])?;
            return Ok(None);
        }
        write(&[PASSWORD_VERSION, ACCEPTED])?;
    }

    let [version, command, _, kind] = read_array(program, deadline)?;
    let refuse = |status| answer(program, status, deadline).map(|()| None);
    let host = match kind {
        _ if version != SOCKS5 => return refuse(SocksStatus::GENERAL_FAILURE),
        IPV4 => IpAddr::from(Ipv4Addr::from(read_array::<4>(program, deadline)?)).to_string(),
        IPV6 => IpAddr::from(Ipv6Addr::from(read_array::<16>(program, deadline)?)).to_string(),
        NAME => match String::from_utf8(read(byte()?)?) {
            Ok(name) => name,
            Err(_) => return refuse(SocksStatus::GENERAL_FAILURE),
        },
        _ => return refuse(SocksStatus::ADDRESS_TYPE_NOT_SUPPORTED),
    };
    let port = u16::from_be_bytes(read_array(program, deadline)?);
    if command != CONNECT {
        return refuse(SocksStatus::COMMAND_NOT_SUPPORTED);
    }
    Ok(Some((host, port)))
}

/// Answers a program's request with `status`.
pub(crate) fn answer(
    program: &Transport,
    status: SocksStatus,
    deadline: Instant,
) -> io::Result<()> {
    program.write_all_by(&[SOCKS5, status.code(), 0, IPV4, 0, 0, 0, 0, 0, 0], deadline)
}

fn read_array<const N: usize>(program: &Transport, deadline: Instant) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(program, &mut bytes, deadline)?;
    Ok(bytes)
}

fn read(program: &Transport, count: usize, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    fill(program, &mut bytes, deadline)?;
    Ok(bytes)
}

/// Fills the buffer and reads nothing beyond it, because the bytes after the
/// handshake belong to the connection.
fn fill(program: &Transport, mut bytes: &mut [u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        match program.read_by(bytes, deadline)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes = bytes.get_mut(count..).unwrap_or_default(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::io::transport::deadline_after;

    const SOON: Duration = Duration::from_secs(20);

    /// Performs a handshake that requires a login, with a program that sends
    /// `sent` and then stops writing. Returns the outcome and the bytes that
    /// the program received.
    fn made(sent: &[&[u8]]) -> (io::Result<Option<(String, u16)>>, Vec<u8>) {
        made_by(true, sent)
    }

    fn made_by(
        login_required: bool,
        sent: &[&[u8]],
    ) -> (io::Result<Option<(String, u16)>>, Vec<u8>) {
        let (here, mut program) = Transport::pair();
        program.write_all(&sent.concat()).unwrap();
        program.shutdown_write().unwrap();
        let password = sesame();
        let login = Login { user: "user", password: &password };
        let outcome = handshake(&here, login_required.then_some(login), deadline_after(SOON));
        drop(here);
        let mut answers = Vec::new();
        program.read_to_end(&mut answers).unwrap();
        (outcome, answers)
    }

    fn sesame() -> Secret {
        Secret::from("sesame")
    }

    const METHODS: &[u8] = b"\x05\x02\x00\x02";
    const KNOWN: &[u8] = b"\x01\x04user\x06sesame";

    #[test]
    fn handshake_yields_the_target_of_a_known_program() {
        for (target, host) in [
            (&b"\x05\x01\x00\x03\x09some.test\x00\x50"[..], "some.test"),
            (b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50", "192.0.2.1"),
            (b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50", "2001:db8::1"),
        ] {
            let (outcome, answers) = made(&[METHODS, KNOWN, target]);
            assert_eq!(outcome.unwrap(), Some((host.to_owned(), 80)));
            assert_eq!(answers, b"\x05\x02\x01\x00");
        }
    }

    #[test]
    fn handshake_refuses_programs_without_the_credentials() {
        for (sent, answered) in [
            (&[&b"\x05\x01\x00"[..]][..], &b"\x05\xff"[..]),
            (&[b"\x05\x00"], b"\x05\xff"),
            (&[METHODS, b"\x01\x04user\x06Sesame"], b"\x05\x02\x01\x01"),
            (&[METHODS, b"\x01\x04user\x05sesam"], b"\x05\x02\x01\x01"),
            (&[METHODS, b"\x01\x04USER\x06sesame"], b"\x05\x02\x01\x01"),
            (&[METHODS, b"\x01\x00\x00"], b"\x05\x02\x01\x01"),
            (&[METHODS, b"\x05\x04user\x06sesame"], b"\x05\x02\x01\x01"),
        ] {
            let (outcome, answers) = made(sent);
            assert_eq!((outcome.unwrap(), &*answers), (None, answered));
        }
        // Unsupported requests are refused with a status.
        for (request, status) in [
            (&b"\x05\xf0\x00\x03\x01a\x00\x00"[..], 7),
            (b"\x05\x02\x00\x01\xc0\x00\x02\x01\x00\x50", 7),
            (b"\x05\x01\x00\x09", 8),
            (b"\x05\x01\x00\x03\x01\xff\x00\x50", 1),
            (b"\x04\x01\x00\x01", 1),
        ] {
            let (outcome, answers) = made(&[METHODS, KNOWN, request]);
            assert_eq!((outcome.unwrap(), answers.get(5)), (None, Some(&status)));
        }
        // Programs that don't speak SOCKS5 or stop too early get no answer.
        for sent in [&b""[..], b"\x05", b"\x05\x02\x02", b"\x04\x01\x00\x50", b"GET / HTTP/1.0\r\n"]
        {
            let (outcome, answers) = made(&[sent]);
            assert!(outcome.is_err() && answers.is_empty(), "{sent:?}");
        }
    }

    #[test]
    fn handshake_without_a_login() {
        let request = b"\x05\x01\x00\x01\x7f\x01\x00\x01\x23\x29";
        let (outcome, answers) = made_by(false, &[METHODS, request]);
        assert_eq!(outcome.unwrap(), Some(("127.1.0.1".to_owned(), 9001)));
        assert_eq!(answers, b"\x05\x00");
        // A program that wants to log in is refused.
        let (outcome, answers) = made_by(false, &[b"\x05\x01\x02"]);
        assert_eq!((outcome.unwrap(), &*answers), (None, &b"\x05\xff"[..]));
        let whole = [METHODS, request].concat();
        for end in 0..whole.len() {
            let error = made_by(false, &[&whole[..end]]).0.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{end}");
        }
    }

    #[test]
    fn handshake_has_one_deadline_for_a_program_that_sends_slowly() {
        let (here, program) = Transport::pair();
        let slow = thread::spawn(move || {
            for _ in 0..1000 {
                if (&program).write_all(b"\x05").is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let started = Instant::now();
        let deadline = deadline_after(Duration::from_millis(200));
        // The bytes keep announcing five more bytes, so the handshake never
        // completes.
        let password = sesame();
        let login = Login { user: "user", password: &password };
        let outcome = loop {
            match handshake(&here, Some(login), deadline) {
                Ok(None) => {}
                other => break other,
            }
        };
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() < SOON);
        drop(here);
        slow.join().unwrap();
    }
}
