//! A TLS connection through tor.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::{TlsSettings, problem_of, server_name};
use crate::error::{Error, Phase, Result, Timeout};
use crate::socks::SocksStream;
use crate::tls::{TlsError, TlsProblem};
use crate::transport::{Transport, deadline_after};

/// How long dropping may take to tell the peer of the end, when there is no
/// room to write.
const FAREWELL: Duration = Duration::from_millis(200);

/// A TLS connection through tor, used like a [`TcpStream`](std::net::TcpStream)
/// by one thread.
///
/// It blocks for ever unless timeouts are set. Its end is told to the peer
/// (`close_notify`) when it is dropped; [`close`](Self::close) does the same
/// and says whether it worked. A read finds the end of the stream only where
/// the peer told of it, and fails with
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) where the connection was cut
/// off.
pub struct TlsStream {
    stream: StreamOwned<ClientConnection, SocksStream>,
    closed: bool,
}

impl TlsStream {
    /// Makes TLS with `host` inside `stream`, within `timeout`. `host` is who
    /// has to be at the other end: the name is sent (SNI), and the certificate
    /// must be for it. Timeouts that were set on the stream are taken away.
    ///
    /// Sessions are not resumed: nothing tells a server that two connections
    /// are from the same client.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`TlsError`] if the connection can't be made:
    /// its kind is [`ErrorKind::Network`](crate::ErrorKind::Network), or
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it takes longer
    /// than `timeout`, or [`ErrorKind::Argument`](crate::ErrorKind::Argument)
    /// if no certificate can be for `host`. The kind is also
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the settings
    /// trust nobody.
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
                error(if crate::transport::is_timeout(&cause) {
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

    /// The protocol that the peer chose of those that were offered
    /// ([`TlsSettings::alpn`]); `None` where it chose none.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.stream.conn.alpn_protocol()
    }

    /// The certificate that the peer showed, X.509 in DER.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.stream.conn.peer_certificates()?.first().map(|certificate| certificate.as_ref())
    }

    /// The connection inside which it is: for timeouts, and to shut it down
    /// from another thread (with a clone). What is read or written there
    /// directly breaks the TLS.
    pub fn get_ref(&self) -> &SocksStream {
        &self.stream.sock
    }

    /// How long a read may wait: see [`SocksStream::set_read_timeout`].
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration, or
    /// the operating system's.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.sock.set_read_timeout(timeout)
    }

    /// How long a write may wait for room: see
    /// [`SocksStream::set_write_timeout`].
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration, or
    /// the operating system's.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.sock.set_write_timeout(timeout)
    }

    /// Tells the peer that this is the end, and ends the connection.
    ///
    /// # Errors
    /// The operating system's, where what was written could not be sent.
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
            // The connection may have ended.
            let _ = self.end();
        }
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("stream", &self.stream.sock).finish_non_exhaustive()
    }
}

/// A transport that fails when the deadline passes.
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
