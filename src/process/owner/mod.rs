//! Which process of this machine a TCP connection belongs to.

mod error;
#[cfg(target_os = "linux")]
mod linux;

pub use error::OwnerError;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::error::Result;

/// A process that a connection belongs to: what [`owner_of`] finds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessOwner {
    /// Its process id.
    pub pid: u32,
    /// The effective user that it runs as.
    pub uid: u32,
    /// Its name, as the system has it: at most 15 bytes, and the process may
    /// have changed it.
    pub name: String,
    /// What it was started with, the program first. Everybody on this machine
    /// can read that, and the process may have changed it. Empty where the
    /// system does not tell.
    pub command: Vec<OsString>,
    /// The program's file, where that may be known. Its name ends with
    /// ` (deleted)` where it was removed or replaced meanwhile.
    pub executable: Option<PathBuf>,
}

impl fmt::Display for ProcessOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What may clear a terminal is not let through.
        let name: String =
            self.name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        write!(f, "{name} ({})", self.pid)
    }
}

/// The process of this machine that has the end at `peer` of a TCP connection:
/// for a stream, `peer` is its client's address
/// ([`StreamInfo::source_socket_addr`](crate::event::StreamInfo::source_socket_addr)).
/// Linux only.
///
/// `local` is the other end, tor's port. It need not be given, but a program
/// may use one port for several connections to different places. An unspecified
/// address (`0.0.0.0:9050`) stands for all.
///
/// `None` where there is no such connection on this machine (any more), or
/// where it cannot be said which of several is meant. Where several processes
/// have the connection, such as children that inherited it, the one that was
/// started first.
///
/// What is looked at are the connections of this process' network namespace,
/// and the processes that it may look into: its own user's, all of them for
/// root. It takes some milliseconds, more where there are many processes.
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
/// Returns an error with an [`OwnerError`] (kind
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) if this is not Linux,
/// if the connection belongs to a process that may not be looked into (with its
/// user), or if `/proc` can't be read.
pub fn owner_of(peer: SocketAddr, local: Option<SocketAddr>) -> Result<Option<ProcessOwner>> {
    owner_among(peer, local.as_slice())
}

/// [`owner_of`], where the other end is one of `locals`; anything, where there
/// are none.
pub(crate) fn owner_among(peer: SocketAddr, locals: &[SocketAddr]) -> Result<Option<ProcessOwner>> {
    #[cfg(target_os = "linux")]
    return linux::owner(peer, locals);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (peer, locals);
        Err(crate::process::OwnerError::NotSupported.into())
    }
}
