//! TRANSPORT_LAUNCHED, PT_LOG and PT_STATUS: pluggable transports.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::extra::read_pairs;
use super::field;
use super::shown::OneLine;
use crate::event::{PtSeverity, TransportRole};
use crate::protocol::Words;
use crate::word::parse_ip;

/// A pluggable transport was started. control-spec, event TRANSPORT_LAUNCHED.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportLaunched {
    /// On which side it is.
    pub role: TransportRole,
    /// The transport's name, such as `obfs4`.
    pub name: String,
    /// The address it listens on, as tor wrote it: see also
    /// [`socket_addr`](Self::socket_addr).
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Keywords that this version of the library does not know, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl TransportLaunched {
    /// Reads what follows `TRANSPORT_LAUNCHED`. `None` without the four words
    /// that every such event has.
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

    /// Where it listens. (tor writes IPv6 addresses without brackets.)
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        let ip: IpAddr = parse_ip(&self.address)?;
        Some(SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for TransportLaunched {
    /// Such as `client obfs4 at 127.0.0.1:3000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at ", self.role, OneLine(&self.name))?;
        match self.socket_addr() {
            Some(address) => address.fmt(f),
            None => write!(f, "{}:{}", OneLine(&self.address), self.port),
        }
    }
}

/// A log message of a pluggable transport. Described, but not to be had of tor
/// 0.4.9. control-spec, event PT_LOG.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PtLog {
    /// The transport's program (`PT`).
    pub program: String,
    /// Its level (`SEVERITY`).
    pub severity: Option<PtSeverity>,
    /// The message (`MESSAGE`).
    pub message: Option<String>,
    /// Keywords that this version of the library does not know, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl PtLog {
    /// Reads what follows `PT_LOG`. `None` without a program.
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
        OneLine(&self.program).fmt(f)?;
        if let Some(severity) = &self.severity {
            write!(f, " {severity}")?;
        }
        write!(f, ": {}", OneLine(self.message.as_deref().unwrap_or_default()))
    }
}

/// What a pluggable transport tells of itself. Described, but not to be had of
/// tor 0.4.9. control-spec, event PT_STATUS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PtStatus {
    /// The transport's program (`PT`).
    pub program: String,
    /// The transport's name (`TRANSPORT`).
    pub transport: Option<String>,
    /// What it tells, keywords and values of its own, in order.
    pub arguments: Vec<(String, String)>,
    /// Words without a key, in order.
    pub extra_words: Vec<String>,
}

impl PtStatus {
    /// Reads what follows `PT_STATUS`. `None` without a program.
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
        OneLine(&self.program).fmt(f)?;
        if let Some(transport) = &self.transport {
            write!(f, " {}", OneLine(transport))?;
        }
        for (key, value) in &self.arguments {
            write!(f, " {key}={}", OneLine(value))?;
        }
        Ok(())
    }
}
