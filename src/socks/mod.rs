//! Through tor's SOCKS port: connections, and names and addresses looked up by
//! tor.
//!
//! [`SocksProxy`] is what programs use. Below it, [`Handshake`] is the protocol
//! alone: it is given the bytes that were received and says what to do next,
//! and knows neither sockets nor clocks.
//!
//! Targets are those of the `socks` crate: anything that is [`ToTargetAddr`],
//! such as `("example.com", 80)`, `"example.com:80"` or a
//! [`SocketAddr`](std::net::SocketAddr). **Names are never looked up here**:
//! they go to tor as they are, in lower case. (Do not call `to_socket_addrs` of
//! a [`TargetAddr`]: that asks the system's resolver, past tor.)
//!
//! # Errors
//!
//! tor's answer is a [`SocksStatus`], in a
//! [`SocksError`], which has questions for what matters. tor tells what is
//! wrong with an onion service only on a port with the flag `ExtendedErrors`
//! (`SocksPort 9050 ExtendedErrors`); otherwise most of it is a general failure
//! or an unreachable host.
//!
//! References: RFC 1928 (SOCKS5), RFC 1929 (user name and password), and tor's
//! socks-extensions, which add `RESOLVE`, `RESOLVE_PTR`, stream isolation by
//! credentials, and the reply codes of onion services.

mod client;
mod error;
mod handshake_error;
mod isolation;
mod machine;
mod private;
mod request;
mod request_error;
mod socks_status;
mod stream;
pub use socks_status::SocksStatus;

pub use ::socks::{TargetAddr, ToTargetAddr};
pub(crate) use client::{Explain, Passage, Route};
pub use client::{SocksProxy, exchange};
pub use error::{SocksError, SocksProblem};
pub use handshake_error::HandshakeError;
pub use isolation::Isolation;
pub use machine::{Answer, Handshake, NextStep};
pub use private::{is_private, is_private_ip};
pub use request::Request;
pub use request_error::RequestError;
pub(crate) use stream::Keep;
pub use stream::SocksStream;
