//! TLS inside connections through tor, for any protocol. Requires the feature
//! `https`.
//!
//! [`TlsStream`] wraps a [`SocksStream`](crate::socks::SocksStream) and
//! verifies that the peer is the requested host, even if that is an onion
//! service. [`TlsSettings`] sets the trusted certificate authorities. By
//! default these are the authorities that browsers trust
//! ([`webpki-roots`](https://docs.rs/webpki-roots)).
//!
//! ```no_run
//! use scape::socks::SocksProxy;
//! use scape::tls::{TlsSettings, TlsStream};
//! use std::io::{Read, Write};
//! use std::time::Duration;
//!
//! let stream = SocksProxy::new(9050).connect(("imap.example.com", 993))?;
//! let (settings, timeout) = (TlsSettings::new(), Duration::from_secs(60));
//! let mut imap = TlsStream::connect(stream, "imap.example.com", &settings, timeout)?;
//! imap.write_all(b"a1 LOGOUT\r\n")?;
//! let mut answer = String::new();
//! imap.read_to_string(&mut answer)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod problem;
mod settings;
mod stream;

pub use error::{TlsError, TlsProblem};
pub(crate) use problem::{problem_of, server_name};
pub use settings::TlsSettings;
pub use stream::TlsStream;
