//! The error for a call that took too long, and the phases of calls.

use std::fmt;
use std::time::Duration;

use super::{Cause, ErrorKind};

/// The error for a call that didn't end within its time limit. tor may still
/// carry out the request. If tor answers later, the answer is discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    phase: Phase,
    after: Duration,
}

/// The phase of a call that timed out or was cancelled. The phase says what the
/// call was waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The call waited for a socket to connect.
    Connect,
    /// The call waited for authentication to finish.
    Authenticate,
    /// The call waited for the control connection to become free for writing,
    /// or to have room for more bytes.
    Write,
    /// The call waited for tor's reply to a command.
    Reply,
    /// The call waited for an event to arrive.
    Event,
    /// The call waited for a circuit to be built or closed.
    Circuit,
    /// The call waited for a stream to be closed.
    Stream,
    /// The call waited for the [live state](crate::State) to change.
    State,
    /// The call waited for tor to report that it acted on a signal.
    Signal,
    /// The call waited for tor's bootstrap to progress.
    Bootstrap,
    /// The call waited for a process to end.
    Exit,
    /// The call waited for the threads of a connection to end.
    Close,
    /// The call waited for an onion service's descriptor to be published.
    Publish,
    /// The call waited for a client to connect to an onion service.
    Accept,
    /// The call waited for the answer to a lookup of a name or an address.
    Resolve,
    /// The call waited for an answer on a SOCKS connection.
    Socks,
    /// The call waited for the end of a TLS handshake.
    Tls,
    /// The call waited for [documents](crate::documents) to be read.
    Read,
}

impl Timeout {
    /// Creates the error for a call with the time limit `after` that ended in
    /// `phase`.
    pub(crate) fn new(phase: Phase, after: Duration) -> Self {
        Timeout { phase, after }
    }

    /// Returns the phase in which the call ended. The phase says what the call
    /// was waiting for.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns the time limit that passed.
    pub fn after(&self) -> Duration {
        self.after
    }
}

impl Phase {
    /// Returns the phase as a noun for error messages, such as "tor's reply".
    pub(super) fn noun(self) -> &'static str {
        match self {
            Phase::Connect => "a connection",
            Phase::Authenticate => "authentication",
            Phase::Write => "room to write on the control connection",
            Phase::Reply => "tor's reply",
            Phase::Event => "an event",
            Phase::Circuit => "the circuit",
            Phase::Stream => "the stream",
            Phase::State => "a change of the live state",
            Phase::Signal => "tor to act on the signal",
            Phase::Bootstrap => "tor's bootstrap",
            Phase::Exit => "the process to end",
            Phase::Close => "the connection's threads to end",
            Phase::Publish => "the descriptor to be published",
            Phase::Accept => "a connection to the onion service",
            Phase::Resolve => "the answer for the name or address",
            Phase::Socks => "an answer on the SOCKS connection",
            Phase::Tls => "the TLS handshake",
            Phase::Read => "documents to be read",
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
