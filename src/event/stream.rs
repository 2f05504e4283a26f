//! STREAM: streams.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::field;
use crate::event::{
    ClientProtocol, IsolationField, SocksUsername, StreamPurpose, StreamReason, StreamSource,
    StreamStatus, StreamTarget,
};
use crate::protocol::{Value, Word, Words};
use crate::word::{CircuitId, Secret, StreamId};

/// A stream as tor describes it, in a STREAM event or in a line of
/// `GETINFO stream-status`. control-spec, event STREAM.
///
/// `Display` writes it in one line, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Its id.
    pub id: StreamId,
    /// How far it has come.
    pub status: StreamStatus,
    /// The circuit that it is on; `None` where it is on none. It may change.
    pub circuit: Option<CircuitId>,
    /// Where it goes. It may change, as names are mapped and resolved.
    pub target: StreamTarget,
    /// `FAILED`, `CLOSED` and `DETACHED` only: why (`REASON`).
    pub reason: Option<StreamReason>,
    /// Why the other end closed it (`REMOTE_REASON`), where `reason` is `END`.
    pub remote_reason: Option<StreamReason>,
    /// `REMAP` only: where the new target came from (`SOURCE`).
    pub source: Option<StreamSource>,
    /// `NEW` and `NEWRESOLVE` only: the client's address (`SOURCE_ADDR`), as
    /// tor wrote it: see also [`source_socket_addr`](Self::source_socket_addr).
    pub source_addr: Option<String>,
    /// `NEW` and `NEWRESOLVE` only: what it is for (`PURPOSE`).
    pub purpose: Option<StreamPurpose>,
    /// The SOCKS user name (`SOCKS_USERNAME`).
    pub socks_username: Option<SocksUsername>,
    /// The SOCKS password (`SOCKS_PASSWORD`).
    pub socks_password: Option<Secret>,
    /// What the client spoke (`CLIENT_PROTOCOL`).
    pub client_protocol: Option<ClientProtocol>,
    /// The number of NEWNYMs before it (`NYM_EPOCH`).
    pub nym_epoch: Option<u32>,
    /// The group of the port that it came in by (`SESSION_GROUP`): 0 or more as
    /// configured, -2 for tor's own directory requests, -3 for RESOLVE, -4 and
    /// less where tor chose.
    pub session_group: Option<i32>,
    /// In what a stream must agree with this one to share its circuit
    /// (`ISO_FIELDS`).
    pub iso_fields: Vec<IsolationField>,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl StreamInfo {
    /// Reads what follows `650 STREAM`, or a line of `GETINFO stream-status`.
    /// `None` without an id, a status, a circuit and a target.
    ///
    /// ```
    /// use scape::event::StreamInfo;
    ///
    /// let stream = StreamInfo::parse(b"4 NEW 0 example.com:443 SOURCE_ADDR=::1:58178 PURPOSE=USER");
    /// let stream = stream.expect("it has all four");
    /// assert_eq!(stream.circuit, None);
    /// assert_eq!(stream.target.port(), Some(443));
    /// assert_eq!(stream.source_socket_addr(), "[::1]:58178".parse().ok());
    /// assert_eq!(stream.to_string(), "4 NEW USER example.com:443");
    /// ```
    pub fn parse(line: &[u8]) -> Option<Self> {
        let mut words = Words::new(line);
        let id = words.next_value().parse()?;
        let mut word = || Some(words.next_value()).filter(|word| !word.is_empty());
        let (status, circuit, target) = (word()?, word()?, word()?);
        let circuit: CircuitId = circuit.parse()?;
        let mut stream = StreamInfo {
            id,
            status: field::keyword(status),
            circuit: (circuit.get() != 0).then_some(circuit),
            target: field::keyword(target),
            reason: None,
            remote_reason: None,
            source: None,
            source_addr: None,
            purpose: None,
            socks_username: None,
            socks_password: None,
            client_protocol: None,
            nym_epoch: None,
            session_group: None,
            iso_fields: Vec::new(),
            extra: Vec::new(),
            extra_words: Vec::new(),
        };
        while let Some(word) = words.next() {
            match word {
                Word::Pair(key, mut value) => {
                    // tor writes `REASON= UNKNOWN_264` where it has no name for
                    // a reason.
                    if value.is_empty()
                        && matches!(key, "REASON" | "REMOTE_REASON")
                        && let Some(Word::Bare(unknown)) = words.clone().next()
                    {
                        value = unknown;
                        words.next();
                    }
                    if stream.take(key, value).is_none() {
                        stream.extra.push(field::pair(key, value));
                    }
                    if key == "SOURCE_ADDR" {
                        stream.read_rest_of_source(value, &mut words);
                    }
                }
                Word::Bare(value) => stream.extra_words.push(value.text().into_owned()),
            }
        }
        Some(stream)
    }

    /// Of a client whose kind of address tor does not know, as that of a socket
    /// pair, it writes `<unknown address type>:1`, with its spaces.
    fn read_rest_of_source(&mut self, value: Value<'_>, words: &mut Words<'_>) {
        let mut ended = !value.raw().starts_with(b"<") || value.raw().contains(&b'>');
        while !ended && let Some(Word::Bare(more)) = words.clone().next() {
            words.next();
            if let Some(source) = &mut self.source_addr {
                source.push(' ');
                source.push_str(&more.text());
            }
            ended = more.raw().contains(&b'>');
        }
    }

    /// The client's address. `None` where tor gives none, and for clients that
    /// have none: those of Unix sockets (`PATH:0`), of socket pairs
    /// (`<unknown address type>:1`) and tor itself (`(Tor_internal):0`).
    pub fn source_socket_addr(&self) -> Option<SocketAddr> {
        // IPv6 addresses come without brackets.
        let (host, port) = self.source_addr.as_deref()?.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let ip: IpAddr = host.parse().ok()?;
        Some(SocketAddr::new(ip, port.parse().ok()?))
    }

    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "REASON" => self.reason = Some(field::keyword(value)),
            "REMOTE_REASON" => self.remote_reason = Some(field::keyword(value)),
            "SOURCE" => self.source = Some(field::keyword(value)),
            "SOURCE_ADDR" => self.source_addr = Some(value.text().into_owned()),
            "PURPOSE" => self.purpose = Some(field::keyword(value)),
            "SOCKS_USERNAME" => self.socks_username = Some(field::keyword(value)),
            "SOCKS_PASSWORD" => self.socks_password = Some(Secret::new(value.bytes())),
            "CLIENT_PROTOCOL" => self.client_protocol = Some(field::keyword(value)),
            "NYM_EPOCH" => self.nym_epoch = Some(value.parse()?),
            "SESSION_GROUP" => self.session_group = Some(value.parse()?),
            "ISO_FIELDS" => self.iso_fields = field::keywords(value),
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for StreamInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.status)?;
        if let Some(purpose) = &self.purpose {
            write!(f, " {purpose}")?;
        }
        write!(f, " {}", self.target)?;
        if let Some(circuit) = self.circuit {
            write!(f, " on circuit {circuit}")?;
        }
        field::write_reasons(f, self.reason.as_ref(), self.remote_reason.as_ref())
    }
}
