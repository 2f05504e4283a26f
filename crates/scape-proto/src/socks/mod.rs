//! The client side of SOCKS5, without a socket.
//!
//! [`Handshake`] takes the bytes that were received, and says what to send or
//! receive next. [`Request`] is a valid request: to connect, or to look up a
//! name or an address.
//!
//! References: RFC 1928 (SOCKS5), RFC 1929 (user name and password), and tor's
//! socks-extensions. The extensions add `RESOLVE`, `RESOLVE_PTR`, stream
//! isolation by credentials, and the reply codes for onion services.

mod handshake_error;
mod isolation;
mod machine;
mod private;
mod request;
mod request_error;
mod socks_status;
mod target;

pub use handshake_error::HandshakeError;
pub use isolation::Isolation;
pub use machine::{Answer, Handshake, NextStep};
pub use private::{is_private, is_private_ip};
pub use request::Request;
pub use request_error::RequestError;
pub use socks_status::SocksStatus;
pub use target::{Target, TargetError, ToTarget};
