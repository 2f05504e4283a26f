//! The connection to a `tor:` endpoint.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use crate::client::socks::SocksStream;
#[cfg(feature = "https")]
use crate::client::tls::TlsStream;

/// A connection to a `tor:` endpoint, with TLS inside if the endpoint sets it.
/// Returned by [`dial`](crate::dial) and
/// [`ClientEndpoint::dial`](crate::endpoint::ClientEndpoint::dial).
///
/// Reading and writing block forever unless timeouts are set. Dropping the
/// stream closes it. If a tor was launched for the stream, the tor stays alive
/// as long as the stream.
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
    /// Returns the underlying connection through tor. If there is TLS inside,
    /// reading from this connection or writing to this connection corrupts the
    /// TLS session.
    pub fn socks_stream(&self) -> &SocksStream {
        match &self.inner {
            Inner::Plain(stream) => stream,
            #[cfg(feature = "https")]
            Inner::Tls(stream) => stream.get_ref(),
        }
    }

    /// Returns true if there is TLS inside the connection through tor.
    pub fn is_tls(&self) -> bool {
        match &self.inner {
            Inner::Plain(_) => false,
            #[cfg(feature = "https")]
            Inner::Tls(_) => true,
        }
    }

    /// Converts the stream to the underlying connection through tor. This only
    /// works without TLS. With a `SocksStream`, unlike an `EndpointStream`, one
    /// thread can read while another one writes.
    ///
    /// ```no_run
    /// let stream = scape::dial("tor:example.com:80")?;
    /// match stream.into_socks_stream() {
    ///     Ok(socks) => println!("without TLS: {socks:?}"),
    ///     Err(stream) => println!("with TLS: {stream:?}"),
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the stream itself if it uses TLS inside.
    pub fn into_socks_stream(self) -> Result<SocksStream, Box<EndpointStream>> {
        match self.inner {
            Inner::Plain(stream) => Ok(stream),
            #[cfg(feature = "https")]
            inner @ Inner::Tls(_) => Err(Box::new(EndpointStream { inner })),
        }
    }

    /// Sets the time limit for a read. `None`, the default, means no limit. See
    /// [`SocksStream::set_read_timeout`].
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let stream = scape::dial("tor:example.com:80")?;
    /// stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`SocksStream::set_read_timeout`], most often for a zero
    /// duration.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socks_stream().set_read_timeout(timeout)
    }

    /// Sets the time limit for a write that waits for buffer space. `None`, the
    /// default, means no limit. See [`SocksStream::set_write_timeout`].
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let stream = scape::dial("tor:example.com:80")?;
    /// stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`SocksStream::set_write_timeout`], most often for a zero
    /// duration.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socks_stream().set_write_timeout(timeout)
    }

    /// Shuts down the connection in one direction or both, without a TLS close
    /// message. See [`SocksStream::shutdown`].
    ///
    /// ```no_run
    /// use std::net::Shutdown;
    ///
    /// let stream = scape::dial("tor:example.com:80")?;
    /// stream.shutdown(Shutdown::Both)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`SocksStream::shutdown`]: those of the operating system.
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
