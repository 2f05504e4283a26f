//! A connection to an onion service.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::transport::Transport;

/// A client's connection to an onion service, which is used like a
/// [`TcpStream`]. Made by
/// [`OnionListener::accept`](super::OnionListener::accept).
///
/// It blocks for ever unless timeouts are set. One thread may read while
/// another writes (`&OnionStream` is [`Read`] and [`Write`]);
/// [`shutdown`](Self::shutdown) from any thread wakes both. Dropping it closes
/// it. It does not end with the listener, but with the client, or with tor.
///
/// Nobody tells who the client is: the connection comes from tor.
#[derive(Debug)]
pub struct OnionStream {
    transport: Transport,
    port: Option<u16>,
}

impl OnionStream {
    pub(super) fn new(transport: Transport, port: Option<u16>) -> Self {
        OnionStream { transport, port }
    }

    /// The port of the onion address that the client connected to. `None` where
    /// several ports share a local socket, so that they cannot be told apart.
    pub fn port(&self) -> Option<u16> {
        self.port
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
    /// it delivers that and closes the stream.
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
    pub fn try_clone(&self) -> io::Result<OnionStream> {
        Ok(OnionStream { transport: self.transport.try_clone()?, port: self.port })
    }

    /// The TCP connection from tor, where it is one. Its addresses tell nothing
    /// of the client.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        self.transport.as_tcp()
    }

    /// The Unix connection from tor, where it is one.
    #[cfg(unix)]
    pub fn as_unix(&self) -> Option<&UnixStream> {
        self.transport.as_unix()
    }

    /// The connection from tor.
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
