//! HTTP through tor with [`ureq`]. Requires the feature `http`, and the feature
//! `https` for `https://` URLs.
//!
//! [`AgentBuilder`] builds a [`ureq::Agent`] whose connections all go through a
//! SOCKS port of tor. Use it like any other ureq agent. Some defaults differ
//! from ureq's, so that nothing bypasses tor and nothing identifies the user:
//!
//! * Names go to tor and are never resolved on this machine. `http_proxy`,
//!   `ALL_PROXY`, `NO_PROXY` and similar variables are ignored, and a request
//!   that sets a proxy fails. Redirects also go through tor.
//! * Connections stay open for later requests of the same agent and are never
//!   shared between agents. So **use one agent per identity**, each with its
//!   own [isolation](AgentBuilder::isolation).
//! * No `User-Agent` is sent unless you set one. No cookies are kept, unless
//!   another crate in the program enables ureq's feature `cookies`; then each
//!   agent has its own cookies.
//! * Private addresses are refused unless
//!   [allowed](AgentBuilder::allow_private_addresses).
//! * Nothing hangs: connecting, and each read and write, has a deadline.
//!
//! ```no_run
//! use scape::http::{self, AgentBuilder};
//! use scape::socks::{Isolation, SocksProxy};
//!
//! let proxy = SocksProxy::new(9050).isolation(Isolation::random());
//! let agent = AgentBuilder::new(proxy).build()?;
//! let onion = "http://2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion/";
//! match agent.get(onion).call() {
//!     Ok(mut response) => println!("{}", response.body_mut().read_to_string()?),
//!     Err(error) if http::socks_error(&error).is_some_and(|e| e.is_onion_not_found()) => {
//!         println!("offline");
//!     }
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//!
//! Requests fail with [`ureq::Error`]. If the connection through tor failed,
//! the ureq error contains this library's error, which [`tor_error`] and
//! [`socks_error`] extract. ureq's own deadlines are reported as
//! [`ureq::Error::Timeout`].
//!
//! ureq writes to the `log` crate under targets of its own. At trace level it
//! logs all data that is sent.

mod agent;
mod connector;
#[cfg(feature = "https")]
mod tls;
mod transport;

pub use ::ureq;
pub use agent::AgentBuilder;

use crate::client::socks::SocksError;
use crate::error::Error;

/// Returns the error of this library that a ureq error contains: the reason why
/// the connection through tor failed. Returns `None` if the request failed for
/// any other reason.
///
/// ```no_run
/// use scape::http::{self, AgentBuilder};
/// use scape::socks::SocksProxy;
///
/// let agent = AgentBuilder::new(SocksProxy::new(9050)).build()?;
/// if let Err(error) = agent.get("http://example.com/").call() {
///     match http::tor_error(&error) {
///         Some(error) => println!("no connection through tor: {error}"),
///         None => println!("the request failed: {error}"),
///     }
/// }
/// # Ok::<(), scape::Error>(())
/// ```
pub fn tor_error(error: &ureq::Error) -> Option<&Error> {
    match error {
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// Returns the error of tor's SOCKS port that a ureq error contains. Returns
/// `None` if the request failed for any other reason.
///
/// ```no_run
/// use scape::http::{self, AgentBuilder};
/// use scape::socks::SocksProxy;
///
/// let agent = AgentBuilder::new(SocksProxy::new(9050)).build()?;
/// if let Err(error) = agent.get("http://example.com/").call()
///     && let Some(error) = http::socks_error(&error)
///     && error.is_connection_refused()
/// {
///     println!("nothing listens on port 80");
/// }
/// # Ok::<(), scape::Error>(())
/// ```
pub fn socks_error(error: &ureq::Error) -> Option<&SocksError> {
    tor_error(error)?.get()
}
