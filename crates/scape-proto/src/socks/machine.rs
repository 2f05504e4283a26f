//! The SOCKS5 handshake as a state machine: bytes in, the next step out.
//!
//! The machine asks for exactly the bytes that are missing from the current
//! message. So a caller that follows the steps never reads a byte that comes
//! after the handshake.
//!
//! If there are credentials, the handshake offers only one method:
//! authentication by user name and password. If it also offered the method
//! without authentication, a port could choose that method and ignore the
//! credentials. tor would then put the stream on a shared circuit.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use data_encoding::HEXUPPER;
use zeroize::Zeroizing;

use super::HandshakeError;
use super::request::Command;
use super::{Isolation, Request};
use crate::socks::SocksStatus;

const NO_AUTHENTICATION: u8 = 0x00;
const USER_AND_PASSWORD: u8 = 0x02;
const NO_ACCEPTABLE_METHOD: u8 = 0xFF;

/// The maximum number of bytes in a quotation from an invalid answer.
const EXCERPT: usize = 128;

/// The client side of one SOCKS5 handshake, without sockets or clocks.
///
/// Call [`step`](Self::step) with an empty slice first. Then do as each
/// returned [`NextStep`] says, until `step` returns [`Done`](NextStep::Done) or
/// an error.
///
/// ```
/// use scape_proto::socks::{Answer, Handshake, NextStep, Request};
///
/// let mut handshake = Handshake::new(&Request::resolve("example.com")?, None);
/// assert!(matches!(handshake.step(b"")?, NextStep::Send(b"\x05\x01\x00")));
/// assert!(matches!(handshake.step(b"")?, NextStep::Receive(2)));
/// assert!(matches!(handshake.step(b"\x05\x00")?, NextStep::Send(b"\x05\xf0\x00\x03\x0bexample.com\x00\x00")));
/// assert!(matches!(handshake.step(b"")?, NextStep::Receive(4)));
/// assert!(matches!(handshake.step(b"\x05\x00\x00\x01")?, NextStep::Receive(6)));
/// match handshake.step(b"\xc0\x00\x02\x01\x00\x00")? {
///     NextStep::Done(Answer::Address(ip)) => assert_eq!(ip.to_string(), "192.0.2.1"),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Handshake {
    command: Command,
    request: Vec<u8>,
    credentials: Option<Zeroizing<Vec<u8>>>,
    state: State,
    /// The received part of the current message.
    received: Vec<u8>,
    /// The number of bytes of the current message that must arrive before the
    /// next step can be chosen.
    needed: usize,
}

/// The message that the handshake waits for, or the end of the handshake.
#[derive(Debug, Clone)]
enum State {
    Start,
    Method,
    CredentialsReply,
    Reply,
    /// The rest of the first line of text from a peer that isn't a SOCKS5 port.
    Text,
    Ended(Result<Answer, HandshakeError>),
}

/// The next thing to do in a handshake, as [`Handshake::step`] returns it.
pub enum NextStep<'a> {
    /// Send these bytes, then call `step` with an empty slice.
    Send(&'a [u8]),
    /// Receive at most this many bytes, and pass them to `step`. If only some
    /// of the bytes have arrived, pass those: `step` then asks for the rest.
    Receive(usize),
    /// The handshake succeeded with this answer. Nothing is left to do.
    Done(Answer),
}

/// The answer of a SOCKS port to a successful request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The answer to CONNECT. From now on, all bytes on the connection are
    /// exchanged with the target.
    Connected,
    /// The answer to a look-up of a name: an address.
    Address(IpAddr),
    /// The answer to a look-up of an address: a name. It is also the answer to
    /// a look-up of a name if tor maps that name to another name.
    Name(Box<str>),
}

impl Handshake {
    /// Creates a handshake for `request`. If `isolation` is given and the port
    /// doesn't accept credentials, the handshake fails before it sends the
    /// request.
    ///
    /// ```
    /// use scape_proto::socks::{Handshake, Isolation, NextStep, Request};
    ///
    /// let isolation = Isolation::new("alice", "mail")?;
    /// let request = Request::connect("example.com:80")?;
    /// let mut handshake = Handshake::new(&request, Some(&isolation));
    /// // The only method in the first message is a user name and a password.
    /// assert!(matches!(handshake.step(b"")?, NextStep::Send(b"\x05\x01\x02")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(request: &Request, isolation: Option<&Isolation>) -> Self {
        Handshake {
            command: request.command(),
            request: request.encode(),
            credentials: isolation.map(Isolation::message),
            state: State::Start,
            received: Vec::new(),
            needed: 0,
        }
    }

    /// Processes the bytes that were received, and returns the next step. After
    /// the end of the handshake, this method returns the final result again.
    ///
    /// ```
    /// use scape_proto::socks::{Handshake, HandshakeError, Request, SocksStatus};
    ///
    /// let mut handshake = Handshake::new(&Request::connect("example.com:80")?, None);
    /// // The slice is empty after a step that sends bytes.
    /// for received in [&b""[..], b"", b"\x05\x00", b""] {
    ///     handshake.step(received)?;
    /// }
    /// let refused = handshake.step(b"\x05\x05\x00\x01");
    /// let status = SocksStatus::CONNECTION_REFUSED;
    /// assert!(matches!(refused, Err(HandshakeError::Status(code)) if code == status));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the port refuses the request, sends an invalid
    /// answer or isn't a SOCKS5 port. Also returns an error if `received` is
    /// longer than the last step asked for.
    pub fn step(&mut self, received: &[u8]) -> Result<NextStep<'_>, HandshakeError> {
        if let State::Ended(outcome) = &self.state {
            return outcome.clone().map(NextStep::Done);
        }
        if received.len() > self.needed - self.received.len() {
            let problem = protocol("step received more bytes than it asked for");
            return self.end(Err(problem));
        }
        self.received.extend_from_slice(received);
        if self.received.len() < self.needed {
            return Ok(NextStep::Receive(self.needed - self.received.len()));
        }
        match self.state {
            State::Start => {
                self.expect(State::Method, 2);
                let with_credentials = self.credentials.is_some();
                Ok(NextStep::Send(if with_credentials {
                    &[5, 1, USER_AND_PASSWORD]
                } else {
                    &[5, 1, 0]
                }))
            }
            State::Method => self.method(),
            State::CredentialsReply => self.credentials_reply(),
            State::Reply => self.reply(),
            State::Text => {
                let line_ended =
                    self.received.last().is_some_and(|b| matches!(b, b'\r' | b'\n' | 0));
                if line_ended || self.received.len() >= EXCERPT {
                    return self.end(Err(not_socks(&self.received)));
                }
                self.needed += 1;
                Ok(NextStep::Receive(1))
            }
            State::Ended(_) => self.end(Err(protocol("the handshake has ended"))),
        }
    }

    fn method(&mut self) -> Result<NextStep<'_>, HandshakeError> {
        if self.received[0] != 5 {
            return self.another_protocol();
        }
        match (self.received[1], self.credentials.is_some()) {
            (USER_AND_PASSWORD, true) => {
                self.expect(State::CredentialsReply, 2);
                Ok(NextStep::Send(
                    self.credentials.as_ref().map_or(&[], |message| message.as_slice()),
                ))
            }
            (NO_AUTHENTICATION, false) => self.send_request(),
            (NO_ACCEPTABLE_METHOD, _) => self.end(Err(HandshakeError::NoAcceptableMethod)),
            (other, _) => {
                let problem =
                    format!("it chose authentication method 0x{other:02X}, which was not offered");
                self.end(Err(protocol(problem)))
            }
        }
    }

    fn credentials_reply(&mut self) -> Result<NextStep<'_>, HandshakeError> {
        match (self.received[0], self.received[1]) {
            (1, 0) => self.send_request(),
            (1, _) => self.end(Err(HandshakeError::CredentialsRefused)),
            (version, _) => {
                let problem = format!("its answer to the credentials has version {version}, not 1");
                self.end(Err(protocol(problem)))
            }
        }
    }

    fn send_request(&mut self) -> Result<NextStep<'_>, HandshakeError> {
        self.credentials = None;
        self.expect(State::Reply, 4);
        Ok(NextStep::Send(&self.request))
    }

    /// Processes the port's reply to the request (RFC 1928, section 6).
    fn reply(&mut self) -> Result<NextStep<'_>, HandshakeError> {
        if self.received[0] != 5 {
            let problem = format!("its reply has version {}, not 5", self.received[0]);
            return self.end(Err(protocol(problem)));
        }
        // The address in a failure has no meaning. If a look-up fails, tor
        // doesn't even send an address type.
        let status = SocksStatus::new(self.received[1]);
        if status != SocksStatus::SUCCEEDED {
            return self.end(Err(HandshakeError::Status(status)));
        }
        let length = match (self.received[3], self.received.get(4)) {
            (1, _) => 4 + 4 + 2,
            (4, _) => 4 + 16 + 2,
            (3, None) => 5,
            (3, Some(&length)) => 5 + usize::from(length) + 2,
            (kind, _) => {
                let problem = format!("its reply has the unknown address type {kind}");
                return self.end(Err(protocol(problem)));
            }
        };
        if self.received.len() < length {
            self.needed = length;
            return Ok(NextStep::Receive(length - self.received.len()));
        }
        let answer = self.answer();
        self.end(answer)
    }

    /// Returns the answer in a complete reply. The port is ignored, because tor
    /// always sends 0.
    fn answer(&self) -> Result<Answer, HandshakeError> {
        let address = &self.received[4..self.received.len() - 2];
        if self.command == Command::Connect {
            // In RFC 1928, this is the address from which the exit connects,
            // and it may be a name. tor doesn't report it.
            return Ok(Answer::Connected);
        }
        let answer = if let Ok(octets) = <[u8; 4]>::try_from(address)
            && self.received[3] == 1
        {
            Answer::Address(Ipv4Addr::from(octets).into())
        } else if let Ok(octets) = <[u8; 16]>::try_from(address)
            && self.received[3] == 4
        {
            Answer::Address(Ipv6Addr::from(octets).into())
        } else {
            let name = &address[1..];
            match str::from_utf8(name) {
                Ok(name) if !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()) => {
                    Answer::Name(name.into())
                }
                _ => return Err(protocol(format!("it found {} instead of a name", excerpt(name)))),
            }
        };
        match answer {
            Answer::Address(ip) if self.command == Command::ResolvePtr => {
                Err(protocol(format!("it was asked for a name, but found the address {ip}")))
            }
            answer => Ok(answer),
        }
    }

    /// Returns the error to report if the peer closes the connection now. If
    /// the handshake has already failed, returns the error that ended it.
    ///
    /// ```
    /// use scape_proto::socks::{Handshake, HandshakeError, Request};
    ///
    /// let handshake = Handshake::new(&Request::connect("example.com:80")?, None);
    /// assert!(matches!(handshake.at_eof(), HandshakeError::Closed(_)));
    /// # Ok::<(), scape_proto::socks::RequestError>(())
    /// ```
    pub fn at_eof(&self) -> HandshakeError {
        if let Some(suspicion) = self.suspicion() {
            return suspicion;
        }
        let before = match &self.state {
            State::CredentialsReply => "answered the credentials",
            State::Reply => "answered the request",
            State::Ended(Err(error)) => return error.clone(),
            State::Ended(Ok(_)) => {
                let text = "the peer closed the connection after the handshake";
                return HandshakeError::Closed(text.into());
            }
            State::Start | State::Method | State::Text => "chose an authentication method",
        };
        let partly = if self.received.is_empty() { "before it" } else { "while it" };
        let text = format!("the peer closed the connection {partly} {before}");
        HandshakeError::Closed(text.into())
    }

    /// Returns an error if the bytes so far already show that the peer isn't a
    /// SOCKS5 port. Returns `None` if the bytes don't show this, or if the
    /// handshake has ended.
    ///
    /// The handshake doesn't fail as soon as this method returns an error. It
    /// asks for more bytes, so that the final error can quote more of the
    /// peer's answer.
    ///
    /// ```
    /// use scape_proto::socks::{Handshake, HandshakeError, Request};
    ///
    /// let mut handshake = Handshake::new(&Request::connect("example.com:80")?, None);
    /// handshake.step(b"")?;
    /// assert_eq!(handshake.suspicion(), None);
    /// handshake.step(b"HT")?;
    /// assert!(matches!(handshake.suspicion(), Some(HandshakeError::NotSocks(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn suspicion(&self) -> Option<HandshakeError> {
        let suspicious = match self.state {
            State::Text => true,
            State::Method => self.received.first().is_some_and(|&version| version != 5),
            _ => false,
        };
        suspicious.then(|| not_socks(&self.received))
    }

    /// Handles a peer that doesn't speak SOCKS5. If the peer has sent text,
    /// asks for the rest of the line, which shows what kind of peer it is.
    fn another_protocol(&mut self) -> Result<NextStep<'_>, HandshakeError> {
        if !self.received.iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
            return self.end(Err(not_socks(&self.received)));
        }
        self.state = State::Text;
        self.needed += 1;
        Ok(NextStep::Receive(1))
    }

    fn expect(&mut self, state: State, needed: usize) {
        self.state = state;
        self.received.clear();
        self.needed = needed;
    }

    fn end(
        &mut self,
        outcome: Result<Answer, HandshakeError>,
    ) -> Result<NextStep<'_>, HandshakeError> {
        self.credentials = None;
        self.state = State::Ended(outcome.clone());
        outcome.map(NextStep::Done)
    }
}

fn protocol(what: impl Into<String>) -> HandshakeError {
    HandshakeError::Protocol(what.into().into_boxed_str())
}

/// Returns an error that describes a peer by the bytes that the peer sent
/// instead of SOCKS5.
fn not_socks(said: &[u8]) -> HandshakeError {
    let text = excerpt(said);
    let code =
        said.len() > 3 && said[..3].iter().all(u8::is_ascii_digit) && b" -+".contains(&said[3]);
    let what = if said.starts_with(b"HTTP/") {
        format!("it speaks HTTP, and said {text}")
    } else if code {
        format!("it seems to be a control port, and said {text}")
    } else {
        format!("it said {text}")
    };
    HandshakeError::NotSocks(what.into_boxed_str())
}

/// Returns the first line of a text, enclosed in quotes. If the bytes aren't
/// text, returns them as hexadecimal digits.
fn excerpt(bytes: &[u8]) -> String {
    let line = bytes.split(|b| matches!(b, b'\r' | b'\n' | 0)).next().unwrap_or(bytes);
    match str::from_utf8(line) {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => format!("{text:?}"),
        _ => format!("the bytes {}", HEXUPPER.encode(&bytes[..bytes.len().min(EXCERPT)])),
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("command", &self.command)
            .field("state", &self.state)
            .finish()
    }
}

/// Shows only the number of bytes to send, because the bytes may be
/// credentials.
impl fmt::Debug for NextStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NextStep::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            NextStep::Receive(count) => write!(f, "Receive({count})"),
            NextStep::Done(answer) => write!(f, "Done({answer:?})"),
        }
    }
}
