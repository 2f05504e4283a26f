//! The local sockets that tor forwards an onion service's connections to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::control::OnionTarget;
use crate::error::{Error, Result};
use crate::io::transport::{Address, Transport};
#[cfg(unix)]
use crate::process::PrivateDir;
#[cfg(unix)]
use scape_proto::control::ArgumentError;

/// The local addresses at which a listener's sockets are bound.
#[derive(Debug, Default)]
pub(super) enum Local {
    /// One TCP socket for each port of the service, on a free port of
    /// 127.0.0.1.
    #[default]
    Free,
    /// One TCP socket at this address, for all ports of the service.
    Tcp(SocketAddr),
    /// One Unix socket for each port of the service, all in one private
    /// directory.
    #[cfg(unix)]
    PrivateUnix,
    /// One Unix socket at this path, for all ports of the service.
    #[cfg(unix)]
    Unix(PathBuf),
    /// An existing socket, for all ports of the service.
    Given(ListeningSocket),
}

/// An existing socket for an [`OnionListener`](super::OnionListener) to accept
/// from: a [`TcpListener`] or a `UnixListener`. See
/// [`OnionBuilder::listen_on`](super::OnionBuilder::listen_on).
#[derive(Debug)]
pub struct ListeningSocket(Listening);

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl From<TcpListener> for ListeningSocket {
    fn from(listener: TcpListener) -> Self {
        ListeningSocket(Listening::Tcp(listener))
    }
}

#[cfg(unix)]
impl From<UnixListener> for ListeningSocket {
    fn from(listener: UnixListener) -> Self {
        ListeningSocket(Listening::Unix(listener))
    }
}

/// A listening socket. If this module created a file for the socket, dropping
/// the socket removes the file.
#[derive(Debug)]
pub(super) struct Socket {
    listening: Listening,
    address: OnionTarget,
    #[cfg(unix)]
    _file: Option<SocketFile>,
}

/// The file or directory that is removed when the socket is closed.
#[cfg(unix)]
#[derive(Debug)]
#[allow(dead_code, reason = "dropping them removes the files")]
enum SocketFile {
    /// A private directory, which is removed with the last of its sockets.
    Private(Arc<PrivateDir>),
    Own(OwnFile),
}

/// The file of a Unix socket. Dropping this value removes the file, unless
/// another file has taken its place. `number` is the device and inode number of
/// the socket's file, by which the two files are told apart.
#[cfg(unix)]
#[derive(Debug)]
struct OwnFile {
    path: PathBuf,
    number: (u64, u64),
}

#[cfg(unix)]
impl Drop for OwnFile {
    fn drop(&mut self) {
        if file_number(&self.path).is_ok_and(|number| number == self.number) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn file_number(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;

    std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

impl Local {
    /// Returns an error if the path of the Unix socket is not absolute. This is
    /// checked before anything is bound.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            #[cfg(unix)]
            Local::Unix(path) if !path.is_absolute() => {
                let why = "is not absolute, but tor has another working directory";
                Err(ArgumentError::invalid("OnionBuilder", "path of the Unix socket", why).into())
            }
            _ => Ok(()),
        }
    }

    /// Binds the sockets for these ports of the service. Returns each socket
    /// with the ports that it serves.
    pub(super) fn bind(self, ports: &[u16]) -> Result<Vec<(Socket, Vec<u16>)>> {
        let all = ports.to_vec();
        let sockets = match self {
            Local::Free => {
                let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                return ports.iter().map(|port| Ok((Socket::tcp(free)?, vec![*port]))).collect();
            }
            Local::Tcp(address) => Socket::tcp(address)?,
            #[cfg(unix)]
            Local::PrivateUnix => return bind_private(ports),
            #[cfg(unix)]
            Local::Unix(path) => Socket::unix_at(path)?,
            Local::Given(given) => Socket::given(given)?,
        };
        Ok(vec![(sockets, all)])
    }
}

/// Binds a socket for each port, in a new directory that is private to this
/// user.
#[cfg(unix)]
fn bind_private(ports: &[u16]) -> Result<Vec<(Socket, Vec<u16>)>> {
    let directory = PrivateDir::new("onion-");
    let directory =
        directory.map_err(|e| Error::io("make a directory for an onion service's socket", e))?;
    let directory = Arc::new(directory);
    let bind = |port: &u16| {
        let path = directory.path().join(port.to_string());
        let socket = Socket::unix(path, |_| Ok(SocketFile::Private(directory.clone())))?;
        Ok((socket, vec![*port]))
    };
    ports.iter().map(bind).collect()
}

impl Socket {
    fn tcp(address: SocketAddr) -> Result<Socket> {
        let failed = |error| Error::io(format!("listen on {address} for an onion service"), error);
        let listener = TcpListener::bind(address).map_err(failed)?;
        Socket::given(listener.into())
    }

    #[cfg(unix)]
    fn unix_at(path: PathBuf) -> Result<Socket> {
        Socket::unix(path, |path| {
            Ok(SocketFile::Own(OwnFile { path: path.to_owned(), number: file_number(path)? }))
        })
    }

    #[cfg(unix)]
    fn unix(path: PathBuf, file: impl FnOnce(&Path) -> io::Result<SocketFile>) -> Result<Socket> {
        let failed =
            |error| Error::io(format!("listen on {} for an onion service", path.display()), error);
        let listener = UnixListener::bind(&path).map_err(failed)?;
        let file = file(&path).map_err(failed)?;
        Ok(Socket {
            listening: Listening::Unix(listener),
            address: OnionTarget::Unix(path),
            _file: Some(file),
        })
    }

    fn given(ListeningSocket(listening): ListeningSocket) -> Result<Socket> {
        let failed = |error| Error::io("inspect the socket for an onion service", error);
        let address = match &listening {
            Listening::Tcp(listener) => {
                listener.set_nonblocking(false).map_err(failed)?;
                OnionTarget::Tcp(listener.local_addr().map_err(failed)?)
            }
            #[cfg(unix)]
            Listening::Unix(listener) => {
                listener.set_nonblocking(false).map_err(failed)?;
                let address = listener.local_addr().map_err(failed)?;
                match address.as_pathname() {
                    Some(path) => OnionTarget::Unix(path.to_owned()),
                    None => {
                        let why = "has no path, so tor can't connect to it";
                        return Err(
                            ArgumentError::invalid("OnionBuilder", "Unix socket", why).into()
                        );
                    }
                }
            }
        };
        Ok(Socket {
            listening,
            address,
            #[cfg(unix)]
            _file: None,
        })
    }

    /// Returns the address that the socket is bound to.
    pub(super) fn address(&self) -> &OnionTarget {
        &self.address
    }

    /// Returns the address at which this machine reaches the socket. If the
    /// socket is bound to all addresses, that is the loopback address.
    pub(super) fn target(&self) -> OnionTarget {
        match &self.address {
            OnionTarget::Tcp(address) => {
                let ip = match address.ip() {
                    IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
                    IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
                    ip => ip,
                };
                OnionTarget::Tcp((ip, address.port()).into())
            }
            #[cfg(unix)]
            OnionTarget::Unix(path) => OnionTarget::Unix(path.clone()),
        }
    }

    /// Waits for the next connection and returns it.
    pub(super) fn accept(&self) -> io::Result<Transport> {
        match &self.listening {
            Listening::Tcp(listener) => listener.accept().map(|(stream, _)| stream.into()),
            #[cfg(unix)]
            Listening::Unix(listener) => listener.accept().map(|(stream, _)| stream.into()),
        }
    }

    /// Connects to the socket, to wake a thread that is blocked in
    /// [`accept`](Self::accept).
    pub(super) fn wake(&self, within: Duration) -> io::Result<()> {
        let address = match self.target() {
            OnionTarget::Tcp(address) => Address::Ip(address),
            #[cfg(unix)]
            OnionTarget::Unix(path) => Address::Unix(path),
        };
        Transport::connect(&address, Instant::now() + within).map(drop)
    }

    /// Wakes a thread that is blocked in [`accept`](Self::accept). Unlike
    /// `wake`, doesn't connect to the socket. The socket can't accept
    /// connections afterwards. On Windows, this does nothing.
    pub(super) fn shut_down(&self) {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd as _;

            let socket = match &self.listening {
                Listening::Tcp(listener) => listener.as_fd(),
                Listening::Unix(listener) => listener.as_fd(),
            };
            // If the system can't do this, the thread stays blocked.
            let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_on_all_addresses_is_reached_on_loopback() {
        for (bound, reached) in [("0.0.0.0:0", "127.0.0.1"), ("127.0.0.1:0", "127.0.0.1")] {
            let [(socket, ports)] =
                <[_; 1]>::try_from(Local::Tcp(bound.parse().unwrap()).bind(&[80, 81]).unwrap())
                    .unwrap();
            assert_eq!(ports, [80, 81]);
            let OnionTarget::Tcp(target) = socket.target() else { panic!("{socket:?}") };
            assert_eq!(target.ip().to_string(), reached);
            socket.wake(Duration::from_secs(5)).unwrap();
            assert_eq!(socket.accept().unwrap().as_tcp().unwrap().local_addr().unwrap(), target);
        }
    }

    #[test]
    fn each_port_has_its_own_socket_by_default() {
        let sockets = Local::Free.bind(&[80, 81]).unwrap();
        assert_eq!((&sockets[0].1, &sockets[1].1), (&vec![80], &vec![81]));
        assert_ne!(sockets[0].0.address(), sockets[1].0.address());
    }

    #[cfg(unix)]
    #[test]
    fn socket_files_are_removed_with_their_sockets() {
        use std::os::unix::fs::PermissionsExt as _;

        let sockets = Local::PrivateUnix.bind(&[80, 81]).unwrap();
        let OnionTarget::Unix(path) = sockets[0].0.address().clone() else { panic!("{sockets:?}") };
        let directory = path.parent().unwrap().to_owned();
        assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(path.exists());
        drop(sockets);
        assert!(!directory.exists());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = Local::Unix(path.clone()).bind(&[80]).unwrap();
        assert!(Local::Unix(path.clone()).bind(&[80]).is_err(), "an existing file is not replaced");
        drop(socket);
        assert!(!path.exists());
        // A file of another program at the same path stays.
        let socket = Local::Unix(path.clone()).bind(&[80]).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::fs::write(&path, "another").unwrap();
        drop(socket);
        assert!(path.exists());
        assert!(Local::Unix("relative".into()).check().is_err());
    }

    #[cfg(unix)]
    #[test]
    fn given_socket_keeps_its_address_and_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("given");
        let given = UnixListener::bind(&path).unwrap();
        drop(Local::Given(given.into()).bind(&[80]).unwrap());
        assert!(path.exists());
        let given = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = given.local_addr().unwrap();
        let sockets = Local::Given(given.into()).bind(&[80]).unwrap();
        assert_eq!(*sockets[0].0.address(), OnionTarget::Tcp(address));
    }
}
