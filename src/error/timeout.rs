//! Deadlines that passed.

use std::fmt;
use std::time::Duration;

use super::{Cause, ErrorKind};

/// A deadline passed. What was asked for may still happen; its late answer is
/// thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    phase: Phase,
    after: Duration,
}

/// The thing that was waited for when a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The socket's connection.
    Connect,
    /// The end of authentication.
    Authenticate,
    /// A turn to write to the control connection, or room in it.
    Write,
    /// tor's reply to a command.
    Reply,
    /// An event.
    Event,
    /// The circuit to be built or closed.
    Circuit,
    /// The stream to be closed.
    Stream,
    /// A change of the live state.
    State,
    /// tor to report that a signal was acted on.
    Signal,
    /// tor's bootstrap.
    Bootstrap,
    /// A process to end.
    Exit,
    /// The threads of a connection to end.
    Close,
    /// An onion service's descriptor to be published.
    Publish,
    /// A connection to an onion service.
    Accept,
    /// An answer to a question for a name or an address.
    Resolve,
    /// An answer on a SOCKS connection.
    Socks,
    /// The end of a TLS handshake.
    Tls,
}

impl Timeout {
    /// Creates the error for a `phase` that did not end within `after`.
    pub(crate) fn new(phase: Phase, after: Duration) -> Self {
        Timeout { phase, after }
    }

    /// Returns the thing that was waited for.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns the time that was waited.
    pub fn after(&self) -> Duration {
        self.after
    }
}

impl Phase {
    /// Returns the thing that is waited for, in an error's text.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Phase::Connect => "a connection",
            Phase::Authenticate => "authentication",
            Phase::Write => "room to write on the control connection",
            Phase::Reply => "tor's reply",
            Phase::Event => "an event",
            Phase::Circuit => "the circuit",
            Phase::Stream => "the stream",
            Phase::State => "what was looked for in the live state",
            Phase::Signal => "tor to act on the signal",
            Phase::Bootstrap => "tor's bootstrap",
            Phase::Exit => "the process to end",
            Phase::Close => "the connection's threads to end",
            Phase::Publish => "the descriptor to be published",
            Phase::Accept => "a connection to the onion service",
            Phase::Resolve => "the answer for the name or address",
            Phase::Socks => "an answer on the SOCKS connection",
            Phase::Tls => "the TLS handshake",
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timed out waiting for {} (after {:?})", self.phase.noun(), self.after)
    }
}

impl std::error::Error for Timeout {}

impl Cause for Timeout {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Timeout
    }
}
