//! Connections over one circuit.

use std::net::IpAddr;
use std::sync::Arc;

use super::CircuitBinder;
use crate::client::socks::{SocksStream, ToTargetAddr};
use crate::client::socks_ports::{FromFilter, SocksPorts};
use crate::client::{SocksPort, TorClient};
use crate::error::Result;
use crate::live::state::Circuit;

/// Connections over this circuit only. Traffic over hand-picked circuits stands
/// out, which may reveal the user.
impl Circuit {
    /// Returns a client whose connections and DNS look-ups go over this circuit
    /// only, like [`Tor::client_via`](crate::Tor::client_via). The client has
    /// the usual settings, such as [`TorClient::timeout`], HTTP, TLS and the
    /// rule for private addresses.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let tor = scape::Tor::connect()?;
    /// let state = tor.state()?;
    /// let circuit = state.wait(Duration::from_secs(60), |state| {
    ///     state.circuits().into_iter().find(|c| c.is_built())
    /// })?;
    /// let client = circuit.client()?.timeout(Duration::from_secs(20));
    /// for name in ["example.com", "example.org"] {
    ///     println!("{name}: {}", client.dns_resolve(name)?);
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Tor::client_via_on`](crate::Tor::client_via_on), most
    /// often a [`StreamError`](crate::control::StreamError) because the circuit
    /// has closed.
    pub fn client(&self) -> Result<TorClient> {
        self.client_on(&SocksPort::Usable)
    }

    /// Returns a client like [`client`](Self::client), for a given SOCKS port:
    /// [`Tor::client_via_on`](crate::Tor::client_via_on).
    ///
    /// # Errors
    ///
    /// Same errors as [`Tor::client_via_on`](crate::Tor::client_via_on), most
    /// often a [`StreamError`](crate::control::StreamError) because the circuit
    /// has closed.
    pub fn client_on(&self, port: &SocksPort) -> Result<TorClient> {
        let state = self.state();
        let controller = &state.controller().in_one_call();
        let route = CircuitBinder::new(controller, self.into())?;
        let ports = SocksPorts::of(controller)?;
        let address = ports.address(controller, port, FromFilter::Error)?;
        // What the state keeps alive may be a launched tor.
        let keep = state.kept().cloned().unwrap_or_else(|| Arc::new(controller.to_keep()));
        Ok(TorClient::new(address, Some(controller), keep).route(route))
    }

    /// Connects to `target` over this circuit: shorthand for
    /// [`client`](Self::client) and [`TorClient::connect`].
    ///
    /// Each call sets tor's option `__LeaveStreamsUnattached` and resets it
    /// afterwards. If calls follow each other within five seconds, the option
    /// stays set for five seconds. See
    /// [`Tor::client_via_on`](crate::Tor::client_via_on) for the consequences.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// let circuit = state.wait(Duration::from_secs(60), |state| {
    ///     state.circuits().into_iter().find(|c| c.is_built())
    /// })?;
    /// let stream = circuit.stream_via(("example.com", 80))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`StreamError`](crate::control::StreamError) if
    /// the stream can't be attached to this circuit; the stream is closed then.
    /// The errors of [`client`](Self::client) and [`TorClient::connect`] are
    /// also possible.
    pub fn stream_via(&self, target: impl ToTargetAddr) -> Result<SocksStream> {
        self.client()?.connect(target)
    }

    /// Resolves a host name to an IP address, at this circuit's exit: shorthand
    /// for [`client`](Self::client) and [`TorClient::dns_resolve`].
    ///
    /// # Errors
    ///
    /// Same errors as [`stream_via`](Self::stream_via), most often a
    /// [`StreamError`](crate::control::StreamError).
    pub fn dns_resolve(&self, name: &str) -> Result<IpAddr> {
        self.client()?.dns_resolve(name)
    }

    /// Resolves an IP address to a host name, at this circuit's exit: shorthand
    /// for [`client`](Self::client) and [`TorClient::dns_resolve_ptr`].
    ///
    /// # Errors
    ///
    /// Same errors as [`stream_via`](Self::stream_via), most often a
    /// [`StreamError`](crate::control::StreamError).
    pub fn dns_resolve_ptr(&self, ip: IpAddr) -> Result<String> {
        self.client()?.dns_resolve_ptr(ip)
    }

    /// Returns an HTTP agent that goes over this circuit: shorthand for
    /// [`client`](Self::client) and [`TorClient::http`].
    ///
    /// # Errors
    ///
    /// Same errors as [`client`](Self::client), most often a
    /// [`StreamError`](crate::control::StreamError) because the circuit has
    /// closed.
    #[cfg(feature = "http")]
    #[doc(alias = "web_agent")]
    pub fn http(&self) -> Result<ureq::Agent> {
        self.client()?.http()
    }
}
