//! Finding the process on this machine that a TCP connection belongs to.

mod error;
#[cfg(target_os = "linux")]
mod linux;
mod process_owner;

use std::net::SocketAddr;

pub use error::OwnerError;
pub use process_owner::ProcessOwner;

use crate::error::Result;

/// Finds the process on this machine whose end of a TCP connection has the
/// address `peer`. For a stream, `peer` is the client's address
/// ([`StreamInfo::source_socket_addr`](crate::event::StreamInfo::source_socket_addr)).
/// Linux only.
///
/// `local` is the address of tor's port, to which the client has connected.
/// Without `local`, several connections may match, because a program may use
/// one local port for connections to several addresses. An unspecified address
/// (`0.0.0.0:9050`) stands for all addresses with that port.
///
/// Returns `None` if there is no such connection on this machine, or if it has
/// been closed. Also returns `None` if several connections match and belong to
/// different processes. If several processes have the connection, such as
/// children that inherited it, the one that was started first is returned.
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
/// * The connection belongs to a process that this program isn't allowed to
///   inspect (same kind). The error has the user id.
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
