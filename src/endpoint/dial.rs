//! Connecting to a `tor:` endpoint.

use super::which_tor::tor_at;
use super::{ClientEndpoint, EndpointStream};
use crate::endpoint::EndpointError;
use crate::error::{Error, Result};
use crate::tor::{Tor, TorClient};

/// Connects through tor to a `tor:` endpoint: a text such as
/// `"tor:example.com:80"`, or a [`ClientEndpoint`]. The
/// [module](crate::endpoint) has its grammar.
///
/// Without `controlPort` and `socksPort` it is the [global tor](Tor::global)
/// that is used, where the program has one by now; else one that runs already,
/// of which a SOCKS port at a usual place will do ([`Tor::find`]); else one is
/// launched. The stream keeps that alive; a program that dials again holds
/// [`Tor::global`] meanwhile.
///
/// ```no_run
/// use std::io::{Read, Write};
///
/// let mut stream = scape::dial("tor:example.com:80:isolate=true:timeout=60")?;
/// stream.write_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
/// let mut page = Vec::new();
/// stream.read_to_end(&mut page)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns an error with an [`EndpointError`] (kind
/// [`ErrorKind::Argument`](crate::ErrorKind::Argument)) if the endpoint can't
/// be used, before anything is done. Otherwise same errors as
/// [`ClientEndpoint::dial`].
pub fn dial<E>(endpoint: E) -> Result<EndpointStream>
where
    E: TryInto<ClientEndpoint>,
    Error: From<E::Error>,
{
    endpoint.try_into()?.dial()
}

impl ClientEndpoint {
    /// Connects, through the tor that the endpoint is for. Each call makes a
    /// connection; nothing is kept.
    ///
    /// The password or cookie file of a control port is taken from the
    /// environment: see [`Connect::from_env`](crate::Connect::from_env). A
    /// control port of another machine isn't told them, unless the environment
    /// names the same address.
    ///
    /// The endpoint's timeout is that of the connection through tor. The steps
    /// before have deadlines of their own: 30 seconds for a control connection,
    /// two minutes for launching a tor.
    ///
    /// # Errors
    ///
    /// Returns an error with an [`EndpointError`] (kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument)) if the endpoint
    /// wants `tls` and this library was built without the feature `https`, and
    /// with a `TlsError` if the host doesn't show that it is the one.
    ///
    /// Errors of the way to a tor ([`Tor::global`], [`Tor::connect_with`],
    /// [`Tor::socks_only`]) and of [`TorClient::connect`] are also possible.
    pub fn dial(&self) -> Result<EndpointStream> {
        self.check()?;
        self.connect(&self.client()?)
    }

    /// Connects as the endpoint says, through a tor of one's own: what the
    /// endpoint says of the tor does not count.
    ///
    /// # Errors
    ///
    /// As [`dial`](Self::dial).
    pub fn dial_through(&self, tor: &Tor) -> Result<EndpointStream> {
        self.check()?;
        self.connect(&tor.client()?)
    }

    /// Connects as the endpoint says, with a client of one's own: one that is
    /// bound to a circuit ([`Tor::client_via`](crate::Tor::client_via)), for
    /// example. What the endpoint says of the tor does not count.
    ///
    /// # Errors
    ///
    /// As [`dial`](Self::dial).
    ///
    /// ```no_run
    /// use scape::endpoint::ClientEndpoint;
    /// use scape::word::CircuitId;
    ///
    /// let endpoint: ClientEndpoint = "tor:example.com:80:timeout=30".parse()?;
    /// let client = scape::Tor::connect()?.client_via(CircuitId::new(7))?;
    /// let stream = endpoint.dial_with(&client)?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn dial_with(&self, client: &TorClient) -> Result<EndpointStream> {
        self.check()?;
        self.connect(client)
    }

    /// What can be seen to be wrong before there is a tor.
    fn check(&self) -> Result<()> {
        if cfg!(not(feature = "https")) && self.wants_tls() {
            return Err(EndpointError::invalid(
                "tls",
                "it needs the feature https of this library",
            )
            .into());
        }
        Ok(())
    }

    /// A client of the tor that is named.
    fn client(&self) -> Result<TorClient> {
        match self.named_socks_port() {
            Some(address) => Tor::socks_only(address)?.client(),
            None => match self.named_control_port() {
                Some(address) => tor_at(Some(address), |_| {})?.client(),
                None => Tor::for_connections()?.client(),
            },
        }
    }

    fn connect(&self, client: &TorClient) -> Result<EndpointStream> {
        let mut client = client.clone().allow_private_addresses(self.allows_private());
        if let Some(isolation) = self.isolation()? {
            client = client.isolation(isolation);
        }
        if let Some(timeout) = self.wanted_timeout() {
            client = client.timeout(timeout);
        }
        let target = (self.host(), self.port());
        #[cfg(feature = "https")]
        if self.wants_tls() {
            return client.connect_tls(target).map(EndpointStream::from);
        }
        client.connect(target).map(EndpointStream::from)
    }
}
