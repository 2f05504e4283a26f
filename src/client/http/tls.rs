//! TLS for `https://` URLs. The connector here works like ureq's own, but with
//! this library's settings and errors.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::unversioned::transport::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use super::connector::carried;
use super::transport::TorTransport;
use crate::client::tls::{TlsError, TlsProblem, problem_of, server_name};

/// A connector that adds TLS to a connection if the URL requires it. Sessions
/// are resumed only within the one agent that owns this connector.
pub(super) struct TlsConnector {
    config: Arc<ClientConfig>,
}

impl TlsConnector {
    pub(super) fn new(config: Arc<ClientConfig>) -> Self {
        TlsConnector { config }
    }
}

impl Connector<TorTransport> for TlsConnector {
    type Out = Either<TorTransport, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<TorTransport>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        let refused = |problem| carried(TlsError::new(host, problem).into());
        let name = server_name(host).map_err(|error| carried(error.into()))?;
        let mut conn = ClientConnection::new(self.config.clone(), name)
            .map_err(|error| refused(TlsProblem::Argument(error.to_string().into_boxed_str())))?;
        let mut sock = TransportAdapter::new(transport, details.current_time.clone());
        sock.set_timeout(what_is_left(details));
        while conn.is_handshaking() {
            conn.complete_io(&mut sock).map_err(|error| {
                if is_ureq(&error) { error.into() } else { refused(problem_of(error)) }
            })?;
        }
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream: StreamOwned::new(conn, sock) })))
    }
}

/// Returns the time that is left for the TLS handshake: the time for
/// connecting, less the time that the connection through tor has taken.
fn what_is_left(details: &ConnectionDetails<'_>) -> NextTimeout {
    let mut timeout = details.timeout;
    if let (Duration::Exact(limit), Instant::Exact(begun), Instant::Exact(now)) =
        (timeout.after, details.now, (details.current_time)())
    {
        timeout.after = Duration::Exact(limit.saturating_sub(now.saturating_duration_since(begun)));
    }
    timeout
}

/// Returns true if the error contains an error of ureq, such as a timeout, that
/// passed through the TLS library.
fn is_ureq(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<ureq::Error>())
}

pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter<TorTransport>>,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output)?;
        // A write that accepts data can hide a failure to send it, which
        // flushing reports.
        self.stream.flush()?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsTransport").field(&self.stream.sock.inner()).finish()
    }
}
