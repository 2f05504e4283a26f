//! Finding tor's control port, and getting in.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::cache::Caching;
use super::keeper::Keeping;
use super::places::{Environment, credentials_at, usual_places};
use super::reconnect::Reconnect;
use super::{Controller, DEFAULT_TIMEOUT, auth};
use crate::cancel::CancelToken;
use crate::connection::{Candidate, Connection};
use crate::controller::{AuthError, ConnectAttempt, ConnectError};
use crate::error::{Cancelled, Error, Phase, Result};
use crate::protocol::{ArgumentError, Limits};
use crate::transport::{Address, Deadline, Transport};
use crate::word::Secret;

/// How often a user may mistype a password.
const PROMPTS: usize = 3;

/// Connects to a running tor, as the environment says, or else at one of the
/// usual places.
///
/// The same as `Connect::from_env()?.connect()`: see [`Connect::from_env`] for
/// the variables. The usual places are, in this order:
///
/// * the Unix socket `/run/tor/control` (or `/var/run/tor/control`),
/// * the Unix socket `/run/user/UID/Tor/control.socket`,
/// * on macOS, the Unix sockets `/usr/local/var/run/tor/control.socket` and
///   `~/Library/Application Support/TorBrowser-Data/Tor/control.socket`,
/// * the ports 9051 (tor), 9151 (Tor Browser) and 9153 (Tor Messenger) of
///   127.0.0.1.
///
/// # Errors
///
/// Returns an error with a [`ConnectError`], which has everything that was
/// tried, each with its own error. If the environment names an address, and the
/// tor there doesn't let this program in, the error is an [`AuthError`] (kind
/// [`ErrorKind::Auth`](crate::ErrorKind::Auth)).
/// [`Error::get`](crate::Error::get) with [`AuthError`] finds the reason in
/// either case. The kind is [`ErrorKind::Argument`](crate::ErrorKind::Argument)
/// if a variable can't be understood.
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
/// Of the ways to authenticate that tor offers, the first that works is used:
///
/// 1. SAFECOOKIE, which does not reveal the cookie, and finds out a peer that
///    is not the tor that wrote it. Nothing else is tried on such a peer.
/// 2. COOKIE, if tor doesn't offer SAFECOOKIE and a
///    [`cookie_file`](Self::cookie_file) was given. The content of a file that
///    only the peer has named is never sent.
/// 3. The [`password`](Self::password), if one was given.
/// 4. None.
///
/// tor hangs up after each failure, so each further attempt takes a new
/// connection.
#[derive(Debug, Clone)]
pub struct Connect {
    destination: Destination,
    pub(super) credentials: Credentials,
    /// The SOCKS port of the same tor, if the environment names it.
    pub(super) socks: Option<Address>,
    timeout: Duration,
    limits: Limits,
    reconnect: Option<Reconnect>,
    heartbeat: Option<Duration>,
    caching: Caching,
    /// Ends connecting early. Later calls don't see it.
    cancel: Option<CancelToken>,
}

/// Where to connect to.
#[derive(Debug, Clone)]
enum Destination {
    UsualPlaces,
    Address(Address),
    Through(Opener),
}

/// The user's way to a tor.
#[derive(Clone)]
struct Opener(Arc<dyn Fn() -> io::Result<Transport> + Send + Sync>);

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// What to authenticate with.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials {
    /// The passwords that are tried, in this order. More than one only if one
    /// can be read in two ways.
    pub(super) passwords: Vec<Secret>,
    /// The cookie file that the user named.
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
        Connect {
            destination: Destination::UsualPlaces,
            credentials: Credentials::default(),
            socks: None,
            timeout: DEFAULT_TIMEOUT,
            limits: Limits::default(),
            reconnect: None,
            heartbeat: None,
            caching: Caching::default(),
            cancel: None,
        }
    }
}

impl Connect {
    /// To the usual places, in turn: see [`connect()`].
    pub fn new() -> Self {
        Connect::default()
    }

    /// To this address: `"9051"`, `"127.0.0.1:9051"`,
    /// `"unix:/run/tor/control"`, `"/run/tor/control"`, or an [`Address`]. A
    /// host name is looked up by the system: it is the one name that this
    /// library ever looks up.
    pub fn to<A>(address: A) -> Result<Self>
    where
        A: TryInto<Address>,
        A::Error: fmt::Display,
    {
        let address = address
            .try_into()
            .map_err(|e| ArgumentError::invalid("connect", "address", e.to_string()))?;
        Ok(Connect { destination: Destination::Address(address), ..Connect::default() })
    }

    /// To a tor that is reached in a way of the program's own, such as a
    /// tunnel: `open` gives a new transport each time that it is called. How
    /// long that may take is for `open` to say.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().start()?;
    /// let controller = scape::Connect::through(move || Ok(tor.transport()?)).connect()?;
    /// assert!(controller.is_alive());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn through(open: impl Fn() -> io::Result<Transport> + Send + Sync + 'static) -> Self {
        Connect { destination: Destination::Through(Opener(Arc::new(open))), ..Connect::default() }
    }

    /// Connects as the environment says: in the variables that Tor Browser
    /// reads, and that Whonix and others set for it.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `SCAPE_CONTROL` | the control port, as for [`Connect::to`]; the next three are ignored then |
    /// | `TOR_CONTROL_IPC_PATH` | the path of a Unix socket; the next two are ignored then |
    /// | `TOR_CONTROL_HOST` | the host of the control port; default: 127.0.0.1 |
    /// | `TOR_CONTROL_PORT` | its port; default: 9151 if there is a host |
    /// | `TOR_CONTROL_PASSWD` | the password: `"quoted"`, in hexadecimal, or plain |
    /// | `TOR_CONTROL_COOKIE_AUTH_FILE` | the cookie file; ignored if there is a password |
    ///
    /// The SOCKS port of the same tor may be named as well:
    /// `TOR_SOCKS_IPC_PATH`, or else `TOR_SOCKS_HOST` (default: 127.0.0.1) and
    /// `TOR_SOCKS_PORT` (default: 9150 if there is a host). [`Tor`](crate::Tor)
    /// uses it if a filter before the control port hides tor's SOCKS ports, or
    /// if there is no control port. With `SCAPE_CONTROL`, these variables are
    /// ignored, because they may be another tor's.
    ///
    /// Variables that are empty count as not set. If there is no address, the
    /// usual places are tried, as by [`Connect::new`]. A password of an even
    /// number of hexadecimal digits is tried in both meanings.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if an address or
    /// port can't be understood. It names the variable.
    pub fn from_env() -> Result<Self> {
        let environment = Environment::read()?;
        let destination =
            environment.address.map_or(Destination::UsualPlaces, Destination::Address);
        let (credentials, socks) = (environment.credentials, environment.socks);
        Ok(Connect { destination, credentials, socks, ..Connect::default() })
    }

    /// Authenticates as the environment says (see [`from_env`](Self::from_env))
    /// at an address that comes from elsewhere. On another machine, this is so
    /// only if the environment names the same address.
    pub(crate) fn credentials_from_env(mut self) -> Self {
        if let Destination::Address(address) = &self.destination {
            self.credentials = credentials_at(address);
        }
        self
    }

    /// The password whose hash tor has in `HashedControlPassword`.
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.credentials.passwords = vec![password.into()];
        self
    }

    /// Sets the path of tor's cookie file. Default: the path that tor names,
    /// which is wrong if tor is in a container or a chroot. A tor that offers
    /// COOKIE and not SAFECOOKIE, as only other programs do, needs the path to
    /// be given.
    pub fn cookie_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.credentials.cookie_file = Some(path.into());
        self
    }

    /// Sets how long connecting and authenticating may take, and later each
    /// call. Default: 30 seconds.
    ///
    /// When the usual places are tried, all of them together take at most this
    /// long. A place that does not answer leaves the others an equal share of
    /// the time.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Makes the connection again by itself when it has ended, as this policy
    /// says: see also [`Controller::reconnect`], which tells what comes back.
    /// Subscriptions and callbacks go on; what tor said meanwhile is missing
    /// ([`Subscription::interruptions`](crate::Subscription::interruptions)).
    /// Calls that are made while there is no connection fail with an error of
    /// the kind [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    /// [`Controller::wait_connected`] waits for the connection, and [status
    /// listeners](Controller::on_status) are told how that goes.
    ///
    /// The password, if one is given, is kept in memory as long as the
    /// controller lives.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().listen()?;
    /// # let address = tor.address().cloned().expect("it listens");
    /// use scape::{Connect, Reconnect};
    ///
    /// let controller = Connect::to(address)?.reconnect(Reconnect::new()).connect()?;
    /// tor.hang_up();
    /// controller.wait_closed(controller.timeout())?;
    /// controller.wait_connected(controller.timeout())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reconnect(mut self, policy: Reconnect) -> Self {
        self.reconnect = Some(policy);
        self
    }

    /// Asks tor this often whether it is still there. Where it does not answer
    /// within [`timeout`](Self::timeout), the connection is ended
    /// ([`CloseCause::Unresponsive`](crate::connection::CloseCause::Unresponsive)),
    /// and with [`reconnect`](Self::reconnect) made again. For connections
    /// whose end nobody reports, such as those over a network. Default: never.
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.heartbeat = Some(every);
        self
    }

    /// Which answers are kept instead of being asked for again. Default:
    /// [`Caching::Constants`].
    pub fn caching(mut self, caching: Caching) -> Self {
        self.caching = caching;
        self
    }

    /// Lets another thread cancel [`connect`](Self::connect), also while a host
    /// doesn't answer. It then fails at once with an error of the kind
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled). The attempt goes
    /// on, on a thread of its own, until it ends or runs out of
    /// [time](Self::timeout); a connection that it still makes is closed.
    ///
    /// The controller doesn't keep the token: see [`Controller::cancel_with`].
    ///
    /// ```
    /// use scape::{CancelToken, Connect};
    ///
    /// let token = CancelToken::new();
    /// token.cancel(); // by another thread, for example when the user closes the window
    /// let error = Connect::new().cancel_with(&token).connect().unwrap_err();
    /// assert!(error.is_cancelled());
    /// ```
    pub fn cancel_with(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
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
    /// Returns an error with an [`AuthError`] (kind
    /// [`ErrorKind::Auth`](crate::ErrorKind::Auth)) if an address was given and
    /// the tor there doesn't let this program in. If there is no connection, or
    /// no address was given and none of the usual places lets this program in,
    /// the error is a [`ConnectError`], which has every attempt. Its kind is
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect), or
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if all attempts ran
    /// out of time. The kind is
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) after
    /// [`cancel_with`](Self::cancel_with).
    pub fn connect(&self) -> Result<Controller> {
        let deadline = Deadline::after(self.timeout);
        if self.cancel.is_none() {
            return self.connect_until(deadline);
        }
        let own = Connect { cancel: None, ..self.clone() };
        deadline
            .cancelled_by(self.cancel.as_ref())
            .run(Phase::Connect, move || own.connect_until(deadline))
    }

    fn connect_until(&self, deadline: Deadline) -> Result<Controller> {
        if !matches!(self.destination, Destination::UsualPlaces) {
            let connection = Connection::default();
            let candidate = self.candidate(&connection, deadline)?;
            return self.start(connection, candidate, Some(self.clone()), deadline);
        }
        let mut attempts = Vec::new();
        let mut seen = Vec::new();
        let places = usual_places();
        let count = places.len() as u32;
        for (tried, address) in (0..).zip(places) {
            // /var/run is a link to /run nearly everywhere.
            let canonical = address.path().and_then(|path| path.canonicalize().ok());
            if canonical.is_some() && seen.contains(&canonical) {
                continue;
            }
            seen.push(canonical);
            let shown = address.to_string();
            // From then on it is this one: a connection that is made again must
            // not be another tor's. A place that does not answer leaves time
            // for those that follow.
            let share = deadline.left() / count.saturating_sub(tried).max(1);
            match self.to_place(address).connect_until(deadline.part(share)) {
                Ok(controller) => return Ok(controller),
                Err(error) => match error.exact::<ConnectError>() {
                    Some(error) => attempts.extend(error.attempts().iter().cloned()),
                    None => attempts.push(ConnectAttempt::new(shown, error)),
                },
            }
        }
        Err(ConnectError::new(attempts).into())
    }

    /// Connects and authenticates. If tor wants a password, asks for it on the
    /// terminal, without echo, up to three times.
    ///
    /// # Errors
    ///
    /// Same errors as [`connect`](Self::connect), and an error of the kind
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if there is no terminal.
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

    /// Connects and authenticates; where tor wants a password, asks `prompt`
    /// for it, up to three times. `None` gives up. For programs that ask in a
    /// way of their own.
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
            let last =
                if connect.credentials.passwords.is_empty() { None } else { Some(error.clone()) };
            refused = Some(error.clone());
            match prompt(&PasswordRequest { address: address.clone(), refused: last })? {
                Some(password) => connect.credentials.passwords = vec![password],
                None => return Err(error),
            }
            if let Ok(address) = address.parse() {
                connect.destination = Destination::Address(address);
            }
        }
        match (connect.connect(), refused) {
            (Err(_), Some(error)) if connect.credentials.passwords.is_empty() => Err(error),
            (result, _) => result,
        }
    }

    /// Authenticates on a transport that is already connected. With a single
    /// transport there is a single attempt: after a failure tor hangs up.
    ///
    /// # Errors
    ///
    /// Returns an error with an [`AuthError`] (kind
    /// [`ErrorKind::Auth`](crate::ErrorKind::Auth)) if tor doesn't let this
    /// program in, of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the handshake takes
    /// too long, and of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the connection is
    /// to [`reconnect`](Self::reconnect), for which [`through`](Self::through)
    /// is the way.
    pub fn authenticate_over(&self, transport: Transport) -> Result<Controller> {
        if self.is_persistent() {
            let why = "cannot be opened again, as reconnect demands: see Connect::through";
            return Err(ArgumentError::invalid("connect", "transport", why).into());
        }
        let connection = Connection::default();
        let mut transport = Some(transport);
        let open = || match transport.take() {
            Some(transport) => connection.open(transport, self.limits).map(Some),
            None => Ok(None),
        };
        let deadline = Deadline::after(self.timeout);
        let candidate = auth::authenticate(open, &self.credentials, deadline)?;
        self.start(connection, candidate, None, deadline)
    }

    /// Where it connects to, where that is one place.
    pub(super) fn address(&self) -> Option<&Address> {
        match &self.destination {
            Destination::Address(address) => Some(address),
            _ => None,
        }
    }

    /// Whether the connection is to be made again by itself.
    pub(super) fn is_persistent(&self) -> bool {
        self.reconnect.is_some()
    }

    /// How long each call may take.
    pub(super) fn call_timeout(&self) -> Duration {
        self.timeout
    }

    /// Connects and authenticates, once more.
    pub(super) fn candidate(
        &self,
        connection: &Connection,
        deadline: Deadline,
    ) -> Result<Candidate> {
        let place = match &self.destination {
            Destination::UsualPlaces => "the usual places".to_owned(),
            Destination::Address(address) => address.to_string(),
            Destination::Through(_) => ConnectAttempt::OWN_WAY.to_owned(),
        };
        let open = || connection.open(self.transport(deadline)?, self.limits).map(Some);
        auth::authenticate(open, &self.credentials, deadline).map_err(|error| {
            match error.is::<AuthError>() || error.is::<Cancelled>() {
                true => error,
                false => ConnectError::new(vec![ConnectAttempt::new(place, error)]).into(),
            }
        })
    }

    fn transport(&self, deadline: Deadline) -> Result<Transport> {
        let transport = match &self.destination {
            Destination::Address(address) => Transport::connect(address, deadline.instant()),
            Destination::Through(opener) => (opener.0)(),
            Destination::UsualPlaces => Err(io::ErrorKind::NotFound.into()),
        };
        transport.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => deadline.error(Phase::Connect),
            _ => Error::io("cannot connect", error),
        })
    }

    fn to_place(&self, address: Address) -> Connect {
        Connect { destination: Destination::Address(address), ..self.clone() }
    }

    fn start(
        &self,
        connection: Connection,
        candidate: Candidate,
        again: Option<Connect>,
        deadline: Deadline,
    ) -> Result<Controller> {
        let keeping = Keeping {
            reconnect: self.reconnect.clone(),
            heartbeat: self.heartbeat,
            timeout: self.timeout,
        };
        let controller = Controller::start(connection, candidate, again, keeping, self.timeout)?;
        if self.caching != Caching::default() {
            controller.until(deadline).set_caching(self.caching)?;
        }
        Ok(controller)
    }
}

/// Whether a (better) password would help, and where.
fn wants_password(error: &Error, connect: &Connect) -> Option<String> {
    let helps = |auth: &AuthError| match auth {
        AuthError::PasswordMissing { .. } | AuthError::PasswordWrong(_) => true,
        AuthError::All(all) => all
            .iter()
            .any(|e| matches!(e, AuthError::PasswordMissing { .. } | AuthError::PasswordWrong(_))),
        _ => false,
    };
    if let Some(error) = error.exact::<ConnectError>() {
        let wants = |attempt: &&ConnectAttempt| attempt.error.get().is_some_and(helps);
        return error.attempts().iter().find(wants).map(|attempt| attempt.address.clone());
    }
    let auth = error.exact::<AuthError>();
    auth.filter(|auth| helps(auth)).map(|_| match &connect.destination {
        Destination::Address(address) => address.to_string(),
        _ => "the control port".to_owned(),
    })
}
