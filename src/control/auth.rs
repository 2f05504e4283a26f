//! Authentication: tries the methods that tor offers, and explains failures.
//!
//! [`authenticate`] is the entry point. The order of the methods is documented
//! at [`Connect`](super::Connect).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::credentials::Credentials;
use crate::control::AuthError;
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::connection::{Candidate, CloseCause, Closed};
use crate::io::regular_file::RegularFile;
use crate::io::transport::Deadline;
use scape_proto::control::{AuthChallenge, AuthMethod, Command, ProtocolInfo, Reply, SafeCookie};
use scape_proto::word::Secret;

/// The length of a cookie file in bytes. A file of another length is not a
/// cookie. The content of such a file isn't sent, because a hostile peer may
/// name any file.
const COOKIE_LENGTH: u64 = 32;

/// The result of trying one authentication method.
enum Attempt {
    Success(Candidate),
    Failure(AuthError),
}

/// One run of authentication: a deadline for the whole run, and a function that
/// opens connections.
struct Login<O> {
    open: O,
    deadline: Deadline,
    /// A connection on which no attempt to authenticate was made yet. `None` if
    /// a new connection is needed for the next attempt.
    fresh: Option<Candidate>,
}

/// Opens a connection with `open` and authenticates on it. `open` returns
/// `None` if no further connection can be opened.
///
/// # Errors
///
/// Returns an [`AuthError`] if no method succeeds, and the error of `open` if
/// `open` fails. The kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)
/// after `deadline`.
pub(super) fn authenticate<O>(
    open: O,
    credentials: &Credentials,
    deadline: Deadline,
) -> Result<Candidate>
where
    O: FnMut() -> Result<Option<Candidate>>,
{
    let mut login = Login { open, deadline, fresh: None };
    let info = login.protocol_info()?;
    let mut failures = Vec::new();

    if info.offers(&AuthMethod::SafeCookie) {
        match read_cookie(credentials.cookie_file.clone().or(info.cookie_file.clone())) {
            Err(error) => failures.push(error),
            Ok((path, cookie)) => match login.safe_cookie(&path, cookie)? {
                Attempt::Success(connection) => return Ok(connection),
                Attempt::Failure(error) => failures.push(error),
            },
        }
    } else if info.offers(&AuthMethod::Cookie) {
        // The peer sees the content of the file, so the peer must not choose
        // the file.
        let cookie = match &credentials.cookie_file {
            Some(path) => read_cookie(Some(path.clone())),
            None => Err(match &info.cookie_file {
                Some(path) => AuthError::CookieFromPeer { path: path.clone() },
                None => AuthError::CookieUnnamed,
            }),
        };
        match cookie {
            Err(error) => failures.push(error),
            Ok((path, cookie)) => match login.cookie(&path, &cookie)? {
                Attempt::Success(connection) => return Ok(connection),
                Attempt::Failure(error) => failures.push(error),
            },
        }
    }
    if info.offers(&AuthMethod::HashedPassword) {
        if credentials.passwords.is_empty() {
            let cookie = failures.pop().map(Box::new);
            failures.push(AuthError::PasswordMissing { cookie });
        }
        let mut refused = None;
        for password in &credentials.passwords {
            match login.password(password)? {
                Attempt::Success(connection) => return Ok(connection),
                Attempt::Failure(error) => refused = Some(error),
            }
            if !matches!(refused, Some(AuthError::PasswordWrong(_))) {
                break;
            }
        }
        failures.extend(refused);
    }
    if info.offers(&AuthMethod::Null) {
        match login.null()? {
            Attempt::Success(connection) => return Ok(connection),
            Attempt::Failure(error) => failures.push(error),
        }
    }
    Err(match failures.len() {
        0 => {
            let offered: Vec<_> = info.methods.iter().map(AuthMethod::as_str).collect();
            AuthError::NoKnownMethod { offered: offered.join(", ") }.into()
        }
        1 => failures.remove(0).into(),
        _ => AuthError::All(failures).into(),
    })
}

impl<O: FnMut() -> Result<Option<Candidate>>> Login<O> {
    /// Asks tor which methods it offers. The answer also shows whether the peer
    /// is a control port at all.
    fn protocol_info(&mut self) -> Result<ProtocolInfo> {
        let connection = match (self.open)()? {
            Some(connection) => connection,
            None => return Err(not_a_control_port("there is no connection")),
        };
        let command = Command::build("PROTOCOLINFO").word("version", "1").finish()?;
        let reply =
            connection.request(command, self.deadline).map_err(|error| self.first_answer(error))?;
        let info = match ProtocolInfo::parse(&reply) {
            Some(info) if reply.is_ok() => info,
            _ => match reply.refusal(&"PROTOCOLINFO 1") {
                Some(refusal) => return Err(AuthError::Refused(Box::new(refusal)).into()),
                None => {
                    return Err(not_a_control_port(&format!(
                        "it answers PROTOCOLINFO with {}",
                        reply.excerpt()
                    )));
                }
            },
        };
        self.fresh = Some(connection);
        Ok(info)
    }

    /// Converts the error of PROTOCOLINFO, the first command. If the peer
    /// doesn't behave like a control port, returns an error that describes the
    /// peer's behavior. Returns other errors unchanged.
    fn first_answer(&self, error: Error) -> Error {
        let what = match error.exact().map(Closed::cause) {
            Some(CloseCause::Remote { .. }) => "it hangs up without an answer".to_string(),
            Some(CloseCause::Truncated) => "it hangs up in the middle of an answer".to_string(),
            Some(CloseCause::Protocol(what)) if what.contains("HTTP/") => {
                format!("it speaks HTTP, as tor's SOCKS ports and web servers do ({what})")
            }
            Some(CloseCause::Protocol(what)) => what.clone(),
            // A tor that hangs is silent, too.
            None if error.is::<Timeout>() => return self.late(),
            _ => return error,
        };
        not_a_control_port(&what)
    }

    /// Authenticates with SAFECOOKIE, which reveals nothing to a peer that
    /// doesn't know the cookie.
    ///
    /// A peer that offers SAFECOOKIE but fails at it is not the tor that wrote
    /// the cookie file. Such a failure ends authentication, so that the peer
    /// doesn't get a password either.
    fn safe_cookie(&mut self, path: &Path, cookie: Secret) -> Result<Attempt> {
        let Some(connection) = self.connection()? else { return Ok(no_other_connection()) };
        let path = path.to_path_buf();
        let length = cookie.expose().len() as u64;
        let Some(exchange) = SafeCookie::new(cookie, rand::random()) else {
            return Ok(Attempt::Failure(AuthError::CookieSize { path, length }));
        };
        let mut command = Command::build("AUTHCHALLENGE");
        let command = command
            .word("method", "SAFECOOKIE")
            .secret_word("nonce", &exchange.client_nonce())
            .finish()?;
        let reply = match self.ask(&connection, command)? {
            Ok(reply) => reply,
            Err(AuthError::Refused(refusal)) => {
                let answer = format!("{} {}", refusal.code(), refusal.excerpt());
                return Err(AuthError::NoChallenge { path, answer }.into());
            }
            Err(failure) => return Err(failure.into()),
        };
        let Some(challenge) = AuthChallenge::parse(&reply) else {
            return Err(AuthError::NoChallenge { path, answer: reply.excerpt() }.into());
        };
        let response =
            if exchange.verify(&challenge) { exchange.response(&challenge) } else { None };
        let Some(response) = response.map(Zeroizing::new) else {
            return Err(AuthError::ServerHashWrong { path }.into());
        };
        let command = Command::build("AUTHENTICATE").secret_word("response", &response).finish()?;
        match self.ask(&connection, command)? {
            Ok(_) => Ok(Attempt::Success(connection)),
            Err(failure) => Ok(Attempt::Failure(rejected(path, failure))),
        }
    }

    fn cookie(&mut self, path: &Path, cookie: &Secret) -> Result<Attempt> {
        let path = path.to_path_buf();
        self.authenticate(Some(cookie), |failure| rejected(path, failure))
    }

    fn password(&mut self, password: &Secret) -> Result<Attempt> {
        self.authenticate(Some(password), |failure| match failure {
            AuthError::Refused(refusal) if refusal.code() == 515 => {
                AuthError::PasswordWrong(refusal)
            }
            other => other,
        })
    }

    fn null(&mut self) -> Result<Attempt> {
        self.authenticate(None, |failure| failure)
    }

    /// Sends AUTHENTICATE, with a secret if there is one. The secret is sent in
    /// hexadecimal, so it may contain any bytes. If the attempt fails, `failed`
    /// converts the error to one that names the method.
    fn authenticate(
        &mut self,
        secret: Option<&Secret>,
        failed: impl FnOnce(AuthError) -> AuthError,
    ) -> Result<Attempt> {
        let Some(connection) = self.connection()? else { return Ok(no_other_connection()) };
        let mut command = Command::build("AUTHENTICATE");
        match secret.map(Secret::expose) {
            None => {}
            // An empty secret has no digits. Without quotes, the command would
            // have no argument.
            Some(b"") => drop(command.secret_word("password", "\"\"")),
            Some(secret) => {
                let mut digits = Zeroizing::new(vec![0; secret.len() * 2]);
                // Can't fail: the buffer has the right length, and digits are
                // UTF-8.
                let _ = hex::encode_to_slice(secret, &mut digits);
                command.secret_word("secret", std::str::from_utf8(&digits).unwrap_or_default());
            }
        }
        match self.ask(&connection, command.finish()?)? {
            Ok(_) => Ok(Attempt::Success(connection)),
            Err(failure) => Ok(Attempt::Failure(failed(failure))),
        }
    }

    /// Returns a connection on which no attempt was made yet. Opens a new one
    /// if necessary, because tor hangs up after a failed attempt. Returns
    /// `None` if no further connection can be opened.
    fn connection(&mut self) -> Result<Option<Candidate>> {
        match self.fresh.take() {
            Some(connection) => Ok(Some(connection)),
            None if self.deadline.has_passed() => Err(self.late()),
            None => (self.open)(),
        }
    }

    /// Sends a command and returns the reply. An outer error ends
    /// authentication. An inner error is the failure of one method: other
    /// methods may still be tried.
    fn ask(&self, connection: &Candidate, command: Command) -> Result<Result<Reply, AuthError>> {
        let shown = command.to_string();
        if self.deadline.has_passed() {
            return Err(self.late());
        }
        match connection.request(command, self.deadline) {
            Ok(reply) => Ok(match reply.refusal(&shown) {
                None => Ok(reply),
                Some(refusal) => Err(AuthError::Refused(Box::new(refusal))),
            }),
            Err(error) if error.is::<Timeout>() => Err(self.late()),
            Err(error) => match error.exact::<Closed>() {
                Some(closed) => Ok(Err(AuthError::Closed(closed.clone()))),
                None => Err(error),
            },
        }
    }

    fn late(&self) -> Error {
        self.deadline.error(Phase::Authenticate)
    }
}

/// Returns the failure of a method that can't be tried: tor hung up after an
/// earlier method failed, and no other connection can be opened.
fn no_other_connection() -> Attempt {
    Attempt::Failure(AuthError::NotTried)
}

fn rejected(path: PathBuf, failure: AuthError) -> AuthError {
    match failure {
        AuthError::Refused(refusal) => AuthError::CookieRejected { path, refusal },
        other => other,
    }
}

fn not_a_control_port(what: &str) -> Error {
    AuthError::NotAControlPort { what: what.into() }.into()
}

/// Reads the cookie file. Returns the path and the cookie. A file that doesn't
/// have the size of a cookie is an error, and so is the path `None`.
fn read_cookie(path: Option<PathBuf>) -> Result<(PathBuf, Secret), AuthError> {
    let path = path.ok_or(AuthError::CookieUnnamed)?;
    let unreadable =
        |source| AuthError::CookieUnreadable { path: path.clone(), source: Arc::new(source) };
    let file = RegularFile::open(&path).map_err(unreadable)?;
    let length = file.length();
    if length != COOKIE_LENGTH {
        return Err(AuthError::CookieSize { length, path });
    }
    let mut cookie = file.read(COOKIE_LENGTH).map_err(unreadable)?;
    let cookie = Secret::new(std::mem::take(&mut *cookie));
    // The file may be shorter now, because tor may be writing it at this
    // moment.
    match cookie.expose().len() as u64 {
        COOKIE_LENGTH => Ok((path, cookie)),
        length => Err(AuthError::CookieSize { length, path }),
    }
}
