//! The type [`ConnectError`]: the failed attempts to connect to tor.

use std::fmt;
use std::io;

use crate::error::{Cause, ErrorKind};

use crate::error::{Error, IoError, Phase, Timeout, write_with_sources};

/// The error if no control connection could be opened. It lists every attempt.
/// The alternate format (`{:#}`) has one line for each attempt.
///
/// ```
/// use scape::Connect;
/// use scape::control::ConnectError;
///
/// // Nothing listens on port 1.
/// let error = Connect::to("127.0.0.1:1")?.connect().unwrap_err();
/// let attempts = error.get::<ConnectError>().expect("there is no connection").attempts();
/// assert_eq!(attempts[0].address, "127.0.0.1:1");
/// # Ok::<(), scape::Error>(())
/// ```
#[doc(alias = "SocketError")]
#[derive(Debug, Clone)]
pub struct ConnectError {
    attempts: Vec<ConnectAttempt>,
}

/// A failed attempt to connect to tor's control port or SOCKS port: the address
/// that was tried, and the error.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectAttempt {
    /// The address that was tried, or `the program's own way` if the program
    /// opens the transport itself.
    pub address: String,
    /// The error of the attempt.
    pub error: Error,
}

impl ConnectAttempt {
    /// The name for a transport that the program opens itself.
    pub(crate) const OWN_WAY: &'static str = "the program's own way";

    /// Creates a failed attempt to connect to `address`.
    pub(crate) fn new(address: impl Into<String>, error: Error) -> Self {
        ConnectAttempt { address: address.into(), error }
    }
}

impl ConnectError {
    /// Creates an error with the failed attempts, in order.
    pub(crate) fn new(attempts: Vec<ConnectAttempt>) -> Self {
        ConnectError { attempts }
    }

    /// Returns the attempts, in order.
    pub fn attempts(&self) -> &[ConnectAttempt] {
        &self.attempts
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_list = f.alternate() && self.attempts.len() > 1;
        f.write_str("no control connection to tor; tried")?;
        for (i, attempt) in self.attempts.iter().enumerate() {
            f.write_str(match i {
                _ if is_list => "\n  ",
                0 => " ",
                _ => "; ",
            })?;
            write!(f, "{}: ", attempt.address)?;
            write_with_sources(f, &attempt.error)?;
        }
        match self.advice() {
            Some(advice) if is_list => write!(f, "\n{advice}"),
            Some(advice) => write!(f, ". {advice}"),
            None => Ok(()),
        }
    }
}

impl ConnectError {
    /// Returns advice for the user. Returns `None` if the error of an attempt
    /// already contains advice.
    fn advice(&self) -> Option<&'static str> {
        let kinds = || self.attempts.iter().map(Problem::of);
        if kinds().any(|kind| kind == Problem::NotAllowed) {
            return Some(
                "The control socket is there, but this user may not open it: add the user to the socket's group \
                 (on Debian: adduser USER debian-tor) and log in again",
            );
        }
        let is_own_way =
            self.attempts.iter().any(|attempt| attempt.address == ConnectAttempt::OWN_WAY);
        if is_own_way {
            return None;
        }
        if kinds().all(|kind| kind == Problem::NoAnswer) {
            return Some(
                "Something accepts connections, but tor hangs, or this is not tor's control port",
            );
        }
        if kinds().any(|kind| kind != Problem::NoConnection) {
            return None;
        }
        Some(match self.attempts.len() {
            1 => "Is tor running, with ControlPort (or ControlSocket) set to this address?",
            _ => {
                "Is tor running, with ControlPort (or ControlSocket) set? To use another address, set SCAPE_CONTROL"
            }
        })
    }
}

/// The likely problem behind a failed attempt, for the advice to the user.
#[derive(PartialEq, Eq)]
enum Problem {
    /// There is a Unix socket, but this user has no access to it.
    NotAllowed,
    /// Nothing accepted a connection.
    NoConnection,
    /// Something accepted the connection, but sent no answer before the
    /// timeout.
    NoAnswer,
    /// Something accepted the connection, but the connection failed later.
    Other,
}

impl Problem {
    fn of(attempt: &ConnectAttempt) -> Problem {
        let is_socket = attempt.address.starts_with("unix:");
        let (io, timeout) = (attempt.error.exact(), attempt.error.exact());
        match io.map(IoError::kind) {
            Some(io::ErrorKind::PermissionDenied) if is_socket => Problem::NotAllowed,
            Some(_) => Problem::NoConnection,
            None => match timeout.map(Timeout::phase) {
                Some(Phase::Connect) => Problem::NoConnection,
                Some(_) => Problem::NoAnswer,
                None => Problem::Other,
            },
        }
    }
}

/// Returns true if `error` says that an attempt timed out: a timeout error, or
/// an I/O error of the kind [`io::ErrorKind::TimedOut`].
fn is_late(error: &Error) -> bool {
    let io = error.exact().map(IoError::kind);
    error.is_timeout() || io == Some(io::ErrorKind::TimedOut)
}

impl std::error::Error for ConnectError {}

impl Cause for ConnectError {
    fn kind(&self) -> ErrorKind {
        let errors = || self.attempts.iter().map(|attempt| &attempt.error);
        if errors().any(|error| error.kind() == ErrorKind::Cancelled) {
            ErrorKind::Cancelled
        } else if !self.attempts.is_empty() && errors().all(is_late) {
            ErrorKind::Timeout
        } else {
            ErrorKind::Connect
        }
    }

    fn parts(&self) -> Vec<&Error> {
        self.attempts.iter().map(|attempt| &attempt.error).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::AuthError;
    use crate::error::Timeout;

    fn shown(errors: Vec<Error>) -> String {
        let attempts =
            errors.into_iter().map(|error| ConnectAttempt::new("unix:/run/tor/control", error));
        ConnectError::new(attempts.collect()).to_string()
    }

    fn io_error(kind: io::ErrorKind) -> Error {
        Error::io("connect", kind.into())
    }

    #[test]
    fn attempts_that_time_out_are_a_timeout_whatever_their_text() {
        let kind = |errors: Vec<Error>| {
            let attempts = errors.into_iter().map(|error| ConnectAttempt::new("tor:9051", error));
            Error::from(ConnectError::new(attempts.collect())).kind()
        };
        let late = || io_error(io::ErrorKind::TimedOut);
        let text = io::Error::new(io::ErrorKind::TimedOut, "192.0.2.1:9051: it took too long");
        assert_eq!(kind(vec![late(), Error::io("connect", text)]), ErrorKind::Timeout);
        let refused = io_error(io::ErrorKind::ConnectionRefused);
        assert_eq!(kind(vec![late(), refused]), ErrorKind::Connect);
    }

    #[test]
    fn advice_depends_on_the_places_that_were_tried() {
        let refused = || io_error(io::ErrorKind::ConnectionRefused);
        let own = ConnectAttempt::new(ConnectAttempt::OWN_WAY, refused());
        let text = ConnectError::new(vec![own]).to_string();
        assert!(!text.contains("Is tor running") && !text.contains("SCAPE_CONTROL"), "{text}");
        let text = shown(vec![refused()]);
        assert!(
            text.ends_with("set to this address?") && !text.contains("SCAPE_CONTROL"),
            "{text}"
        );
        let text = shown(vec![refused(), refused()]);
        assert!(text.ends_with("To use another address, set SCAPE_CONTROL"), "{text}");
    }

    #[test]
    fn alternate_format_has_a_line_for_each_attempt() {
        let refused = || ConnectAttempt::new("127.0.0.1:1", io_error(io::ErrorKind::NotFound));
        let text = format!("{:#}", ConnectError::new(vec![refused(), refused()]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (4, "no control connection to tor; tried"));
        assert!(lines[1].starts_with("  127.0.0.1:1: cannot connect: "), "{text}");
        assert_eq!(lines[1], lines[2]);
        let one = ConnectError::new(vec![refused()]);
        assert_eq!(format!("{one:#}"), one.to_string());
    }

    #[test]
    fn inaccessible_unix_socket_advises_to_join_its_group() {
        let refused = io_error(io::ErrorKind::ConnectionRefused);
        let text = shown(vec![io_error(io::ErrorKind::PermissionDenied), refused.clone()]);
        assert!(
            text.contains("adduser USER debian-tor") && !text.contains("Is tor running"),
            "{text}"
        );
        let timeout = Timeout::new(Phase::Connect, std::time::Duration::from_secs(1));
        let text = shown(vec![refused.clone(), timeout.into()]);
        assert!(!text.contains("adduser") && text.contains("Is tor running"), "{text}");
        // A tor that refuses authentication is running, so the text doesn't ask
        // whether tor is running.
        let auth = AuthError::PasswordMissing { cookie: None };
        let text = shown(vec![refused, auth.into()]);
        assert!(!text.contains("adduser") && !text.contains("Is tor running"), "{text}");
    }
}
