//! How a launched tor is controlled.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::child::Child;
use super::torrc::Torrc;
use crate::controller::{Connect, Controller};
use crate::error::{ArgumentError, Error, Result};
use crate::transport::{Address, Transport};

/// How often to look for a port that tor is about to open.
const POLL: Duration = Duration::from_millis(20);

/// The number that the socket has in tor's process.
#[cfg(unix)]
const CONTROLLER_FD: i32 = 3;

/// How a launched tor is controlled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// Over a socket pair (`__OwningControllerFD`): no port, no file, no authentication, and tor ends when it is
    /// closed. The default, where the platform has it.
    #[cfg(unix)]
    SocketPair,
    /// Over a Unix socket in a private directory, with a cookie: other programs of the same user can connect too.
    #[cfg(unix)]
    UnixSocket,
    /// Over a TCP port on 127.0.0.1 that tor chooses, with a cookie.
    TcpAuto,
}

impl Default for Control {
    #[cfg(unix)]
    fn default() -> Self {
        Control::SocketPair
    }

    #[cfg(not(unix))]
    fn default() -> Self {
        Control::TcpAuto
    }
}

/// The end of the control connection that is this program's, before tor runs.
#[derive(Debug)]
pub(super) enum Prepared {
    #[cfg(unix)]
    Connected(Transport),
    #[cfg(unix)]
    At(PathBuf),
    InFile(PathBuf),
}

impl Control {
    /// Writes what tor must know, and gives the command what tor inherits.
    pub(super) fn prepare(
        self,
        directory: &Path,
        torrc: &mut Torrc,
        command: &mut Command,
    ) -> Result<Prepared, PrepareError> {
        let cookie = directory.join("control-cookie");
        match self {
            #[cfg(unix)]
            Control::SocketPair => {
                use command_fds::{CommandFdExt, FdMapping};
                let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
                let mapping = FdMapping { parent_fd: theirs.into(), child_fd: CONTROLLER_FD };
                command.fd_mappings(vec![mapping]).map_err(io::Error::other)?;
                torrc.push("__OwningControllerFD", CONTROLLER_FD.to_string().as_bytes())?;
                Ok(Prepared::Connected(Transport::from(ours)))
            }
            #[cfg(unix)]
            Control::UnixSocket => {
                let socket = directory.join("control");
                let mut value = b"unix:\"".to_vec();
                value.extend(escaped(socket.as_os_str().as_encoded_bytes()));
                value.push(b'"');
                torrc.push("ControlPort", &value)?;
                with_cookie(torrc, &cookie)?;
                Ok(Prepared::At(socket))
            }
            Control::TcpAuto => {
                let file = directory.join("control-port");
                torrc.push("ControlPort", b"127.0.0.1:auto")?;
                torrc.push("ControlPortWriteToFile", file.as_os_str().as_encoded_bytes())?;
                with_cookie(torrc, &cookie)?;
                Ok(Prepared::InFile(file))
            }
        }
    }
}

/// A cookie file; and until the connection owns tor, this process does.
fn with_cookie(torrc: &mut Torrc, cookie: &Path) -> Result<(), ArgumentError> {
    torrc.push("CookieAuthentication", b"1")?;
    torrc.push("CookieAuthFile", cookie.as_os_str().as_encoded_bytes())?;
    torrc.push("__OwningControllerProcess", std::process::id().to_string().as_bytes())
}

#[cfg(unix)]
fn escaped(path: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(path.len());
    for byte in path {
        if matches!(byte, b'"' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

/// Why control could not be prepared.
#[derive(Debug)]
pub(super) enum PrepareError {
    Io(io::Error),
    Argument(ArgumentError),
}

impl From<io::Error> for PrepareError {
    fn from(error: io::Error) -> Self {
        PrepareError::Io(error)
    }
}

impl From<ArgumentError> for PrepareError {
    fn from(error: ArgumentError) -> Self {
        PrepareError::Argument(error)
    }
}

impl Prepared {
    /// Connects to the tor that has been started, which may take a moment to listen. The connection owns tor then.
    pub(super) fn connect(self, child: &Child, deadline: Instant) -> Result<Controller> {
        match self {
            #[cfg(unix)]
            Prepared::Connected(transport) => Controller::from_authenticated(transport),
            #[cfg(unix)]
            Prepared::At(socket) => {
                own(retry(child, deadline, || connect_to(Address::from(socket.as_path()), deadline))?)
            }
            Prepared::InFile(file) => {
                own(retry(child, deadline, || connect_to(read_port(&file)?, deadline))?)
            }
        }
    }
}

fn connect_to(address: Address, deadline: Instant) -> Result<Controller> {
    Connect::to(&address)?.timeout(deadline.saturating_duration_since(Instant::now())).connect()
}

/// tor replaces the file as a whole once the port is open: `PORT=127.0.0.1:9051`.
fn read_port(file: &Path) -> Result<Address> {
    let text = fs::read_to_string(file).map_err(|e| Error::io("read the file with tor's control port", e))?;
    let port = text.lines().find_map(|line| line.strip_prefix("PORT=")?.parse().ok());
    port.ok_or_else(|| Error::io("read the file with tor's control port", io::ErrorKind::InvalidData.into()))
}

/// That tor logs that it listens proves nothing: so tries until it works, tor ends, or the time is up.
fn retry(child: &Child, deadline: Instant, attempt: impl Fn() -> Result<Controller>) -> Result<Controller> {
    loop {
        match attempt() {
            Ok(controller) => return Ok(controller),
            Err(error) if child.exit().is_some() || Instant::now() + POLL >= deadline => return Err(error),
            Err(_) => thread::sleep(POLL),
        }
    }
}

/// Ownership goes over from this process to the connection.
fn own(controller: Controller) -> Result<Controller> {
    controller.take_ownership()?;
    controller.reset_conf(["__OwningControllerProcess"])?;
    Ok(controller)
}
