//! The STREAM event: streams.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::field;
use super::merge::replace;
use super::shown::InOneLine;
use crate::control::{Value, Word, Words};
use crate::event::{
    ClientProtocol, IsolationField, SocksUsername, StreamPurpose, StreamReason, StreamSource,
    StreamStatus, StreamTarget,
};
use crate::word::{CircuitId, Secret, StreamId};

/// A stream as tor describes it in a STREAM event or in a line of
/// `GETINFO stream-status`. See control-spec, event STREAM.
///
/// A field is `None` if its argument is missing or malformed. `Display` writes
/// one line without secrets.
#[doc(alias = "StreamEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StreamInfo {
    /// The stream's id.
    pub id: StreamId,
    /// The stream's status.
    pub status: StreamStatus,
    /// The circuit that the stream is attached to, or `None` if it isn't
    /// attached. A stream can move to another circuit.
    pub circuit: Option<CircuitId>,
    /// The destination of the stream. The destination changes when tor maps its
    /// host to another host, or resolves it to an address.
    pub target: StreamTarget,
    /// The reason for the status `FAILED`, `CLOSED` or `DETACHED` (`REASON`).
    /// `None` for other statuses.
    pub reason: Option<StreamReason>,
    /// The reason given by the other end of the stream (`REMOTE_REASON`).
    /// `None` unless `reason` is `END`.
    pub remote_reason: Option<StreamReason>,
    /// The source of the new target: tor's own address map, or the exit's
    /// answer (`SOURCE`). Present only if the status is `REMAP`.
    pub source: Option<StreamSource>,
    /// The client's address (`SOURCE_ADDR`), as tor wrote it. Present only if
    /// the status is `NEW` or `NEWRESOLVE`. See also
    /// [`source_socket_addr`](Self::source_socket_addr).
    pub source_addr: Option<String>,
    /// The purpose of the stream (`PURPOSE`). Present only if the status is
    /// `NEW` or `NEWRESOLVE`.
    pub purpose: Option<StreamPurpose>,
    /// The SOCKS user name that the client gave (`SOCKS_USERNAME`). `None` if
    /// the client gave none.
    pub socks_username: Option<SocksUsername>,
    /// The SOCKS password that the client gave (`SOCKS_PASSWORD`). `None` if
    /// the client gave none.
    pub socks_password: Option<Secret>,
    /// The protocol that the client used (`CLIENT_PROTOCOL`). `None` if the
    /// argument is missing or malformed.
    pub client_protocol: Option<ClientProtocol>,
    /// The number of NEWNYM signals before the stream was opened (`NYM_EPOCH`).
    /// `None` if the argument is missing or malformed.
    pub nym_epoch: Option<u32>,
    /// The session group of the port that the stream came in on
    /// (`SESSION_GROUP`). A group from tor's configuration is 0 or more. A
    /// group that tor chose is -4 or less. Two numbers are special: -2 for
    /// tor's own directory requests, and -3 for RESOLVE. `None` if the argument
    /// is missing or malformed.
    pub session_group: Option<i32>,
    /// The properties in which another stream must agree with this one to share
    /// its circuit (`ISO_FIELDS`).
    pub iso_fields: Vec<IsolationField>,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl StreamInfo {
    /// Parses the text after `650 STREAM`, or a line of
    /// `GETINFO stream-status`. Returns `None` if the id, the status, the
    /// circuit or the target is missing or malformed.
    ///
    /// ```
    /// use scape_proto::event::StreamInfo;
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
                    // tor writes `REASON= UNKNOWN_264`, with a space, if it has
                    // no name for a reason.
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

    /// Merges a later description of the same stream into this one:
    ///
    /// - The status becomes the [lasting](StreamStatus::lasting) status of
    ///   `told`. A REMAP event doesn't change the status.
    /// - The circuit is replaced. DETACHED sets it to `None`. A stream that has
    ///   ended keeps its last circuit if `told` has no circuit.
    /// - The target, the reasons, `extra` and `extra_words` are replaced.
    /// - Each of the other fields is replaced only if `told` has a value for
    ///   it, because tor sends some of them only once.
    ///
    /// ```
    /// use scape_proto::event::{StreamInfo, StreamPurpose, StreamStatus};
    ///
    /// let [new, open] = [&b"4 NEW 0 example.com:80 PURPOSE=USER"[..], b"4 SUCCEEDED 7 example.com:80"]
    ///     .map(|line| StreamInfo::parse(line).expect("it has all four"));
    /// let mut stream = new;
    /// stream.update(&open);
    /// assert_eq!(stream.status, StreamStatus::Succeeded);
    /// assert_eq!(stream.purpose, Some(StreamPurpose::User));
    /// ```
    #[doc(hidden)] // for `scape` only
    pub fn update(&mut self, told: &StreamInfo) {
        // Destructures all fields, so that the compiler reports a forgotten
        // one.
        let StreamInfo {
            id: _,
            status,
            circuit,
            target,
            reason,
            remote_reason,
            source,
            source_addr,
            purpose,
            socks_username,
            socks_password,
            client_protocol,
            nym_epoch,
            session_group,
            iso_fields,
            extra,
            extra_words,
        } = told;
        // A REMAP event changes only the target. The stream keeps its status.
        if *status != StreamStatus::Remap {
            replace(&mut self.status, status.lasting());
        }
        match status {
            StreamStatus::Detached => self.circuit = None,
            // A stream that has ended keeps the circuit that it was on.
            _ if status.is_end() => self.circuit = circuit.or(self.circuit),
            _ => self.circuit = *circuit,
        }
        macro_rules! keep {
            ($($field:ident),*) => {
                $( if $field.is_some() { replace(&mut self.$field, $field); } )*
            };
        }
        keep!(
            source,
            source_addr,
            purpose,
            socks_username,
            socks_password,
            client_protocol,
            nym_epoch,
            session_group
        );
        if !iso_fields.is_empty() {
            replace(&mut self.iso_fields, iso_fields);
        }
        replace(&mut self.target, target);
        replace(&mut self.reason, reason);
        replace(&mut self.remote_reason, remote_reason);
        replace(&mut self.extra, extra);
        replace(&mut self.extra_words, extra_words);
    }

    /// Reads the rest of a `SOURCE_ADDR` that contains spaces. tor writes
    /// `<unknown address type>:1` for a client whose address family it doesn't
    /// know, such as one that uses a socket pair.
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

    /// Returns the client's address.
    ///
    /// Returns `None` if tor gave no address, or if the client has no IP
    /// address. Clients without an IP address are those of Unix sockets
    /// (`PATH:0`), those of socket pairs (`<unknown address type>:1`) and tor
    /// itself (`(Tor_internal):0`).
    ///
    /// ```
    /// use scape_proto::event::StreamInfo;
    ///
    /// let line = b"4 NEW 0 example.com:443 SOURCE_ADDR=127.0.0.1:58178 PURPOSE=USER";
    /// let stream = StreamInfo::parse(line).expect("it has all four");
    /// assert_eq!(stream.source_socket_addr(), "127.0.0.1:58178".parse().ok());
    /// ```
    pub fn source_socket_addr(&self) -> Option<SocketAddr> {
        // tor writes IPv6 addresses without brackets, so the port comes after
        // the last colon.
        let (host, port) = self.source_addr.as_deref()?.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let ip: IpAddr = host.parse().ok()?;
        Some(SocketAddr::new(ip, port.parse().ok()?))
    }

    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown or the value can't be parsed.
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
        let f = &mut InOneLine(f);
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
