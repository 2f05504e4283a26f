//! Finding the process on this machine that a TCP connection belongs to.

mod error;
#[cfg(target_os = "linux")]
mod linux;

pub use error::OwnerError;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::error::Result;

/// A process that a connection belongs to. Returned by [`owner_of`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessOwner {
    /// The process id.
    pub pid: u32,
    /// The effective user id of the process.
    pub uid: u32,
    /// The name of the process: at most 15 bytes. The process may have changed
    /// it.
    pub name: String,
    /// The command line, beginning with the program. Every user of this machine
    /// can read it, and the process may have changed it. Empty if the system
    /// doesn't reveal it.
    pub command: Vec<OsString>,
    /// The path of the program's file, if this program may know it. The name
    /// ends with ` (deleted)` if the file was removed or replaced in the
    /// meantime.
    pub executable: Option<PathBuf>,
}

impl fmt::Display for ProcessOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Control characters could clear a terminal, for example.
        let name: String =
            self.name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        write!(f, "{name} ({})", self.pid)
    }
}

/// Finds the process on this machine that has the end at `peer` of a TCP
/// connection. For a stream, `peer` is the client's address
/// ([`StreamInfo::source_socket_addr`](crate::event::StreamInfo::source_socket_addr)).
/// Linux only.
///
/// `local` is the other end, which is tor's port. It is optional, but a program
/// may use one port for several connections to different places. An unspecified
/// address (`0.0.0.0:9050`) stands for all addresses with that port.
///
/// Returns `None` if there is no such connection on this machine, if it has
/// been closed, or if it isn't clear which of several connections is meant. If
/// several processes have the connection, such as children that inherited it,
/// the one that was started first is returned.
///
/// Only connections in the network namespace of this process are found. Their
/// process must be one that this program may inspect: a process of the same
/// user, or any process if this program runs as root. A call takes some
/// milliseconds, and more if there are many processes.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use scape::process::owner_of;
/// use std::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = TcpStream::connect(listener.local_addr()?)?;
/// let (_accepted, peer) = listener.accept()?;
///
/// let owner = owner_of(peer, Some(listener.local_addr()?))?.expect("it is connected");
/// assert_eq!(owner.pid, std::process::id());
/// println!("{owner}, user {}: {:?}", owner.uid, owner.command);
/// # drop(client);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns an error with an [`OwnerError`] in these cases:
///
/// * This is not Linux (kind
///   [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)).
/// * The connection belongs to a process that this program may not inspect
///   (same kind). The error has the user id.
/// * `/proc` can't be read (kind [`ErrorKind::Io`](crate::ErrorKind::Io)).
pub fn owner_of(peer: SocketAddr, local: Option<SocketAddr>) -> Result<Option<ProcessOwner>> {
    owner_among(peer, local.as_slice())
}

/// Like [`owner_of`], for a connection whose other end is one of `locals`, or
/// any address if `locals` is empty.
pub(crate) fn owner_among(peer: SocketAddr, locals: &[SocketAddr]) -> Result<Option<ProcessOwner>> {
    #[cfg(target_os = "linux")]
    return linux::owner(peer, locals);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (peer, locals);
        Err(OwnerError::NotSupported.into())
    }
}
