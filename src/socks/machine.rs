//! The SOCKS5 handshake as a step machine: bytes in, the next step out.
//!
//! It always says exactly how many bytes it still needs for the message that it
//! is reading, so whoever obeys never reads a byte of what comes after the
//! handshake. With credentials it offers only them: a port that takes no
//! credentials would put the stream on a circuit with others.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zeroize::Zeroizing;

use super::HandshakeError;
use super::request::Command;
use super::{Isolation, Request};
use crate::socks::SocksStatus;

const NO_AUTHENTICATION: u8 = 0x00;
const USER_AND_PASSWORD: u8 = 0x02;
const NO_ACCEPTABLE_METHOD: u8 = 0xFF;

/// How much of what a wrong peer says is shown.
const EXCERPT: usize = 128;

/// One SOCKS5 handshake, from the client's side. Knows neither sockets nor
/// clocks.
///
/// Call [`step`](Self::step) with nothing first, then do as it says until it is
/// [`Done`](NextStep::Done) or fails.
///
/// ```
/// use scape::socks::{Answer, Handshake, NextStep, Request};
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
    /// What was received of the message that is being read.
    received: Vec<u8>,
    /// How long that message is, as far as is known.
    needed: usize,
}

/// What is being waited for.
#[derive(Debug, Clone)]
enum State {
    Start,
    Method,
    CredentialsReply,
    Reply,
    /// More of the text that a peer says which is no SOCKS5 port.
    Text,
    Ended(Result<Answer, HandshakeError>),
}

/// What to do next.
#[non_exhaustive]
pub enum NextStep<'a> {
    /// Send these bytes, then step with nothing.
    Send(&'a [u8]),
    /// Receive at most this many bytes and step with them. They may come in any
    /// number of pieces.
    Receive(usize),
    /// The handshake has succeeded.
    Done(Answer),
}

/// What a SOCKS port granted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// To connect: what is sent and received now is the target's.
    Connected,
    /// To look up a name: an address.
    Address(IpAddr),
    /// To look up an address: a name. (tor may answer so for a name as well,
    /// when it was mapped to another.)
    Name(Box<str>),
}

impl Handshake {
    /// The handshake for `request`. With `isolation` it goes no further than
    /// the methods where the port does not take credentials.
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

    /// Takes what was `received`, and says what to do next. After the end it
    /// gives the same answer again.
    ///
    /// # Errors
    /// The port refuses, is no SOCKS5 port, or `received` is more than was
    /// asked for.
    pub fn step(&mut self, received: &[u8]) -> Result<NextStep<'_>, HandshakeError> {
        if let State::Ended(outcome) = &self.state {
            return outcome.clone().map(NextStep::Done);
        }
        if received.len() > self.needed - self.received.len() {
            let problem = protocol("more bytes were taken than the handshake has");
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

    /// RFC 1928, section 6.
    fn reply(&mut self) -> Result<NextStep<'_>, HandshakeError> {
        if self.received[0] != 5 {
            let problem = format!("its reply has version {}, not 5", self.received[0]);
            return self.end(Err(protocol(problem)));
        }
        // A failure's address means nothing; tor's even has no type when a
        // look-up fails.
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
                let problem = format!("its reply has address type {kind}, which is none");
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

    /// What a whole reply grants. The port is of no use: tor's is 0.
    fn answer(&self) -> Result<Answer, HandshakeError> {
        let address = &self.received[4..self.received.len() - 2];
        if self.command == Command::Connect {
            // Where the exit connects from, which tor does not say. (It may be
            // a name, says RFC 1928.)
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
                _ => return Err(protocol(format!("it found {}, which is no name", excerpt(name)))),
            }
        };
        match answer {
            Answer::Address(ip) if self.command == Command::ResolvePtr => {
                Err(protocol(format!("it was asked for a name, and found the address {ip}")))
            }
            answer => Ok(answer),
        }
    }

    /// What to report when the peer ends the stream now.
    pub fn at_eof(&self) -> HandshakeError {
        self.suspicion().unwrap_or_else(|| {
            let before = match self.state {
                State::CredentialsReply => "answered the credentials",
                State::Reply => "answered the request",
                _ => "chose an authentication method",
            };
            let partly =
                if self.received.is_empty() { "before it" } else { "in the middle of how it" };
            let text = format!("it closed the connection {partly} {before}");
            HandshakeError::Closed(text.into())
        })
    }

    /// What is already known to be wrong, although more is being read to tell
    /// it better.
    pub(super) fn suspicion(&self) -> Option<HandshakeError> {
        let suspicious = match self.state {
            State::Text => true,
            State::Method => self.received.first().is_some_and(|&version| version != 5),
            _ => false,
        };
        suspicious.then(|| not_socks(&self.received))
    }

    /// The peer does not speak SOCKS5. If it is text, the rest of its line
    /// tells what it is.
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

/// Says what a peer seems to be that said this instead of SOCKS5.
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

/// Text in quotes, to the end of its line; anything else as hexadecimal digits.
fn excerpt(bytes: &[u8]) -> String {
    let line = bytes.split(|b| matches!(b, b'\r' | b'\n' | 0)).next().unwrap_or(bytes);
    match str::from_utf8(line) {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => format!("{text:?}"),
        _ => format!("the bytes {}", hex::encode_upper(&bytes[..bytes.len().min(EXCERPT)])),
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

/// Shows how many bytes are to be sent, not which: they may be credentials.
impl fmt::Debug for NextStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NextStep::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            NextStep::Receive(count) => write!(f, "Receive({count})"),
            NextStep::Done(answer) => write!(f, "Done({answer:?})"),
        }
    }
}
