//! The TRANSPORT_LAUNCHED, PT_LOG and PT_STATUS events: pluggable transports.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::extra::read_pairs;
use super::field;
use super::shown::InOneLine;
use crate::control::Words;
use crate::event::{PtSeverity, TransportRole};
use crate::word::parse_ip;

/// A pluggable transport that was started. See control-spec, event
/// TRANSPORT_LAUNCHED.
#[doc(alias = "TransportLaunchedEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TransportLaunched {
    /// The role of the transport: for a client or for a bridge.
    pub role: TransportRole,
    /// The transport's name, such as `obfs4`.
    pub name: String,
    /// The address that the transport listens on, as tor wrote it. See also
    /// [`socket_addr`](Self::socket_addr).
    pub address: String,
    /// The port that the transport listens on.
    pub port: u16,
    /// Keyword arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl TransportLaunched {
    /// Parses the text after `TRANSPORT_LAUNCHED`. Returns `None` if one of the
    /// four positional arguments is missing, or if the port is malformed.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let mut word = || Some(words.next_value()).filter(|word| !word.is_empty());
        let (role, name, address, port) = (word()?, word()?, word()?, word()?.parse()?);
        let (extra, extra_words) = read_pairs(words, |_, _| None);
        Some(TransportLaunched {
            role: field::keyword(role),
            name: name.text().into_owned(),
            address: address.text().into_owned(),
            port,
            extra,
            extra_words,
        })
    }

    /// Returns the IP address and port that the transport listens on. Returns
    /// `None` if the address isn't an IP address.
    ///
    /// The brackets around an IPv6 address are optional, because tor writes
    /// none.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use scape_proto::control::Decoder;
    /// use scape_proto::event::{Event, EventBody};
    ///
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650 TRANSPORT_LAUNCHED client obfs4 127.0.0.1 3000\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
    /// // 650 TRANSPORT_LAUNCHED client obfs4 127.0.0.1 3000
    /// let EventBody::TransportLaunched(transport) = event.body() else { panic!("{event}") };
    /// assert_eq!(transport.socket_addr(), "127.0.0.1:3000".parse().ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        let ip: IpAddr = parse_ip(&self.address)?;
        Some(SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for TransportLaunched {
    /// Writes a short description, such as `client obfs4 at 127.0.0.1:3000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{} {} at ", self.role, self.name)?;
        match self.socket_addr() {
            Some(address) => write!(f, "{address}"),
            None => write!(f, "{}:{}", self.address, self.port),
        }
    }
}

/// A log message from a pluggable transport. See control-spec, event PT_LOG.
///
/// tor 0.4.9 doesn't let controllers subscribe to this event, although
/// control-spec describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PtLog {
    /// The path of the transport's program (`PT`).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
    pub program: String,
    /// The severity of the message (`SEVERITY`). `None` if tor didn't send it.
    pub severity: Option<PtSeverity>,
    /// The text of the message (`MESSAGE`). `None` if tor didn't send it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::optional_text"))]
    pub message: Option<String>,
    /// Keyword arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl PtLog {
    /// Parses the text after `PT_LOG`. Returns `None` if the program is
    /// missing.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let (mut program, mut severity, mut message) = (None, None, None);
        let (extra, extra_words) = read_pairs(Words::new(rest), |key, value| {
            match key {
                "PT" => program = Some(value.text().into_owned()),
                "SEVERITY" => severity = Some(field::keyword(value)),
                "MESSAGE" => message = Some(value.text().into_owned()),
                _ => return None,
            }
            Some(())
        });
        Some(PtLog { program: program?, severity, message, extra, extra_words })
    }
}

impl fmt::Display for PtLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{}", self.program)?;
        if let Some(severity) = &self.severity {
            write!(f, " {severity}")?;
        }
        write!(f, ": {}", self.message.as_deref().unwrap_or_default())
    }
}

/// A status message from a pluggable transport. See control-spec, event
/// PT_STATUS.
///
/// tor 0.4.9 doesn't let controllers subscribe to this event, although
/// control-spec describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PtStatus {
    /// The path of the transport's program (`PT`).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
    pub program: String,
    /// The transport's name (`TRANSPORT`). `None` if tor didn't send it.
    pub transport: Option<String>,
    /// The keyword arguments except `PT` and `TRANSPORT`, in order. The
    /// transport chooses these arguments.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub arguments: Vec<(String, String)>,
    /// All positional arguments, in order. This version of the library
    /// interprets none of them.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl PtStatus {
    /// Parses the text after `PT_STATUS`. Returns `None` if the program is
    /// missing.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let (mut program, mut transport) = (None, None);
        let (arguments, extra_words) = read_pairs(Words::new(rest), |key, value| {
            match key {
                "PT" => program = Some(value.text().into_owned()),
                "TRANSPORT" => transport = Some(value.text().into_owned()),
                _ => return None,
            }
            Some(())
        });
        Some(PtStatus { program: program?, transport, arguments, extra_words })
    }
}

impl fmt::Display for PtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{}", self.program)?;
        if let Some(transport) = &self.transport {
            write!(f, " {transport}")?;
        }
        for (key, value) in &self.arguments {
            write!(f, " {key}={value}")?;
        }
        Ok(())
    }
}
