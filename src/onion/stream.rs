//! A connection to an onion service.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::io::transport::Transport;

/// A client's connection to an onion service, accepted by
/// [`OnionListener::accept`](super::OnionListener::accept). An `OnionStream` is
/// used like a [`TcpStream`].
///
/// Reading and writing block forever unless timeouts are set. One thread may
/// read while another writes, because `&OnionStream` is [`Read`] and [`Write`].
/// [`shutdown`](Self::shutdown), called from any thread, wakes both threads.
/// Dropping the stream closes it. The stream also ends when the client or tor
/// ends it. It stays open when the listener is closed.
///
/// The client stays anonymous, because the stream is a local connection from
/// tor.
///
/// ```no_run
/// use std::io::Write;
///
/// let listener = scape::Tor::connect()?.onion()?.virtual_port(80).listen()?;
/// let mut stream = listener.accept()?;
/// writeln!(stream, "Hello")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OnionStream {
    transport: Transport,
    port: Option<u16>,
}

impl OnionStream {
    pub(super) fn new(transport: Transport, port: Option<u16>) -> Self {
        OnionStream { transport, port }
    }

    /// Returns the port of the onion address that the client connected to.
    /// Returns `None` if several ports share a local socket, because this
    /// library can't tell such ports apart.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Sets the time limit for a read. `None`, the default, means no limit. A
    /// read that takes too long fails with the kind
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) or
    /// [`TimedOut`](io::ErrorKind::TimedOut), depending on the system.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # fn serve(stream: scape::onion::OnionStream) -> std::io::Result<()> {
    /// stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the duration is zero,
    /// or the operating system's error.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.transport.set_read_timeout(timeout)
    }

    /// Sets the time limit for a write that waits for buffer space. `None`, the
    /// default, means no limit. A write that takes too long fails like a read:
    /// see [`set_read_timeout`](Self::set_read_timeout).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # fn serve(stream: scape::onion::OnionStream) -> std::io::Result<()> {
    /// stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`set_read_timeout`](Self::set_read_timeout), most often
    /// of the kind [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero
    /// duration.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.transport.set_write_timeout(timeout)
    }

    /// Shuts down reading, writing or both, and wakes threads that are blocked
    /// in a read or a write.
    ///
    /// tor has no half-closed streams. When the writing side is shut down, tor
    /// delivers the data that was written and closes the stream.
    ///
    /// ```
    /// use std::io::Write;
    /// use std::net::Shutdown;
    ///
    /// # fn serve(mut stream: scape::onion::OnionStream) -> std::io::Result<()> {
    /// stream.write_all(b"bye\n")?;
    /// stream.shutdown(Shutdown::Write)?; // tor delivers the text and closes the stream
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the operating system's error. Shutting down a stream that has
    /// ended already isn't an error.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.transport.shutdown_how(how)
    }

    /// Returns another handle to the same connection. The connection is closed
    /// when the last handle is dropped.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// # fn serve(stream: scape::onion::OnionStream) -> std::io::Result<()> {
    /// let mut writer = stream.try_clone()?;
    /// std::thread::spawn(move || writer.write_all(b"hello\n"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the operating system's error, for example if too many files are
    /// open.
    pub fn try_clone(&self) -> io::Result<OnionStream> {
        Ok(OnionStream { transport: self.transport.try_clone()?, port: self.port })
    }

    /// Returns the TCP connection from tor, or `None` if tor has connected to a
    /// Unix socket. The connection's addresses say nothing about the client.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        self.transport.as_tcp()
    }

    /// Returns the Unix socket connection from tor, or `None` if tor has
    /// connected over TCP.
    #[cfg(unix)]
    pub fn as_unix(&self) -> Option<&UnixStream> {
        self.transport.as_unix()
    }

    /// Converts the stream to the underlying connection from tor, which stays
    /// open.
    ///
    /// ```
    /// # fn serve(stream: scape::onion::OnionStream) -> std::io::Result<()> {
    /// let transport = stream.into_transport();
    /// println!("tor has connected from {}", transport.peer());
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_transport(self) -> Transport {
        self.transport
    }
}

impl Read for &OnionStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.transport).read(buffer)
    }
}

impl Write for &OnionStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.transport).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for OnionStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for OnionStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
