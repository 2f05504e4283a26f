//! The error of a tor without a usable SOCKS port.

use std::fmt;

use crate::error::{Cause, ErrorKind};

use crate::control::ConnectAttempt;
use crate::error::write_with_sources;
use scape_proto::control::Refusal;

/// The reason why [`Tor::client_on`](crate::Tor::client_on), or a call that
/// uses it, found no SOCKS port to use.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum NoSocksPortError {
    /// tor listens on no SOCKS port, because of `SocksPort 0` or
    /// `DisableNetwork 1`.
    None,
    /// tor listens on SOCKS ports, but none of them accepted a connection. Each
    /// port that was tried is listed with its error.
    Unreachable(Vec<ConnectAttempt>),
    /// No SOCKS port has these options, or tor's answers don't say which
    /// listener has them.
    Options {
        /// The requested options.
        wanted: Vec<String>,
        /// The configured `SocksPort` lines.
        lines: Vec<String>,
    },
    /// tor is on another machine, and its SOCKS ports are loopback addresses or
    /// Unix sockets, which only that machine reaches. The same addresses on
    /// this machine belong to something else.
    Remote {
        /// The address of tor's control port.
        control: String,
    },
    /// tor, or a filter in front of its control port, doesn't reveal the SOCKS
    /// ports. So this library tried the port that an environment variable
    /// names. If no variable names a port, it tried the usual ports. None of
    /// the tried ports can be used.
    Hidden {
        /// The refusal of `GETINFO net/listeners/socks`.
        refusal: Refusal,
        /// The ports that were tried, each with its error.
        attempts: Vec<ConnectAttempt>,
    },
}

/// Writes the addresses that were tried, each with its error.
fn write_attempts(f: &mut fmt::Formatter<'_>, attempts: &[ConnectAttempt]) -> fmt::Result {
    for (i, attempt) in attempts.iter().enumerate() {
        f.write_str(if i > 0 { "; " } else { "" })?;
        write!(f, "{}: ", attempt.address)?;
        write_with_sources(f, &attempt.error)?;
    }
    Ok(())
}

impl fmt::Display for NoSocksPortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoSocksPortError::None => f.write_str(
                "tor listens on no SOCKS port: set SocksPort and set DisableNetwork to 0, or add a \
                 port with SocksPort::added",
            ),
            NoSocksPortError::Unreachable(attempts) => {
                f.write_str("none of tor's SOCKS ports can be used; tried ")?;
                write_attempts(f, attempts)
            }
            NoSocksPortError::Hidden { refusal, attempts } => {
                write!(
                    f,
                    "tor's SOCKS ports are hidden ({refusal}) and none of the usual ports can be \
                     used; name the port with SocksPort::at; tried "
                )?;
                write_attempts(f, attempts)
            }
            NoSocksPortError::Options { wanted, lines } => write!(
                f,
                "no SOCKS port of tor is known to have the options {}; configured: {}; add one \
                 with SocksPort::added",
                wanted.join(" "),
                if lines.is_empty() { "none".to_owned() } else { lines.join("; ") },
            ),
            NoSocksPortError::Remote { control } => write!(
                f,
                "the tor at {control} is on another machine and its SOCKS ports accept local \
                 connections only; name a port that leads there with SocksPort::at"
            ),
        }
    }
}

impl std::error::Error for NoSocksPortError {}

impl Cause for NoSocksPortError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Connect
    }

    fn refusal(&self) -> Option<&Refusal> {
        match self {
            NoSocksPortError::Hidden { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}
