//! No SOCKS port to connect through.

use std::fmt;

use crate::error::{Cause, ErrorKind};

use crate::controller::ConnectAttempt;
use crate::error::write_with_sources;
use crate::protocol::Refusal;

/// tor has no SOCKS port that can be used as was asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum NoSocksPortError {
    /// It listens on none: `SocksPort 0`, or `DisableNetwork 1`.
    None,
    /// It listens, but nothing could be connected to.
    Unreachable(Vec<ConnectAttempt>),
    /// None has these options, or it cannot be told which listener has them.
    Options {
        /// The options that were asked for.
        wanted: Vec<String>,
        /// The lines that are configured.
        lines: Vec<String>,
    },
    /// It listens on loopback or Unix sockets only, but is on another machine:
    /// what listens there on this machine is something else.
    Remote {
        /// The address at which tor is controlled.
        control: String,
    },
    /// tor, or a filter in front of its control port, doesn't tell where the
    /// SOCKS ports are, and none of the usual ones can be used.
    Hidden {
        /// The answer to `GETINFO net/listeners/socks`.
        refusal: Refusal,
        /// The usual ports, and what came of each.
        attempts: Vec<ConnectAttempt>,
    },
}

/// Writes what was tried, and what came of each.
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
                "tor listens on no SOCKS port: set SocksPort, and DisableNetwork to 0, or have one added (SocksPort::added)",
            ),
            NoSocksPortError::Unreachable(attempts) => {
                f.write_str("none of tor's SOCKS ports can be used; tried ")?;
                write_attempts(f, attempts)
            }
            NoSocksPortError::Hidden { refusal, attempts } => {
                write!(
                    f,
                    "where tor's SOCKS ports are is hidden ({refusal}), and none of the usual ones can be used; name the \
                     port (SocksPort::at); tried "
                )?;
                write_attempts(f, attempts)
            }
            NoSocksPortError::Options { wanted, lines } => write!(
                f,
                "tor has no SOCKS port that is known to have the options {}; configured are: {}. SocksPort::added adds one",
                wanted.join(" "),
                if lines.is_empty() { "none".to_owned() } else { lines.join("; ") },
            ),
            NoSocksPortError::Remote { control } => write!(
                f,
                "the tor at {control} is on another machine, and its SOCKS ports are for its own machine only: name the \
                 port that leads there (SocksPort::at)"
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
