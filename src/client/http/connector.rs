//! The ureq connector, which connects through tor's SOCKS port only.

use std::fmt;
use std::io;
use std::sync::Arc;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Authority;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};

use super::transport::{Socket, TorTransport};
use crate::client::socks::{Request, SocksError, SocksProxy};
use crate::error::Error;
use crate::io::transport::deadline_after;
use scape_proto::control::ArgumentError;

/// A resolver that returns no addresses, because tor resolves the host names.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// A connector that connects through a SOCKS port.
pub(super) struct TorConnector {
    proxy: SocksProxy,
}

impl TorConnector {
    pub(super) fn new(proxy: SocksProxy) -> Self {
        TorConnector { proxy }
    }

    /// Returns the SOCKS request that connects to the host and port of a URL.
    fn request(uri: &Uri) -> Result<Request, Error> {
        let Some(host) = uri.host().filter(|host| !host.is_empty()) else {
            return Err(ArgumentError::invalid("HTTP", "URL", "has no host").into());
        };
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        Ok(Request::connect((host, port(uri)?.unwrap_or(default_port)))?)
    }
}

/// Returns the port in a URL, or `None` if the URL has no port. Returns an
/// error if the port isn't a number from 1 to 65535. `Uri::port` would ignore
/// such a port, and the request would go to the default port.
fn port(uri: &Uri) -> Result<Option<u16>, Error> {
    let authority = uri.authority().map(Authority::as_str).unwrap_or_default();
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    // An IPv6 address contains colons, so the port is what follows the
    // brackets.
    let after_brackets = host_and_port.rsplit(']').next().unwrap_or_default();
    let Some((_, port)) = after_brackets.split_once(':').filter(|(_, port)| !port.is_empty())
    else {
        return Ok(None);
    };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|number| is_number && *number != 0);
    let why = "has a port that isn't a number from 1 to 65535";
    number.map(Some).ok_or_else(|| ArgumentError::invalid("HTTP", "URL", why).into())
}

impl Connector<()> for TorConnector {
    type Out = TorTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<TorTransport>, ureq::Error> {
        check(details).map_err(carried)?;
        let request = Self::request(details.uri).map_err(carried)?;
        let theirs = details.timeout;
        if theirs.after.is_zero() {
            return Err(ureq::Error::Timeout(theirs.reason));
        }
        let is_theirs = *theirs.after < self.proxy.request_timeout();
        let timeout = self.proxy.request_timeout().min(*theirs.after);
        let proxy = self.proxy.clone().timeout(timeout);
        let deadline = deadline_after(timeout);
        let failed = |error: Error| {
            let error = proxy.explained(error);
            match error.exact::<SocksError>() {
                // Report ureq's own timeout, unless streams wait for a
                // controller, which only this library's error can say.
                Some(socks)
                    if is_theirs && socks.is_timeout() && !socks.is_waiting_for_controller() =>
                {
                    ureq::Error::Timeout(theirs.reason)
                }
                _ => carried(error),
            }
        };
        let passage = proxy.bind(&request, deadline).map_err(failed)?;
        let transport = proxy.open(&request, deadline).map_err(Error::from).map_err(failed)?;
        let socket = Arc::new(Socket::new(transport));
        (details.register_shutdown)(Socket::shutdown_handle(&socket))?;
        proxy.ask(socket.transport(), &request, passage, deadline).map_err(failed)?;
        Ok(Some(TorTransport::new(socket, details.config, self.proxy.kept())))
    }
}

/// Rejects requests that set a proxy, because they would bypass tor. Without
/// the feature `https`, also rejects `https://` URLs, because their requests
/// would be sent unencrypted.
fn check(details: &ConnectionDetails<'_>) -> Result<(), Error> {
    if details.config.proxy().is_some() {
        let why = "sets a proxy, but this agent goes through tor; use another agent for it";
        return Err(ArgumentError::invalid("HTTP", "request", why).into());
    }
    if cfg!(not(feature = "https")) && details.needs_tls() {
        let why = "begins with https:, which requires scape's feature `https`";
        return Err(ArgumentError::invalid("HTTP", "URL", why).into());
    }
    Ok(())
}

/// Wraps this library's error in a ureq error, from which
/// [`tor_error`](super::tor_error) extracts it.
pub(super) fn carried(error: Error) -> ureq::Error {
    ureq::Error::Io(io::Error::from(error))
}

impl fmt::Debug for TorConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TorConnector").field("proxy", &self.proxy).finish_non_exhaustive()
    }
}
