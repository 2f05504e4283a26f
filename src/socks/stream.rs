//! A connection through tor.

use std::any::Any;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use crate::transport::Transport;

/// What has to live as long as a stream does: a tor that ends with the last
/// that uses it.
pub(crate) type Keep = Arc<dyn Any + Send + Sync>;

/// A connection to a target through tor, which is used like a [`TcpStream`].
///
/// It blocks for ever unless timeouts are set, as a fresh `TcpStream` does. One
/// thread may read while another writes (`&SocksStream` is [`Read`] and
/// [`Write`]); [`shutdown`](Self::shutdown) from any thread wakes both.
/// Dropping it closes it.
#[derive(Debug)]
pub struct SocksStream {
    transport: Transport,
    keep: Option<Keep>,
}

impl SocksStream {
    /// A stream whose handshake is done, which keeps alive what it came
    /// through.
    pub(super) fn new(transport: Transport, keep: Option<Keep>) -> Self {
        SocksStream { transport, keep }
    }

    /// How long a read may wait; `None` (as at first): for ever. Then it fails
    /// with the kind [`WouldBlock`](io::ErrorKind::WouldBlock) or
    /// [`TimedOut`](io::ErrorKind::TimedOut), whichever the system has.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration, or
    /// the operating system's.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.transport.set_read_timeout(timeout)
    }

    /// How long a write may wait for room; `None` (as at first): for ever. See
    /// [`set_read_timeout`](Self::set_read_timeout).
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration, or
    /// the operating system's.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.transport.set_write_timeout(timeout)
    }

    /// Ends reading, writing or both. Threads that are blocked in what is ended
    /// wake up.
    ///
    /// tor has no half-closed streams: when it sees the end of what is written,
    /// it delivers that and closes the stream. An answer that is still to come
    /// may be lost.
    ///
    /// # Errors
    /// The operating system's. A stream that has ended already is none.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.transport.shutdown_how(how)
    }

    /// Another handle to the same connection, which closes when the last is
    /// dropped.
    ///
    /// # Errors
    /// The operating system's, for example when no more files may be open.
    pub fn try_clone(&self) -> io::Result<SocksStream> {
        self.transport.try_clone().map(|transport| SocksStream::new(transport, self.keep.clone()))
    }

    /// The TCP connection to tor, where tor's port is one. Its addresses are
    /// tor's and this machine's, not the target's.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        self.transport.as_tcp()
    }

    /// The Unix connection to tor, where tor's port is one.
    #[cfg(unix)]
    pub fn as_unix(&self) -> Option<&UnixStream> {
        self.transport.as_unix()
    }

    /// The connection to tor, as it is.
    #[cfg(feature = "https")]
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The connection to tor. It does not keep a tor alive that was launched
    /// for it, as the stream does.
    pub fn into_transport(self) -> Transport {
        self.transport
    }
}

impl Read for &SocksStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.transport).read(buffer)
    }
}

impl Write for &SocksStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.transport).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for SocksStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for SocksStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
