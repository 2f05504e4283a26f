//! Byte streams: TCP, Unix sockets and memory behind one type, and the
//! addresses of tor's ports.
//!
//! This is the lowest floor that knows sockets and clocks. What is above it
//! works the same over every kind of stream. It never gives a name to the
//! system's resolver, except the host name of an [`Address`] that the user gave
//! as the place where tor is.

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
pub(crate) use deadline::Deadline;
use memory::Memory;

/// A stream of bytes in both directions: a TCP connection, a Unix connection,
/// or one end of a pair in memory.
///
/// One thread may read while another writes: `&Transport` is [`Read`] and
/// [`Write`], as `&TcpStream` is. Reads and writes block, at most for the
/// timeouts set, after which they fail with the kind
/// [`WouldBlock`](io::ErrorKind::WouldBlock) or
/// [`TimedOut`](io::ErrorKind::TimedOut), whichever the system has.
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

/// Does the same with whichever stream it is.
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
    /// Connects to `address`, and gives up at `deadline`.
    ///
    /// `localhost` is `127.0.0.1`, then `::1`, without any look-up. Another
    /// host name is looked up by the system; all its addresses are tried in
    /// turn, and share the time. TCP connections get `TCP_NODELAY`.
    ///
    /// # Errors
    /// The operating system's; of the kind
    /// [`TimedOut`](io::ErrorKind::TimedOut) when `deadline` passed. A resolver
    /// that is late is left to itself on a thread of its own, which ends when
    /// it answers.
    pub fn connect(address: &Address, deadline: Instant) -> io::Result<Transport> {
        connect::connect(address, deadline)
    }

    /// Two ends of a stream in memory: what is written to the one is read from
    /// the other. They behave as connected sockets do, timeouts included; 64
    /// KiB may wait in each direction before a writer has to.
    pub fn pair() -> (Transport, Transport) {
        let (here, there) = Memory::pair();
        let transport = |end| Transport { stream: Stream::Memory(end), peer: "memory".into() };
        (transport(here), transport(there))
    }

    #[cfg(unix)]
    fn from_unix(stream: UnixStream, peer: String) -> Transport {
        Transport { stream: Stream::Unix(stream), peer: peer.into_boxed_str() }
    }

    /// Who is at the other end, to be shown: `127.0.0.1:9051`,
    /// `unix:/run/tor/control` or `memory`.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Whether the other end has neither closed it nor said anything that was
    /// not read yet. (A pair in memory cannot tell, and gives `false`.)
    #[cfg(feature = "http")]
    pub(crate) fn is_idle(&self) -> bool {
        let blocking = |blocking: bool| match &self.stream {
            Stream::Tcp(stream) => stream.set_nonblocking(!blocking),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.set_nonblocking(!blocking),
            Stream::Memory(_) => Err(io::ErrorKind::Unsupported.into()),
        };
        if blocking(false).is_err() {
            return false;
        }
        let read = (&mut &*self).read(&mut [0]);
        let nothing = read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        blocking(true).is_ok() && nothing
    }

    /// Whether it is a connection between Unix sockets.
    pub fn is_unix(&self) -> bool {
        #[cfg(unix)]
        return matches!(self.stream, Stream::Unix(_));
        #[cfg(not(unix))]
        return false;
    }

    /// The TCP connection, where it is one.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        match &self.stream {
            Stream::Tcp(stream) => Some(stream),
            _ => None,
        }
    }

    /// The Unix connection, where it is one.
    #[cfg(unix)]
    pub fn as_unix(&self) -> Option<&UnixStream> {
        match &self.stream {
            Stream::Unix(stream) => Some(stream),
            _ => None,
        }
    }

    /// Another handle to the same end of the same stream. Timeouts and shutting
    /// down apply to all handles; the stream is closed when the last is
    /// dropped.
    ///
    /// # Errors
    /// The operating system's, for example when no more files may be open.
    pub fn try_clone(&self) -> io::Result<Transport> {
        let stream = match &self.stream {
            Stream::Tcp(stream) => Stream::Tcp(stream.try_clone()?),
            #[cfg(unix)]
            Stream::Unix(stream) => Stream::Unix(stream.try_clone()?),
            Stream::Memory(stream) => Stream::Memory(stream.clone()),
        };
        Ok(Transport { stream, peer: self.peer.clone() })
    }

    /// How long a read may wait; `None` (as at first): for ever.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration, or
    /// the operating system's.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        each!(self, stream => stream.set_read_timeout(timeout))
    }

    /// How long a write may wait for room; `None` (as at first): for ever.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration, or
    /// the operating system's.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        each!(self, stream => stream.set_write_timeout(timeout))
    }

    /// Ends the stream in both directions. A thread that is blocked in a read
    /// or write wakes up; later reads find the end of the stream, later writes
    /// fail. May be called from any thread, and more than once.
    ///
    /// # Errors
    /// The operating system's. A stream that has ended already is none.
    pub fn shutdown(&self) -> io::Result<()> {
        self.shutdown_how(Shutdown::Both)
    }

    /// Says that nothing more will be written; reading goes on.
    ///
    /// # Errors
    /// The operating system's. A stream that has ended already is none.
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

    /// One read that ends at `deadline` with
    /// [`TimedOut`](io::ErrorKind::TimedOut). Changes the read timeout.
    pub(crate) fn read_by(&self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        loop {
            self.set_read_timeout(Some(connect::remaining(deadline)?))?;
            match (&mut &*self).read(buffer) {
                Err(error) if is_transient(&error) => {}
                result => return result,
            }
        }
    }

    /// Writes all of `bytes`, or fails at `deadline` with
    /// [`TimedOut`](io::ErrorKind::TimedOut), when a part of them may have been
    /// written. Changes the write timeout.
    pub(crate) fn write_all_by(&self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            self.set_write_timeout(Some(connect::remaining(deadline)?))?;
            match (&mut &*self).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether `error` is what a read or write gives when its timeout passed.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Whether to look at the clock and try again: a timeout may come a little
/// early, and a signal at any time.
fn is_transient(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted || is_timeout(error)
}

/// The moment `timeout` from now; one that is too far away to be a moment is in
/// some thirty years.
pub(crate) fn deadline_after(timeout: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or_else(|| now + LONG)
}

impl Read for &Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            // A Unix socket would wait for a byte all the same.
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

/// A connected TCP stream, which gets `TCP_NODELAY`: commands are small, and
/// waited for.
impl From<TcpStream> for Transport {
    fn from(stream: TcpStream) -> Self {
        // Without it the stream is slower, and works.
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
