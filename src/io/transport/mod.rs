//! Byte streams: TCP connections, Unix sockets and pairs in memory as one type,
//! and the addresses of tor's ports.
//!
//! A [`Transport`] is a stream, and an [`Address`] is the address of a control
//! or SOCKS port. Most programs only need the addresses, for
//! [`Connect`](crate::Connect) and the like.
//!
//! This is the lowest layer that knows sockets and clocks. The layers above
//! work in the same way over every kind of stream. This library gives only one
//! kind of name to the system's resolver: the host name of an [`Address`] that
//! the user gave as the address of tor.

mod address;
mod connect;
mod deadline;
mod memory;

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

pub use address::{Address, AddressProblem, ParseAddressError};
use connect::Connected;
pub(crate) use deadline::{Deadline, deadline_after};
use memory::Memory;

/// A stream of bytes in both directions: a TCP connection, a Unix connection,
/// or one end of a pair in memory.
///
/// One thread may read while another writes, because `&Transport` implements
/// [`Read`] and [`Write`], like `&TcpStream`. Reads and writes block, at most
/// for the timeouts that were set. After that they fail with the kind
/// [`WouldBlock`](io::ErrorKind::WouldBlock) or
/// [`TimedOut`](io::ErrorKind::TimedOut), depending on the system.
///
/// ```
/// use std::io::{Read, Write};
/// use scape::transport::Transport;
///
/// let (mut here, mut there) = Transport::pair();
/// there.write_all(b"250 OK\r\n")?;
/// drop(there);
/// let mut text = String::new();
/// here.read_to_string(&mut text)?;
/// assert_eq!(text, "250 OK\r\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "ControlSocket")]
pub struct Transport {
    stream: Stream,
    peer: Box<str>,
}

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    Memory(Memory),
}

/// Evaluates an expression with the stream of a transport, whatever kind of
/// stream it is.
macro_rules! each {
    ($transport:expr, $stream:ident => $what:expr) => {
        match &$transport.stream {
            Stream::Tcp($stream) => $what,
            #[cfg(unix)]
            Stream::Unix($stream) => $what,
            Stream::Memory($stream) => $what,
        }
    };
}

impl Transport {
    /// Connects to `address`. Gives up at `deadline`.
    ///
    /// `localhost` means `127.0.0.1`, then `::1`, without any look-up. Other
    /// host names are looked up by the system. All addresses of a host are
    /// tried in turn, and share the time that is left. TCP connections get
    /// `TCP_NODELAY`.
    ///
    /// ```no_run
    /// use scape::transport::{Address, Transport};
    /// use std::time::{Duration, Instant};
    ///
    /// let address: Address = "127.0.0.1:9051".parse()?;
    /// let transport = Transport::connect(&address, Instant::now() + Duration::from_secs(10))?;
    /// println!("connected to {}", transport.peer());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the operating system's error, or an error of the kind
    /// [`TimedOut`](io::ErrorKind::TimedOut) if `deadline` passes. If the
    /// system's resolver doesn't answer before `deadline`, its thread goes on
    /// in the background until it does.
    pub fn connect(address: &Address, deadline: Instant) -> io::Result<Transport> {
        Ok(match connect::connect(address, deadline)? {
            Connected::Tcp(stream) => stream.into(),
            #[cfg(unix)]
            Connected::Unix(stream, peer) => Transport::from_unix(stream, peer),
        })
    }

    /// Returns the two ends of a stream in memory: data that is written to one
    /// end is read from the other. The ends behave as connected sockets do,
    /// including timeouts. In each direction, 64 KiB may wait before a writer
    /// blocks.
    ///
    /// ```
    /// use scape::transport::Transport;
    /// use std::io::{Read, Write};
    ///
    /// let (mut here, mut there) = Transport::pair();
    /// here.write_all(b"QUIT\r\n")?;
    /// let mut command = [0; 6];
    /// there.read_exact(&mut command)?;
    /// assert_eq!(&command, b"QUIT\r\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pair() -> (Transport, Transport) {
        let (here, there) = Memory::pair();
        let transport = |end| Transport { stream: Stream::Memory(end), peer: "memory".into() };
        (transport(here), transport(there))
    }

    #[cfg(unix)]
    fn from_unix(stream: UnixStream, peer: String) -> Transport {
        Transport { stream: Stream::Unix(stream), peer: peer.into_boxed_str() }
    }

    /// Returns the peer's address as text for people: `127.0.0.1:9051`,
    /// `unix:/run/tor/control` or `memory`.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Returns true if the peer has not closed the stream and has sent nothing
    /// that is still unread. Always returns false for a stream in memory,
    /// because such a stream can't be checked.
    #[cfg(feature = "http")]
    pub(crate) fn is_idle(&self) -> bool {
        if matches!(self.stream, Stream::Memory(_)) || self.set_nonblocking(true).is_err() {
            return false;
        }
        let read = (&mut &*self).read(&mut [0]);
        let nothing = read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.set_nonblocking(false).is_ok() && nothing
    }

    /// Sets whether reads and writes fail at once if they would have to wait.
    /// Does nothing for a stream in memory, which always waits.
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => stream.set_nonblocking(nonblocking),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.set_nonblocking(nonblocking),
            Stream::Memory(_) => Ok(()),
        }
    }

    /// Switches the stream to blocking mode and removes the timeout for reads.
    /// The program that opened the socket may have set it up in another way.
    pub(crate) fn reset_waiting(&self) -> io::Result<()> {
        self.set_nonblocking(false)?;
        self.set_read_timeout(None)
    }

    /// Returns true if this is a connection between Unix sockets.
    pub fn is_unix(&self) -> bool {
        #[cfg(unix)]
        return matches!(self.stream, Stream::Unix(_));
        #[cfg(not(unix))]
        return false;
    }

    /// Returns the TCP connection, or `None` if this is another kind of stream.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        match &self.stream {
            Stream::Tcp(stream) => Some(stream),
            _ => None,
        }
    }

    /// Returns the Unix connection, or `None` if this is another kind of
    /// stream.
    #[cfg(unix)]
    pub fn as_unix(&self) -> Option<&UnixStream> {
        match &self.stream {
            Stream::Unix(stream) => Some(stream),
            _ => None,
        }
    }

    /// Returns another handle to the same end of the stream. Timeouts and
    /// shutting down apply to all handles. The stream is closed when the last
    /// handle is dropped.
    ///
    /// ```
    /// use scape::transport::Transport;
    /// use std::io::{Read, Write};
    ///
    /// let (here, mut there) = Transport::pair();
    /// let mut writer = here.try_clone()?;
    /// std::thread::spawn(move || writer.write_all(b"250 OK\r\n"));
    /// let mut reply = [0; 8];
    /// there.read_exact(&mut reply)?;
    /// assert_eq!(&reply, b"250 OK\r\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the operating system's error, for example if no more files may
    /// be open.
    pub fn try_clone(&self) -> io::Result<Transport> {
        let stream = match &self.stream {
            Stream::Tcp(stream) => Stream::Tcp(stream.try_clone()?),
            #[cfg(unix)]
            Stream::Unix(stream) => Stream::Unix(stream.try_clone()?),
            Stream::Memory(stream) => Stream::Memory(stream.clone()),
        };
        Ok(Transport { stream, peer: self.peer.clone() })
    }

    /// Sets the time for which a read may wait for data. `None`, the default,
    /// means forever.
    ///
    /// ```
    /// use scape::transport::Transport;
    /// use std::io::Read;
    /// use std::time::Duration;
    ///
    /// let (mut here, _there) = Transport::pair();
    /// here.set_read_timeout(Some(Duration::from_millis(20)))?;
    /// assert!(here.read(&mut [0; 100]).is_err()); // no data for 20 milliseconds
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the duration is zero,
    /// or the operating system's error.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        each!(self, stream => stream.set_read_timeout(timeout))
    }

    /// Sets the time for which a write may wait for room. `None`, the default,
    /// means forever.
    ///
    /// ```
    /// use scape::transport::Transport;
    /// use std::io::Write;
    /// use std::time::Duration;
    ///
    /// let (mut here, _there) = Transport::pair();
    /// here.set_write_timeout(Some(Duration::from_millis(20)))?;
    /// assert!(here.write_all(&[0; 100_000]).is_err()); // 64 KiB find room, and nobody reads
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the duration is zero,
    /// or the operating system's error.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        each!(self, stream => stream.set_write_timeout(timeout))
    }

    /// Ends the stream in both directions. A thread that is blocked in a read
    /// or write wakes up. Later reads find the end of the stream, and later
    /// writes fail. May be called from any thread, and more than once.
    ///
    /// ```
    /// use scape::transport::Transport;
    /// use std::io::Read;
    ///
    /// let (mut here, _there) = Transport::pair();
    /// let same = here.try_clone()?;
    /// std::thread::spawn(move || same.shutdown());
    /// assert_eq!(here.read(&mut [0; 100])?, 0); // woken up: the end of the stream
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the operating system's error. It is not an error if the stream
    /// has ended already.
    pub fn shutdown(&self) -> io::Result<()> {
        self.shutdown_how(Shutdown::Both)
    }

    /// Ends the stream for writing. The peer reads the end of the stream after
    /// the last byte. This end can still read.
    ///
    /// ```
    /// use scape::transport::Transport;
    /// use std::io::{Read, Write};
    ///
    /// let (mut here, mut there) = Transport::pair();
    /// here.write_all(b"QUIT\r\n")?;
    /// here.shutdown_write()?;
    /// let mut text = String::new();
    /// there.read_to_string(&mut text)?; // reads until the end of the stream
    /// assert_eq!(text, "QUIT\r\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the operating system's error. It is not an error if the stream
    /// has ended already.
    pub fn shutdown_write(&self) -> io::Result<()> {
        self.shutdown_how(Shutdown::Write)
    }

    pub(crate) fn shutdown_how(&self, how: Shutdown) -> io::Result<()> {
        let result = match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(how),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.shutdown(how),
            Stream::Memory(stream) => {
                stream.shutdown(how);
                Ok(())
            }
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    /// Makes the system acknowledge the received bytes without a delay, so that
    /// the peer sends the rest of a long reply. Does nothing unless this is a
    /// TCP connection on Linux.
    pub(crate) fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        if let Stream::Tcp(stream) = &self.stream {
            // If this fails, the peer waits a little longer.
            let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
        }
    }

    /// Reads once, or fails at `deadline` with
    /// [`TimedOut`](io::ErrorKind::TimedOut). Changes the read timeout.
    pub(crate) fn read_by(&self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        loop {
            self.set_read_timeout(Some(deadline::remaining(deadline)?))?;
            match (&mut &*self).read(buffer) {
                // Otherwise a socket that doesn't wait would be read all the
                // time.
                Err(error) if is_transient(&error) => self.set_nonblocking(false)?,
                result => return result,
            }
        }
    }

    /// Writes all of `bytes`, or fails at `deadline` with
    /// [`TimedOut`](io::ErrorKind::TimedOut). After a failure, a part of
    /// `bytes` may have been written. Changes the write timeout.
    pub(crate) fn write_all_by(&self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            self.set_write_timeout(Some(deadline::remaining(deadline)?))?;
            match (&mut &*self).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_transient(&error) => self.set_nonblocking(false)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Returns true if `error` is that of a read or write whose timeout passed.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Returns true if `error` is a timeout or was caused by a signal. The caller
/// can then repeat the read or write until its deadline. A timeout may come a
/// little before the deadline, and a signal may come at any time.
fn is_transient(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted || is_timeout(error)
}

impl Read for &Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            // A Unix socket would wait for a byte nevertheless.
            return Ok(0);
        }
        match &self.stream {
            Stream::Tcp(stream) => (&mut &*stream).read(buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => (&mut &*stream).read(buffer),
            Stream::Memory(stream) => stream.read(buffer),
        }
    }
}

impl Write for &Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.stream {
            Stream::Tcp(stream) => (&mut &*stream).write(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => (&mut &*stream).write(bytes),
            Stream::Memory(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sets `TCP_NODELAY` on the connection, because commands are small and a
/// caller waits for each reply.
impl From<TcpStream> for Transport {
    fn from(stream: TcpStream) -> Self {
        // A stream without this option is slower, but works.
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().map_or_else(|_| "tcp".to_owned(), |peer| peer.to_string());
        Transport { stream: Stream::Tcp(stream), peer: peer.into_boxed_str() }
    }
}

#[cfg(unix)]
impl From<UnixStream> for Transport {
    fn from(stream: UnixStream) -> Self {
        let path = stream
            .peer_addr()
            .ok()
            .and_then(|peer| Some(peer.as_pathname()?.display().to_string()));
        let peer = path.map_or_else(|| "unix".to_owned(), |path| format!("unix:{path}"));
        Transport::from_unix(stream, peer)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.peer).finish()
    }
}
