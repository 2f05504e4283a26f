//! What comes of dialing.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use crate::socks::SocksStream;
#[cfg(feature = "https")]
use crate::tls::TlsStream;

/// A connection to a `tor:` endpoint, with TLS inside where the endpoint says
/// so.
///
/// It blocks for ever unless timeouts are set. It is [`Read`] and [`Write`];
/// dropping it closes it, and it keeps alive a tor that was launched for it.
#[derive(Debug)]
pub struct EndpointStream {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Plain(SocksStream),
    #[cfg(feature = "https")]
    Tls(Box<TlsStream>),
}

impl EndpointStream {
    /// The connection below: the bytes that go to tor. Reading from or writing
    /// to it beside TLS spoils that.
    pub fn socks_stream(&self) -> &SocksStream {
        match &self.inner {
            Inner::Plain(stream) => stream,
            #[cfg(feature = "https")]
            Inner::Tls(stream) => stream.get_ref(),
        }
    }

    /// Whether there is TLS inside.
    pub fn is_tls(&self) -> bool {
        match &self.inner {
            Inner::Plain(_) => false,
            #[cfg(feature = "https")]
            Inner::Tls(_) => true,
        }
    }

    /// The connection without TLS, to be used by two threads, for example;
    /// itself where there is TLS inside.
    ///
    /// # Errors
    ///
    /// Itself.
    pub fn into_socks_stream(self) -> Result<SocksStream, Box<EndpointStream>> {
        match self.inner {
            Inner::Plain(stream) => Ok(stream),
            #[cfg(feature = "https")]
            inner @ Inner::Tls(_) => Err(Box::new(EndpointStream { inner })),
        }
    }

    /// How long a read may wait; `None` (as at first): for ever. See
    /// [`SocksStream::set_read_timeout`].
    ///
    /// # Errors
    ///
    /// As that.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socks_stream().set_read_timeout(timeout)
    }

    /// How long a write may wait for room; `None` (as at first): for ever. See
    /// [`SocksStream::set_write_timeout`].
    ///
    /// # Errors
    ///
    /// As that.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socks_stream().set_write_timeout(timeout)
    }

    /// Ends the connection in one direction or both, without a word of TLS. See
    /// [`SocksStream::shutdown`].
    ///
    /// # Errors
    ///
    /// As that.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socks_stream().shutdown(how)
    }
}

impl Read for EndpointStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Plain(stream) => stream.read(buffer),
            #[cfg(feature = "https")]
            Inner::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for EndpointStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Plain(stream) => stream.write(bytes),
            #[cfg(feature = "https")]
            Inner::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.inner {
            Inner::Plain(stream) => stream.flush(),
            #[cfg(feature = "https")]
            Inner::Tls(stream) => stream.flush(),
        }
    }
}

impl From<SocksStream> for EndpointStream {
    fn from(stream: SocksStream) -> Self {
        EndpointStream { inner: Inner::Plain(stream) }
    }
}

#[cfg(feature = "https")]
impl From<TlsStream> for EndpointStream {
    fn from(stream: TlsStream) -> Self {
        EndpointStream { inner: Inner::Tls(Box::new(stream)) }
    }
}
