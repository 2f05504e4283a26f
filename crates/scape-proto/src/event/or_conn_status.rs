//! Statuses, reasons and targets of connections to relays: control-spec, event
//! ORCONN.

use std::fmt;
use std::net::SocketAddr;

use crate::word::{RelayName, parse_socket_addr};

open_enum! {
    /// The status of a connection to a relay.
    #[doc(alias = "ORStatus")]
    pub enum OrConnStatus {
        /// A relay or a client opened the connection to tor.
        New = "NEW",
        /// tor has started to connect.
        Launched = "LAUNCHED",
        /// The connection is ready: the TLS handshake is done.
        Connected = "CONNECTED",
        /// The connection couldn't be established.
        Failed = "FAILED",
        /// The connection was closed.
        Closed = "CLOSED",
    }
}

open_enum! {
    /// The reason why a connection to a relay failed or was closed. Reports of
    /// bootstrap problems use the same reasons.
    #[doc(alias = "ORClosureReason")]
    pub enum OrConnReason {
        /// The connection ended normally.
        Done = "DONE",
        /// The relay refused the connection.
        ConnectRefused = "CONNECTREFUSED",
        /// The relay has a different identity than expected.
        Identity = "IDENTITY",
        /// The connection was reset.
        ConnectReset = "CONNECTRESET",
        /// Connecting took too long.
        Timeout = "TIMEOUT",
        /// There is no route to the relay.
        NoRoute = "NOROUTE",
        /// Reading or writing failed.
        IoError = "IOERROR",
        /// Sockets, memory or another resource ran out.
        ResourceLimit = "RESOURCELIMIT",
        /// The TLS handshake failed, or TLS reported another error.
        TlsError = "TLS_ERROR",
        /// A reason that none of the others covers.
        Misc = "MISC",
        /// The pluggable transport wasn't found.
        PtMissing = "PT_MISSING",
        /// The local clock is wrong. Only reports of bootstrap problems give
        /// this reason.
        ClockSkew = "CLOCK_SKEW",
        /// No reason was given.
        Unknown = "UNKNOWN",
    }
}

/// The relay or the address at the other end of a connection.
///
/// ```
/// use scape_proto::event::OrConnTarget;
///
/// let target = OrConnTarget::from("2001:db8::1:443"); // tor writes no brackets
/// assert_eq!(target.socket_addr(), "[2001:db8::1]:443".parse().ok());
/// let target = OrConnTarget::from("$9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1");
/// assert_eq!(target.relay().and_then(|relay| relay.nickname()), Some("moria1"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OrConnTarget {
    /// A relay whose identity is known or expected.
    Relay(RelayName),
    /// An address in the form `ip:port`, as tor wrote it. See also
    /// [`socket_addr`](Self::socket_addr).
    Address(String),
}

impl OrConnTarget {
    /// Returns the relay, or `None` if the target is an address.
    pub fn relay(&self) -> Option<&RelayName> {
        match self {
            OrConnTarget::Relay(relay) => Some(relay),
            OrConnTarget::Address(_) => None,
        }
    }

    /// Returns the address, or `None` if the target is a relay or not a valid
    /// address.
    ///
    /// Brackets around an IPv6 address are optional, because tor writes none.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            OrConnTarget::Relay(_) => None,
            OrConnTarget::Address(text) => parse_socket_addr(text),
        }
    }
}

impl From<&str> for OrConnTarget {
    /// Parses a target. Never fails: a text with a colon is an address, and any
    /// other text is the name of a relay.
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
