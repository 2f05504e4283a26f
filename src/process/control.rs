//! The control connection between the program and the tor that it starts.

#[cfg(unix)]
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::{Duration, Instant};

use super::child::Child;
use super::private_dir::PrivateDir;
use super::tor_process;
use crate::control::{AuthError, Connect, Controller};
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::cancel::CancelToken;
use crate::io::regular_file;
use crate::io::transport::Address;
#[cfg(unix)]
use crate::io::transport::Transport;
use crate::live::config::Torrc;

/// The pause between two attempts to connect.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// The size limit of a port file in bytes. tor writes one line for each control
/// port.
const LONGEST_PORT_FILE: u64 = 64 << 10;

/// The time limit for tor to exit after its control connection has ended. If
/// tor takes longer, the errors of calls on the connection don't contain tor's
/// exit status.
const EXIT_AFTER_CLOSE: Duration = Duration::from_secs(1);

/// The timeout of each attempt to connect, and of each call on the launched
/// tor's controller. It is the same as the default of every other controller.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The kind of a launched tor's control connection.
///
/// With each kind, tor ends when the control connection does. So tor doesn't
/// outlive the program, even if the program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Control {
    /// A pair of connected sockets, one of which tor inherits
    /// (`__OwningControllerFD`). There is no port, no file and no
    /// authentication, because nobody else can connect. This is the default on
    /// Unix.
    #[cfg(unix)]
    SocketPair,
    /// A Unix socket in a private temporary directory, with cookie
    /// authentication. Other programs of the same user can connect, too: see
    /// [`TorProcess::control_address`](super::TorProcess::control_address).
    #[cfg(unix)]
    UnixSocket,
    /// A TCP port of 127.0.0.1 that the system chooses, with cookie
    /// authentication. This is the default on systems without Unix sockets.
    TcpPort,
}

impl Default for Control {
    fn default() -> Self {
        #[cfg(unix)]
        return Control::SocketPair;
        #[cfg(not(unix))]
        return Control::TcpPort;
    }
}

/// The way to connect to tor once it runs: our end of the pair of sockets, the
/// path of the control socket, or the path of the file that will contain the
/// control port.
pub(super) enum Pending {
    #[cfg(unix)]
    Pair(UnixStream),
    #[cfg(unix)]
    Socket(PathBuf),
    PortFile(PathBuf),
}

impl Control {
    /// Adds the options and arguments for this kind of connection to `torrc`
    /// and `command`.
    ///
    /// The option `__OwningControllerFD` goes on the command line. If it were
    /// in the torrc, the first SAVECONF would remove it, because tor doesn't
    /// save options whose names begin with `__`. The next RELOAD would then end
    /// tor, because the option can't change while tor runs.
    pub(super) fn prepare(
        self,
        directory: &PrivateDir,
        torrc: &mut Torrc,
        #[cfg_attr(not(unix), allow(unused_variables))] command: &mut Command,
    ) -> Result<Pending> {
        let owner = process::id().to_string();
        match self {
            #[cfg(unix)]
            Control::SocketPair => {
                use command_fds::CommandFdExt;
                use std::os::fd::{AsRawFd, OwnedFd};

                let pair =
                    UnixStream::pair().map_err(|e| Error::io("make a pair of sockets", e))?;
                let theirs = OwnedFd::from(pair.1);
                command.arg("--__OwningControllerFD").arg(theirs.as_raw_fd().to_string());
                command.preserved_fds(vec![theirs]);
                Ok(Pending::Pair(pair.0))
            }
            #[cfg(unix)]
            Control::UnixSocket => {
                let socket = directory.join("control");
                // tor would complain about a path that is too long only in its
                // log, so it is checked here.
                SocketAddr::from_pathname(&socket).map_err(|error| {
                    let action = "name the control socket in the temporary directory";
                    Error::io(format!("{action}: {}", socket.display()), error)
                })?;
                let Some(text) = socket.to_str().filter(|text| !text.contains(['"', '\\'])) else {
                    let problem = std::io::Error::from(std::io::ErrorKind::InvalidInput);
                    return Err(Error::io(
                        format!("name the control socket {}", socket.display()),
                        problem,
                    ));
                };
                torrc.push("ControlPort", format!("unix:\"{text}\"").as_bytes())?;
                torrc.push("__OwningControllerProcess", owner.as_bytes())?;
                Ok(Pending::Socket(socket))
            }
            Control::TcpPort => {
                let file = directory.join("control-port");
                torrc.push("ControlPort", b"127.0.0.1:auto")?;
                torrc.push("ControlPortWriteToFile", file.as_os_str().as_encoded_bytes())?;
                torrc.push("__OwningControllerProcess", owner.as_bytes())?;
                Ok(Pending::PortFile(file))
            }
        }
    }

    /// Returns true if tor listens for control connections, which then need
    /// authentication.
    pub(super) fn is_listening(self) -> bool {
        match self {
            #[cfg(unix)]
            Control::SocketPair => false,
            _ => true,
        }
    }
}

/// A control connection to a started tor, and the address of its control port
/// if it has one.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) controller: Controller,
    pub(super) address: Option<Address>,
}

/// The failure of a launch after the process was started.
pub(super) struct Failed {
    /// The error of the step that failed. `None` if tor has ended, or the
    /// launch was cancelled.
    pub(super) error: Option<Error>,
    /// The control connection, or `None` if it wasn't made. The connection must
    /// be kept until the cause of the failure is known, because dropping it
    /// ends tor.
    pub(super) connected: Option<Connected>,
    /// The progress of tor's bootstrap in percent, or `None` if tor hasn't
    /// reported any.
    pub(super) reached: Option<u8>,
}

impl Failed {
    pub(super) fn new(
        error: Option<Error>,
        connected: Option<Connected>,
        reached: Option<u8>,
    ) -> Box<Self> {
        Box::new(Failed { error, connected, reached })
    }
}

/// A handle that ends the connection over a pair of sockets from another
/// thread, without waiting. Does nothing for other kinds of connections.
pub(super) struct Shutdown(#[cfg(unix)] Option<UnixStream>);

impl Shutdown {
    pub(super) fn now(&self) {
        #[cfg(unix)]
        if let Some(stream) = &self.0 {
            // An error only means that the connection has ended already.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Pending {
    /// Returns a handle with which a cancelled launch ends the connection over
    /// a pair of sockets. The handle does nothing for other connections,
    /// because these end together with tor.
    pub(super) fn shutdown(&self) -> Shutdown {
        #[cfg(unix)]
        return Shutdown(match self {
            Pending::Pair(ours) => ours.try_clone().ok(),
            _ => None,
        });
        #[cfg(not(unix))]
        Shutdown()
    }

    /// Connects as soon as tor accepts connections, and waits for tor's first
    /// answer. From then on, tor ends when this connection ends.
    ///
    /// # Errors
    ///
    /// Returns an error if `child` has ended, the launch was cancelled, or
    /// `deadline` has passed.
    pub(super) fn connect(
        self,
        child: &Child,
        cancel: &CancelToken,
        deadline: Instant,
    ) -> Result<Connected, Box<Failed>> {
        let failed = |error| Failed::new(Some(error), None, None);
        let connected = match self {
            #[cfg(unix)]
            Pending::Pair(ours) => {
                let controller =
                    Controller::from_authenticated(Transport::from(ours)).map_err(failed)?;
                Some(Connected { controller, address: None })
            }
            #[cfg(unix)]
            Pending::Socket(path) => {
                let address = Address::Unix(path);
                retry(child, cancel, deadline, || Ok(Some(address.clone()))).map_err(failed)?
            }
            Pending::PortFile(file) => {
                retry(child, cancel, deadline, || read_port_file(&file)).map_err(failed)?
            }
        };
        let Some(connected) = connected else {
            return Err(Failed::new(None, None, None));
        };
        let ended = child.handle();
        connected.controller.explain_end(move || {
            tor_process::end_of(&ended, EXIT_AFTER_CLOSE).map(|error| error.later().into())
        });
        match connected.own(deadline) {
            Ok(()) => Ok(connected),
            Err(error) => Err(Failed::new(Some(error), Some(connected), None)),
        }
    }
}

impl Connected {
    /// Waits for tor's first answer. If tor was reached at its control port,
    /// sends TAKEOWNERSHIP, so that tor ends when this connection ends.
    fn own(&self, deadline: Instant) -> Result<()> {
        let patient = self.controller.with_timeout(remaining(deadline)?).in_one_call();
        if self.address.is_none() {
            // tor answers after it has read its configuration and opened its
            // ports and files.
            return patient.get_info("version").map(drop);
        }
        // This order matters: at any moment, one of the two must make tor end
        // with this program.
        patient.take_ownership()?;
        patient.reset_conf(["__OwningControllerProcess"])
    }
}

/// Connects to the address that `address` returns, and tries again until a
/// connection is made. Only a connection proves that tor listens and has
/// written its cookie. Neither the existence of a socket nor a line in the log
/// proves it. Returns `None` if `child` has ended or the launch was cancelled.
///
/// # Errors
///
/// Returns an error if `deadline` has passed, or if another attempt would fail
/// in the same way.
fn retry(
    child: &Child,
    cancel: &CancelToken,
    deadline: Instant,
    address: impl Fn() -> Result<Option<Address>>,
) -> Result<Option<Connected>> {
    let mut last = None;
    loop {
        if let Some(address) = address()? {
            let left = remaining(deadline).map_err(|error| last.take().unwrap_or(error))?;
            match Connect::to(&address)?.timeout(left.min(CALL_TIMEOUT)).connect() {
                Ok(controller) => {
                    let controller = controller.with_timeout(CALL_TIMEOUT);
                    return Ok(Some(Connected { controller, address: Some(address) }));
                }
                Err(error) if is_final(&error) => return Err(error),
                // A later timeout reports this error if authentication failed,
                // but not if tor doesn't listen yet.
                Err(error) => last = error.get::<AuthError>().is_some().then_some(error),
            }
        }
        let left = remaining(deadline).map_err(|error| last.take().unwrap_or(error))?;
        if child.wait(BETWEEN_ATTEMPTS.min(left)).is_some() || cancel.is_cancelled() {
            return Ok(None);
        }
    }
}

/// Returns true if another attempt would fail in the same way. (A wrong or
/// missing cookie isn't final, because tor writes the cookie after it opens the
/// port.)
fn is_final(error: &Error) -> bool {
    matches!(
        error.get::<AuthError>(),
        Some(
            AuthError::NoKnownMethod { .. }
                | AuthError::PasswordMissing { cookie: None }
                | AuthError::PasswordWrong(_)
                | AuthError::NotAControlPort { .. }
        )
    )
}

/// Reads the address from the file of `ControlPortWriteToFile`. Returns `None`
/// if tor hasn't written it yet.
fn read_port_file(file: &Path) -> Result<Option<Address>> {
    let Ok(bytes) = regular_file::read(file, LONGEST_PORT_FILE) else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    // tor replaces the file atomically, so it always contains whole lines. The
    // first one is our port.
    let Some(address) = text.lines().find_map(|line| line.strip_prefix("PORT=")) else {
        return Ok(None);
    };
    match address.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) => Err(Error::answer("ControlPortWriteToFile", format!("no address: {address:?}"))),
    }
}

/// Returns the time until `deadline`, or an error if it has passed.
pub(super) fn remaining(deadline: Instant) -> Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(Timeout::new(Phase::Connect, Duration::ZERO).into()),
        left => Ok(left),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn control_socket_with_a_long_path_is_refused_before_tor_starts() {
        let directory = PrivateDir::new(&"long-".repeat(24)).unwrap();
        let (mut torrc, mut command) = (Torrc::new(), Command::new("tor"));
        let result = Control::UnixSocket.prepare(&directory, &mut torrc, &mut command);
        let text = format!("{:?}", result.err().unwrap());
        assert!(text.contains("cannot name the control socket in the temporary"), "{text}");
        assert!(text.contains("SUN_LEN"), "{text}");
        assert_eq!(torrc.entries().count(), 0);
    }
}
