//! The stream type of TLS connections through tor.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::{TlsSettings, problem_of, server_name};
use crate::client::socks::SocksStream;
use crate::client::tls::{TlsError, TlsProblem};
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::transport::{Transport, deadline_after};

/// The timeout of each write when a stream is dropped. Dropping a stream sends
/// `close_notify`, and has to wait if the socket's buffer is full.
const FAREWELL: Duration = Duration::from_millis(200);

/// A TLS connection through tor, used like a [`TcpStream`](std::net::TcpStream)
/// by one thread.
///
/// The stream blocks forever unless timeouts are set. Dropping it sends the end
/// of the stream to the peer (`close_notify`); [`close`](Self::close) does the
/// same and reports errors. A read returns the end of the stream only if the
/// peer sent `close_notify`. If the connection was cut off, the read fails with
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof).
pub struct TlsStream {
    stream: StreamOwned<ClientConnection, SocksStream>,
    closed: bool,
}

impl TlsStream {
    /// Performs a TLS handshake with `host` inside `stream`, within `timeout`.
    /// If `host` is a name, it is sent to the peer (SNI). The peer's
    /// certificate must be valid for `host`. Timeouts that were set on the
    /// stream are removed.
    ///
    /// Sessions aren't resumed, because a server could use them to recognize
    /// that two connections are from the same client.
    ///
    /// ```no_run
    /// use scape::socks::SocksProxy;
    /// use scape::tls::{TlsSettings, TlsStream};
    /// use std::time::Duration;
    ///
    /// let stream = SocksProxy::new(9050).connect(("example.com", 443))?;
    /// let settings = TlsSettings::new();
    /// let tls = TlsStream::connect(stream, "example.com", &settings, Duration::from_secs(60))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`TlsError`] if the handshake fails, most often
    /// of the kind [`ErrorKind::Network`](crate::ErrorKind::Network). The kind
    /// is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the handshake
    /// takes longer than `timeout`. The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if `host` isn't a
    /// name or address that a certificate can contain. The kind is the same if
    /// the settings trust no certificate authority.
    pub fn connect(
        stream: SocksStream,
        host: &str,
        settings: &TlsSettings,
        timeout: Duration,
    ) -> Result<TlsStream> {
        let error = |problem| Error::from(TlsError::new(host, problem));
        let deadline = deadline_after(timeout);
        let mut connection = ClientConnection::new(settings.config()?, server_name(host)?)
            .map_err(|e| error(TlsProblem::Argument(e.to_string().into_boxed_str())))?;
        let mut timed = Timed { transport: stream.transport(), deadline };
        while connection.is_handshaking() {
            connection.complete_io(&mut timed).map_err(|cause| {
                error(if crate::io::transport::is_timeout(&cause) {
                    TlsProblem::Timeout(Timeout::new(Phase::Tls, timeout))
                } else {
                    problem_of(cause)
                })
            })?;
        }
        let io = |cause| error(problem_of(cause));
        stream.set_read_timeout(None).map_err(io)?;
        stream.set_write_timeout(None).map_err(io)?;
        Ok(TlsStream { stream: StreamOwned::new(connection, stream), closed: false })
    }

    /// Returns the protocol that the peer chose from the protocols in
    /// [`TlsSettings::alpn`]. Returns `None` if the peer didn't choose one.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.stream.conn.alpn_protocol()
    }

    /// Returns the peer's certificate: X.509 in DER. The result is never
    /// `None`, because the handshake fails without a certificate.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.stream.conn.peer_certificates()?.first().map(|certificate| certificate.as_ref())
    }

    /// Returns the underlying connection. Use it to set timeouts. A clone of it
    /// can shut the connection down from another thread. Don't read from the
    /// connection or write to it, because that breaks the TLS stream.
    pub fn get_ref(&self) -> &SocksStream {
        &self.stream.sock
    }

    /// Sets the time limit of each read. See [`SocksStream::set_read_timeout`].
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let client = scape::Tor::connect()?.client()?;
    /// let stream = client.connect_tls(("imap.example.com", 993))?;
    /// stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a duration of zero.
    /// Errors of the operating system are also possible.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.sock.set_read_timeout(timeout)
    }

    /// Sets the time limit of each write. See
    /// [`SocksStream::set_write_timeout`].
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let client = scape::Tor::connect()?.client()?;
    /// let stream = client.connect_tls(("imap.example.com", 993))?;
    /// stream.set_write_timeout(Some(Duration::from_secs(60)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a duration of zero.
    /// Errors of the operating system are also possible.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.sock.set_write_timeout(timeout)
    }

    /// Sends the end of the stream to the peer and closes the connection.
    ///
    /// ```no_run
    /// use std::io::Write;
    ///
    /// let client = scape::Tor::connect()?.client()?;
    /// let mut imap = client.connect_tls(("imap.example.com", 993))?;
    /// imap.write_all(b"a1 LOGOUT\r\n")?;
    /// imap.close()?; // everything was handed to the operating system
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if written data couldn't be sent.
    pub fn close(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        self.closed = true;
        self.stream.conn.send_close_notify();
        let sent = self.stream.flush();
        sent.and(self.stream.sock.shutdown(Shutdown::Both))
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        if !self.closed && self.set_write_timeout(Some(FAREWELL)).is_ok() {
            // An error only means that the connection has ended already.
            let _ = self.end();
        }
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("stream", &self.stream.sock).finish_non_exhaustive()
    }
}

/// A transport whose reads and writes fail when the deadline passes.
struct Timed<'a> {
    transport: &'a Transport,
    deadline: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.transport.read_by(buffer, self.deadline)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.transport.write_all_by(bytes, self.deadline).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
