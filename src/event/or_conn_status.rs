//! What tor says of its connections to relays: control-spec, event ORCONN.

use std::fmt;
use std::net::SocketAddr;

use crate::word::{RelayName, parse_socket_addr};

open_enum! {
    /// How far a connection to a relay has come.
    pub enum OrConnStatus {
        /// It came in from another relay.
        New = "NEW",
        /// It was begun.
        Launched = "LAUNCHED",
        /// It is ready: the TLS handshake is done.
        Connected = "CONNECTED",
        /// It could not be made.
        Failed = "FAILED",
        /// It was closed.
        Closed = "CLOSED",
    }
}

open_enum! {
    /// Why a connection to a relay failed or was closed; bootstrap problems
    /// have the same reasons.
    pub enum OrConnReason {
        /// It ended normally.
        Done = "DONE",
        /// The relay refused the connection.
        ConnectRefused = "CONNECTREFUSED",
        /// The relay has another identity than expected.
        Identity = "IDENTITY",
        /// The connection was reset.
        ConnectReset = "CONNECTRESET",
        /// It took too long.
        Timeout = "TIMEOUT",
        /// There is no route.
        NoRoute = "NOROUTE",
        /// Reading or writing failed.
        IoError = "IOERROR",
        /// Out of sockets, memory and the like.
        ResourceLimit = "RESOURCELIMIT",
        /// TLS failed.
        TlsError = "TLS_ERROR",
        /// None of the others.
        Misc = "MISC",
        /// The pluggable transport is not to be found.
        PtMissing = "PT_MISSING",
        /// This clock is wrong (bootstrap problems only).
        ClockSkew = "CLOCK_SKEW",
        /// No reason given.
        Unknown = "UNKNOWN",
    }
}

/// What a connection to a relay goes to, or comes from.
///
/// ```
/// use scape::event::OrConnTarget;
///
/// let target = OrConnTarget::from("2001:db8::1:443"); // tor writes no brackets
/// assert_eq!(target.socket_addr(), "[2001:db8::1]:443".parse().ok());
/// let target = OrConnTarget::from("$9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1");
/// assert_eq!(target.relay().and_then(|relay| relay.nickname()), Some("moria1"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OrConnTarget {
    /// A relay whose identity is known, or expected.
    Relay(RelayName),
    /// An address, `ip:port`, as tor wrote it: see
    /// [`socket_addr`](Self::socket_addr).
    Address(String),
}

impl OrConnTarget {
    /// The relay, where it is named.
    pub fn relay(&self) -> Option<&RelayName> {
        match self {
            OrConnTarget::Relay(relay) => Some(relay),
            OrConnTarget::Address(_) => None,
        }
    }

    /// The address, where tor named that and it is one of an IP. (tor writes
    /// IPv6 addresses without brackets.)
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            OrConnTarget::Relay(_) => None,
            OrConnTarget::Address(text) => parse_socket_addr(text),
        }
    }
}

impl From<&str> for OrConnTarget {
    /// Never fails: what has a colon is an address, everything else names a
    /// relay.
    fn from(text: &str) -> Self {
        if text.contains(':') {
            OrConnTarget::Address(text.to_owned())
        } else {
            OrConnTarget::Relay(text.into())
        }
    }
}

impl fmt::Display for OrConnTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrConnTarget::Relay(relay) => relay.fmt(f),
            OrConnTarget::Address(text) => f.write_str(text),
        }
    }
}
