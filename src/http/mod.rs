//! HTTP through tor, with [`ureq`]: feature `http`; with `https://` URLs feature `https`.
//!
//! [`AgentBuilder`] makes a [`ureq::Agent`] whose every connection goes through
//! a SOCKS port of tor's. It is used as any agent of ureq's. What is different,
//! so that nothing goes around tor and nothing tells who asks:
//!
//! * Names go to tor; nothing is resolved here. `http_proxy`, `ALL_PROXY`,
//!   `NO_PROXY` and the like are not looked at, and a request that sets a proxy
//!   fails. Redirects stay in tor, wherever they lead.
//! * Connections are kept for later requests of the same agent, and are never
//!   shared between agents. So **an agent is for one identity**: one
//!   [isolation](AgentBuilder::isolation), one agent.
//! * No `User-Agent` is sent, unless one is set. No cookies are kept (unless
//!   another crate of the program turns on ureq's feature `cookies`: then each
//!   agent has its own).
//! * Private addresses are not asked for, unless
//!   [allowed](AgentBuilder::allow_private_addresses).
//! * Nothing hangs: connecting and every read and write have a deadline.
//!
//! ```no_run
//! use scape::http::{self, AgentBuilder};
//! use scape::socks::{Isolation, SocksProxy};
//!
//! let proxy = SocksProxy::new(9050).isolation(Isolation::random());
//! let agent = AgentBuilder::new(proxy).build()?;
//! match agent.get("http://2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion/").call() {
//!     Ok(mut response) => println!("{}", response.body_mut().read_to_string()?),
//!     Err(error) if http::socks_error(&error).is_some_and(|e| e.is_onion_not_found()) => println!("offline"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//!
//! Requests fail with [`ureq::Error`]. Where it was the connection through tor
//! that failed, this library's error is inside: [`tor_error`] and
//! [`socks_error`] find it. Deadlines of ureq's are [`ureq::Error::Timeout`].
//!
//! ureq logs under its own targets; at trace level everything that is sent.

mod agent;
mod connector;
#[cfg(feature = "https")]
mod tls;
mod transport;

pub use ::ureq;
pub use agent::AgentBuilder;

use crate::error::Error;
use crate::socks::SocksError;

/// This library's error inside one of ureq's: why there was no connection
/// through tor.
pub fn tor_error(error: &ureq::Error) -> Option<&Error> {
    match error {
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// What went wrong on tor's SOCKS port, where that is why a request failed.
pub fn socks_error(error: &ureq::Error) -> Option<&SocksError> {
    tor_error(error)?.get()
}
