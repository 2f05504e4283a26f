//! Connections and DNS look-ups through tor's SOCKS port.
//!
//! Most programs need only [`SocksProxy`]. Below it, [`Handshake`] implements
//! only the protocol. A [`Handshake`] receives bytes and returns the next step.
//! It uses neither sockets nor clocks.
//!
//! A target is anything that implements [`ToTarget`]: `("example.com", 80)`,
//! `"example.com:80"`, `(onion_address, 80)` or a
//! [`SocketAddr`](std::net::SocketAddr). **Names are never resolved on this
//! machine.** They go to tor in lower case. A dot at the end is removed from
//! onion addresses and IPv4 addresses.
//!
//! # Errors
//!
//! tor's answer is a [`SocksStatus`] inside a [`SocksError`], which has methods
//! for the common cases. tor reports details about onion services only on a
//! port with the flag `ExtendedErrors` (`SocksPort 9050 ExtendedErrors`). On
//! other ports, tor reports most failures of onion services as a general
//! failure or an unreachable host.
//!
//! References: RFC 1928 (SOCKS5), RFC 1929 (user name and password), and tor's
//! socks-extensions. The extensions add `RESOLVE`, `RESOLVE_PTR`, stream
//! isolation by credentials, and reply codes for onion services.

mod client;
mod error;
pub(crate) mod server;
mod stream;

pub use scape_proto::socks::{
    Answer, Handshake, HandshakeError, Isolation, NextStep, Request, RequestError, SocksStatus,
    Target, TargetError, ToTarget, is_private, is_private_ip,
};

pub(crate) use client::{BoundRequest, Explain, RequestBinder};
pub use client::{SocksProxy, exchange};
pub use error::{SocksError, SocksProblem};
pub(crate) use stream::KeepAlive;
pub use stream::SocksStream;
