//! Functions that connect to a `tor:` endpoint.

use super::which_tor::tor_at;
use super::{ClientEndpoint, EndpointStream};
use crate::client::TorClient;
use crate::endpoint::EndpointError;
use crate::error::{Error, Result};
use crate::tor::Tor;

/// Connects through Tor to a `tor:` endpoint: a text such as
/// `"tor:example.com:80"`, or a [`ClientEndpoint`]. See the [module
/// documentation](crate::endpoint) for the grammar.
///
/// Without `controlPort` and `socksPort`, the connection goes through the first
/// of these:
///
/// * the [global tor](Tor::global), if the program has one;
/// * a tor that is running already ([`Tor::find`]), even if only its SOCKS port
///   can be used;
/// * a new tor, which is launched.
///
/// The stream keeps a launched tor alive. A program that connects several times
/// should keep the result of [`Tor::global`], so that tor isn't launched each
/// time.
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
/// [`ErrorKind::Argument`](crate::ErrorKind::Argument)) if the endpoint is
/// malformed or begins with `onion:`. No connection is made then. Otherwise
/// returns the same errors as [`ClientEndpoint::dial`], most often that the
/// connection through Tor failed.
#[doc(alias = "stream_via")]
pub fn dial<E>(endpoint: E) -> Result<EndpointStream>
where
    E: TryInto<ClientEndpoint>,
    Error: From<E::Error>,
{
    endpoint.try_into()?.dial()
}

impl ClientEndpoint {
    /// Connects to the endpoint, through the tor that the endpoint names. If
    /// the endpoint names no tor, one is found or launched: see
    /// [`scape::dial`](crate::dial). Each call makes a new connection through
    /// tor and, with `controlPort`, a new control connection.
    ///
    /// The password or cookie file for a control port comes from environment
    /// variables: see [`Connect::from_env`](crate::Connect::from_env). For a
    /// control port on another machine, the password or cookie is used only if
    /// the environment variables also name the control port's address.
    ///
    /// The endpoint's timeout applies to the connection through tor only. The
    /// earlier steps have their own time limits: 30 seconds for a control
    /// connection, two minutes for launching a tor.
    ///
    /// ```no_run
    /// use scape::endpoint::ClientEndpoint;
    ///
    /// let endpoint: ClientEndpoint = "tor:example.com:443:isolate=true".parse()?;
    /// let stream = endpoint.dial()?;
    /// # let _ = stream;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with an [`EndpointError`] (kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument)) if the endpoint
    /// sets `tls` and this library was built without the feature `https`.
    /// Returns an error with a `TlsError` if the certificate isn't valid for
    /// the host.
    ///
    /// Finding a tor can fail with the errors of [`Tor::global`],
    /// [`Tor::connect_with`] and [`Tor::socks_only`]. The connection can fail
    /// with the errors of [`TorClient::connect`].
    pub fn dial(&self) -> Result<EndpointStream> {
        self.check()?;
        self.connect(&self.client()?)
    }

    /// Connects to the endpoint through a given tor. The endpoint's
    /// `controlPort` and `socksPort` are ignored.
    ///
    /// ```no_run
    /// use scape::Tor;
    /// use scape::endpoint::ClientEndpoint;
    ///
    /// let tor = Tor::connect()?;
    /// let endpoint: ClientEndpoint = "tor:example.com:80".parse()?;
    /// let stream = endpoint.dial_through(&tor)?;
    /// # let _ = stream;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`dial`](Self::dial), except those of finding a tor. Most
    /// often the connection through tor failed.
    pub fn dial_through(&self, tor: &Tor) -> Result<EndpointStream> {
        self.check()?;
        self.connect(&tor.client()?)
    }

    /// Connects to the endpoint with a given client, for example one that is
    /// bound to a circuit ([`TorClient::via`](crate::TorClient::via)). The
    /// endpoint's `controlPort` and `socksPort` are ignored.
    ///
    /// ```no_run
    /// use scape::endpoint::ClientEndpoint;
    /// use scape::word::CircuitId;
    ///
    /// let endpoint: ClientEndpoint = "tor:example.com:80:timeout=30".parse()?;
    /// let client = scape::Tor::connect()?.client()?.via(CircuitId::new(7))?;
    /// let stream = endpoint.dial_with(&client)?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`dial`](Self::dial), except those of finding a tor. Most
    /// often the connection through tor failed.
    pub fn dial_with(&self, client: &TorClient) -> Result<EndpointStream> {
        self.check()?;
        self.connect(client)
    }

    /// Returns an error if the endpoint sets `tls` and this library was built
    /// without the feature `https`.
    fn check(&self) -> Result<()> {
        if cfg!(not(feature = "https")) && self.wants_tls() {
            return Err(EndpointError::invalid(
                "tls",
                "requires the feature https of this library",
            )
            .into());
        }
        Ok(())
    }

    /// Finds the endpoint's tor and returns a client for this tor.
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
