//! The stream type of connections through tor.

use std::any::Any;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use crate::io::transport::Transport;

/// A value that lives as long as a stream, such as a launched tor that ends
/// when its last user is dropped.
pub(crate) type KeepAlive = Arc<dyn Any + Send + Sync>;

/// A connection to a target through tor, used like a [`TcpStream`].
///
/// Like on a new `TcpStream`, reads and writes block forever unless timeouts
/// are set. One thread may read while another writes, because `&SocksStream`
/// implements [`Read`] and [`Write`]. [`shutdown`](Self::shutdown) from any
/// thread wakes both. Dropping the stream closes it.
///
/// ```no_run
/// use std::io::{Read, Write};
/// use std::time::Duration;
///
/// let mut stream = scape::Tor::connect()?.dial(("example.com", 80))?;
/// stream.set_read_timeout(Some(Duration::from_secs(30)))?;
/// stream.write_all(b"HEAD / HTTP/1.0\r\n\r\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SocksStream {
    transport: Transport,
    keep: Option<KeepAlive>,
}

impl SocksStream {
    /// Creates a stream from a connection whose handshake is done. The stream
    /// keeps `keep` alive.
    pub(super) fn new(transport: Transport, keep: Option<KeepAlive>) -> Self {
        SocksStream { transport, keep }
    }

    /// Sets the time limit of each read. `None` (the default) means no limit. A
    /// read that takes longer fails with the kind
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) or
    /// [`TimedOut`](io::ErrorKind::TimedOut), depending on the operating
    /// system.
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// # std::thread::spawn(move || -> std::io::Result<u64> {
    /// #     let (mut tor, _) = listener.accept()?;
    /// #     std::io::Write::write_all(&mut tor, b"\x05\0\x05\0\0\x01\0\0\0\0\0\0")?;
    /// #     std::io::copy(&mut tor, &mut std::io::sink())
    /// # });
    /// use scape::socks::SocksProxy;
    /// use std::io::Read;
    /// use std::time::Duration;
    ///
    /// let mut stream = SocksProxy::new(port).connect("example.com:80")?;
    /// stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    /// assert!(stream.read(&mut [0; 100]).is_err()); // no data for 20 milliseconds
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a duration of zero.
    /// Errors of the operating system are also possible.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.transport.set_read_timeout(timeout)
    }

    /// Sets the time limit of each write. `None` (the default) means no limit.
    /// See [`set_read_timeout`](Self::set_read_timeout).
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// # std::thread::spawn(move || -> std::io::Result<u64> {
    /// #     let (mut tor, _) = listener.accept()?;
    /// #     std::io::Write::write_all(&mut tor, b"\x05\0\x05\0\0\x01\0\0\0\0\0\0")?;
    /// #     std::io::copy(&mut tor, &mut std::io::sink())
    /// # });
    /// use scape::socks::SocksProxy;
    /// use std::io::Write;
    /// use std::time::Duration;
    ///
    /// let mut stream = SocksProxy::new(port).connect("example.com:80")?;
    /// stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    /// stream.write_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a duration of zero.
    /// Errors of the operating system are also possible.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.transport.set_write_timeout(timeout)
    }

    /// Shuts down reading, writing or both. Threads that are blocked in the
    /// affected direction wake up.
    ///
    /// tor has no half-closed streams. When tor sees the end of the written
    /// data, it delivers the data and closes the stream. An answer that hasn't
    /// arrived by then may be lost.
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// # std::thread::spawn(move || -> std::io::Result<u64> {
    /// #     let (mut tor, _) = listener.accept()?;
    /// #     std::io::Write::write_all(&mut tor, b"\x05\0\x05\0\0\x01\0\0\0\0\0\0")?;
    /// #     std::io::copy(&mut tor, &mut std::io::sink())
    /// # });
    /// use scape::socks::SocksProxy;
    /// use std::io::Read;
    /// use std::net::Shutdown;
    ///
    /// let mut stream = SocksProxy::new(port).connect("example.com:80")?;
    /// let same = stream.try_clone()?;
    /// std::thread::spawn(move || same.shutdown(Shutdown::Both));
    /// assert_eq!(stream.read(&mut [0; 100])?, 0); // woken up: the end of the stream
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the operating system's error. A stream that has already ended is
    /// not an error.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.transport.shutdown_how(how)
    }

    /// Returns another handle to the same connection. Timeouts and shutting
    /// down apply to all handles. The connection closes when the last handle is
    /// dropped.
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// # std::thread::spawn(move || -> std::io::Result<u64> {
    /// #     let (mut tor, _) = listener.accept()?;
    /// #     std::io::Write::write_all(&mut tor, b"\x05\0\x05\0\0\x01\0\0\0\0\0\0")?;
    /// #     std::io::copy(&mut tor, &mut std::io::sink())
    /// # });
    /// use scape::socks::SocksProxy;
    /// use std::io::Write;
    ///
    /// let stream = SocksProxy::new(port).connect("example.com:80")?;
    /// let mut writer = stream.try_clone()?;
    /// let thread = std::thread::spawn(move || writer.write_all(b"GET / HTTP/1.0\r\n\r\n"));
    /// # thread.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the operating system's error, for example if too many files are
    /// open.
    pub fn try_clone(&self) -> io::Result<SocksStream> {
        self.transport.try_clone().map(|transport| SocksStream::new(transport, self.keep.clone()))
    }

    /// Returns the TCP connection to tor, or `None` if tor's port is a Unix
    /// socket. The addresses of this connection are tor's and this machine's,
    /// not the target's.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        self.transport.as_tcp()
    }

    /// Returns the Unix connection to tor, or `None` if tor's port is a TCP
    /// port.
    #[cfg(unix)]
    pub fn as_unix(&self) -> Option<&UnixStream> {
        self.transport.as_unix()
    }

    /// Returns the underlying connection to tor.
    #[cfg(feature = "https")]
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Converts the stream to the underlying connection to tor. Unlike the
    /// stream, the connection doesn't keep a launched tor alive.
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// # std::thread::spawn(move || -> std::io::Result<u64> {
    /// #     let (mut tor, _) = listener.accept()?;
    /// #     std::io::Write::write_all(&mut tor, b"\x05\0\x05\0\0\x01\0\0\0\0\0\0")?;
    /// #     std::io::copy(&mut tor, &mut std::io::sink())
    /// # });
    /// use scape::socks::SocksProxy;
    ///
    /// let transport = SocksProxy::new(port).connect("example.com:80")?.into_transport();
    /// assert_eq!(transport.peer(), format!("127.0.0.1:{port}"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
