//! Finding tor's control port, and getting in.

use std::path::PathBuf;
use std::time::Duration;

use super::{Controller, DEFAULT_TIMEOUT, auth};
use crate::connection::Connection;
use crate::error::{ArgumentError, AuthError, ConnectAttempt, ConnectError, Error, Phase, Result, Timeout};
use crate::protocol::Limits;
use crate::transport::{Address, Transport, deadline_after};
use crate::types::Secret;

/// Where tor's control port usually is: Debian's and others' Unix socket, tor's port, Tor Browser's port.
#[cfg(unix)]
const USUAL_PLACES: &[&str] =
    &["unix:/run/tor/control", "unix:/var/run/tor/control", "127.0.0.1:9051", "127.0.0.1:9151"];
#[cfg(not(unix))]
const USUAL_PLACES: &[&str] = &["127.0.0.1:9051", "127.0.0.1:9151"];

/// The environment variable that names the control port.
const ADDRESS_VARIABLE: &str = "SCAPE_CONTROL";
/// The environment variable that has the control port's password: Tor Browser's.
const PASSWORD_VARIABLE: &str = "TOR_CONTROL_PASSWD";

/// How often a user may mistype a password.
const PROMPTS: usize = 3;

/// Connects to a running tor: the usual places in turn, or the one that the environment variable `SCAPE_CONTROL`
/// names, with the password in `TOR_CONTROL_PASSWD`, if that is set.
///
/// The same as `Connect::from_env()?.connect()`. The usual places are, in order, the Unix socket
/// `/run/tor/control` (or `/var/run/tor/control`), 127.0.0.1:9051 (tor), and 127.0.0.1:9151 (Tor Browser).
///
/// # Errors
///
/// [`Error::Connect`] with what was tried, each with its own error. [`Error::auth`] gives the reason where there was a
/// tor that would not let us in.
pub fn connect() -> Result<Controller> {
    Connect::from_env()?.connect()
}

/// How to connect to a running tor, and to authenticate.
///
/// ```no_run
/// use scape::Connect;
/// use std::time::Duration;
///
/// let controller = Connect::to("127.0.0.1:9051")?
///     .password("sesame")
///     .timeout(Duration::from_secs(10))
///     .connect()?;
/// # Ok::<(), scape::Error>(())
/// ```
///
/// Of the ways to authenticate that tor offers, the first that works is used: SAFECOOKIE (which does not reveal
/// the cookie, and finds out a peer that is not the tor that wrote it); COOKIE, only where there is no SAFECOOKIE; the
/// password, where one was given; none. tor hangs up after each failure, so each further one takes a new connection.
#[derive(Debug, Clone)]
pub struct Connect {
    address: Option<Address>,
    pub(super) credentials: Credentials,
    timeout: Duration,
    limits: Limits,
}

/// What to authenticate with.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials {
    pub(super) password: Option<Secret>,
    pub(super) cookie_file: Option<PathBuf>,
}

/// Why a password is asked for.
#[derive(Debug)]
#[non_exhaustive]
pub struct PasswordRequest {
    /// Which tor wants it.
    pub address: String,
    /// Why the last one was refused; `None` the first time.
    pub refused: Option<Error>,
}

impl Default for Connect {
    fn default() -> Self {
        let credentials = Credentials::default();
        Connect { address: None, credentials, timeout: DEFAULT_TIMEOUT, limits: Limits::default() }
    }
}

impl Connect {
    /// To the usual places, in turn: see [`connect()`].
    pub fn new() -> Self {
        Connect::default()
    }

    /// To this address: `"9051"`, `"127.0.0.1:9051"`, `"unix:/run/tor/control"`, `"/run/tor/control"`, or an
    /// [`Address`]. A host name is looked up by the system: it is the one name that this library ever looks up.
    pub fn to<A>(address: A) -> Result<Self>
    where
        A: TryInto<Address>,
        A::Error: std::fmt::Display,
    {
        let address =
            address.try_into().map_err(|e| ArgumentError::invalid("connect", "address", e.to_string()))?;
        Ok(Connect { address: Some(address), ..Connect::default() })
    }

    /// To the address in `SCAPE_CONTROL`, or the usual places where that is not set, with the password in
    /// `TOR_CONTROL_PASSWD` where that is set.
    pub fn from_env() -> Result<Self> {
        let set = |variable| std::env::var(variable).ok().filter(|value| !value.is_empty());
        let connect = match set(ADDRESS_VARIABLE) {
            Some(address) => Connect::to(address.as_str())?,
            None => Connect::new(),
        };
        Ok(match set(PASSWORD_VARIABLE) {
            Some(password) => connect.password(password),
            None => connect,
        })
    }

    /// The password whose hash tor has in `HashedControlPassword`.
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.credentials.password = Some(password.into());
        self
    }

    /// The cookie file, where it is not what tor says: for a tor in a container or a chroot.
    pub fn cookie_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.credentials.cookie_file = Some(path.into());
        self
    }

    /// How long connecting and authenticating may take, for each place; and later each call. Default: 30 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Bounds on what tor may send.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Connects and authenticates.
    ///
    /// # Errors
    ///
    /// [`Error::Auth`] where an address was given and tor would not let us in; [`Error::Connect`] where there was no
    /// connection, or no address was given and none of the usual places let us in.
    pub fn connect(&self) -> Result<Controller> {
        if let Some(address) = &self.address {
            return self.connect_to(address).map_err(|error| match error {
                Error::Auth(_) => error,
                error => ConnectError::new(vec![ConnectAttempt::new(address.to_string(), error)]).into(),
            });
        }
        let mut attempts = Vec::new();
        let mut seen = Vec::new();
        for place in USUAL_PLACES {
            let Ok(address) = place.parse::<Address>() else { continue };
            // /var/run is a link to /run nearly everywhere.
            let canonical = address.path().and_then(|path| path.canonicalize().ok());
            if canonical.is_some() && seen.contains(&canonical) {
                continue;
            }
            seen.push(canonical);
            match self.connect_to(&address) {
                Ok(controller) => return Ok(controller),
                Err(error) => attempts.push(ConnectAttempt::new(address.to_string(), error)),
            }
        }
        Err(ConnectError::new(attempts).into())
    }

    /// Connects and authenticates; where tor wants a password, asks for it on the terminal, without echo, up to
    /// three times.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and [`Error::Io`] where there is no terminal.
    pub fn connect_interactive(&self) -> Result<Controller> {
        self.connect_with_prompt(|request| {
            let again = if request.refused.is_some() { "Wrong password. " } else { "" };
            let prompt = format!("{again}Password of the tor at {}: ", request.address);
            match rpassword::prompt_password(prompt) {
                Ok(password) => Ok(Some(Secret::from(password))),
                Err(error) => Err(Error::io("ask for the password on the terminal", error)),
            }
        })
    }

    /// Connects and authenticates; where tor wants a password, asks `prompt` for it, up to three times. `None` gives
    /// up. For programs that ask in a way of their own.
    pub fn connect_with_prompt(
        &self,
        mut prompt: impl FnMut(&PasswordRequest) -> Result<Option<Secret>>,
    ) -> Result<Controller> {
        let mut connect = self.clone();
        let mut refused = None;
        for _ in 0..PROMPTS {
            let (error, address) = match connect.connect() {
                Ok(controller) => return Ok(controller),
                Err(error) => match wants_password(&error, &connect) {
                    Some(address) => (error, address),
                    None => return Err(error),
                },
            };
            // The first refusal may be of no password at all.
            let last = if connect.credentials.password.is_some() { Some(error.clone()) } else { None };
            refused = Some(error.clone());
            match prompt(&PasswordRequest { address: address.clone(), refused: last })? {
                Some(password) => connect.credentials.password = Some(password),
                None => return Err(error),
            }
            connect.address = address.parse().ok();
        }
        match (connect.connect(), refused) {
            (Err(_), Some(error)) if connect.credentials.password.is_none() => Err(error),
            (result, _) => result,
        }
    }

    /// Authenticates on a transport that is already connected. With a single transport there is a single attempt:
    /// after a failure tor hangs up.
    pub fn authenticate_over(&self, transport: Transport) -> Result<Controller> {
        let mut transport = Some(transport);
        let open = || match transport.take() {
            Some(transport) => Connection::start(transport, self.limits).map(Some),
            None => Ok(None),
        };
        let connection = auth::authenticate(open, &self.credentials, self.timeout)?;
        Ok(Controller::new(connection, self.timeout))
    }

    fn connect_to(&self, address: &Address) -> Result<Controller> {
        let open = || {
            let deadline = deadline_after(self.timeout);
            let transport = Transport::connect(address, deadline).map_err(|error| match error.kind() {
                std::io::ErrorKind::TimedOut => Timeout::new(Phase::Connect, self.timeout).into(),
                _ => Error::io("cannot connect", error),
            })?;
            Connection::start(transport, self.limits).map(Some)
        };
        let connection = auth::authenticate(open, &self.credentials, self.timeout)?;
        Ok(Controller::new(connection, self.timeout))
    }
}

/// Whether a (better) password would help, and where.
fn wants_password(error: &Error, connect: &Connect) -> Option<String> {
    let helps = |auth: &AuthError| match auth {
        AuthError::PasswordMissing { .. } | AuthError::PasswordWrong(_) => true,
        AuthError::All(all) => {
            all.iter().any(|e| matches!(e, AuthError::PasswordMissing { .. } | AuthError::PasswordWrong(_)))
        }
        _ => false,
    };
    match error {
        Error::Auth(auth) if helps(auth) => connect.address.as_ref().map(ToString::to_string),
        Error::Connect(connect) => {
            let attempt = connect.attempts().iter().find(|a| a.error.auth().is_some_and(helps));
            attempt.map(|attempt| attempt.address.clone())
        }
        _ => None,
    }
}
