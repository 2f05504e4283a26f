//! [`Connect`]: finds tor's control port, connects and authenticates.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::auth;
use super::cache::Caching;
use super::controller::Controller;
use super::places::{Environment, credentials_at, usual_places};
use super::recipe::{Destination, Opener, Recipe};
use super::reconnect::Reconnect;
use crate::control::{AuthError, ConnectAttempt, ConnectError};
use crate::error::{Error, Phase, Result};
use crate::io::cancel::CancelToken;
use crate::io::connection::{Candidate, Connection};
use crate::io::transport::{Address, Deadline, Transport};
use scape_proto::control::{ArgumentError, Limits};
use scape_proto::word::Secret;

/// The maximum number of times that the user is asked for the password.
const PROMPTS: usize = 3;

/// Connects to a running tor at the address that the environment names, or else
/// at one of the usual places.
///
/// Short for `Connect::from_env()?.connect()`. See [`Connect::from_env`] for
/// the environment variables. The usual places are, in this order:
///
/// * the Unix socket `/run/tor/control` (or `/var/run/tor/control`),
/// * the Unix socket `/run/user/UID/Tor/control.socket`,
/// * on macOS, the Unix sockets `/usr/local/var/run/tor/control.socket` and
///   `~/Library/Application Support/TorBrowser-Data/Tor/control.socket`,
/// * the ports 9051 (tor), 9151 (Tor Browser) and 9153 (Tor Messenger) of
///   127.0.0.1.
///
/// ```no_run
/// let controller = scape::connect()?;
/// println!("tor {}", controller.version()?);
/// # Ok::<(), scape::Error>(())
/// ```
///
/// # Errors
///
/// Returns an error with a [`ConnectError`], which lists every attempt with its
/// own error. If the environment names an address and authentication fails
/// there, the error is an [`AuthError`] (kind
/// [`ErrorKind::Auth`](crate::ErrorKind::Auth)).
/// [`Error::get`](crate::Error::get) finds the [`AuthError`] in either case.
/// The kind is [`ErrorKind::Argument`](crate::ErrorKind::Argument) if an
/// environment variable can't be parsed.
#[doc(alias = "connect_port")]
#[doc(alias = "connect_socket_file")]
#[doc(alias = "build_local_tor_connection")]
pub fn connect() -> Result<Controller> {
    Connect::from_env()?.connect()
}

/// The settings for connecting to a running tor and authenticating.
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
/// [`connect()`] is short for the common case: the environment or the usual
/// places, with default settings. For a tor that the program starts itself, see
/// [`Launch`](crate::Launch).
///
/// # Authentication
///
/// `Connect` uses the first of these methods that tor offers and that succeeds:
///
/// 1. SAFECOOKIE. It doesn't reveal the cookie, and it unmasks a peer that is
///    not the tor that wrote the cookie file. No other method is tried on such
///    a peer.
/// 2. COOKIE, if tor doesn't offer SAFECOOKIE. The program
///    ([`cookie_file`](Self::cookie_file)) or the environment must have named
///    the cookie file. The content of a file that only the peer has named is
///    never sent.
/// 3. The [`password`](Self::password), if the program or the environment has
///    set one.
/// 4. No authentication.
///
/// Each attempt after the first takes a new connection, because tor hangs up
/// when an attempt fails.
#[doc(alias = "stem.connection")]
#[doc(alias = "build_tor_connection")]
#[derive(Debug, Clone)]
#[must_use = "nothing is connected before connect() is called"]
pub struct Connect {
    pub(super) recipe: Recipe,
    caching: Caching,
    /// The token that cancels connecting. Calls of the controller ignore it.
    cancel: Option<CancelToken>,
}

/// A request for a password. [`Connect::connect_with_prompt`] passes it to the
/// program's function.
#[derive(Debug)]
#[non_exhaustive]
pub struct PasswordRequest {
    /// The address of the control port that wants the password. If the program
    /// opens the transport itself, the text is `the control port`.
    pub address: String,
    /// The error of the previous attempt. `None` if no password was tried yet.
    pub refused: Option<Error>,
}

impl Default for Connect {
    fn default() -> Self {
        Connect::by(Recipe::to(Destination::UsualPlaces))
    }
}

impl Connect {
    /// Creates settings that try the usual places in turn: see [`connect()`].
    /// Unlike with [`from_env`](Self::from_env), the environment is ignored.
    ///
    /// ```no_run
    /// use scape::Connect;
    ///
    /// let controller = Connect::new().password("sesame").connect()?;
    /// println!("tor {}", controller.version()?);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn new() -> Self {
        Connect::default()
    }

    /// Creates settings with the address of the control port: `"9051"`,
    /// `"127.0.0.1:9051"`, `"unix:/run/tor/control"`, `"/run/tor/control"`, or
    /// an [`Address`]. A port alone is on 127.0.0.1.
    ///
    /// If the address has a host name, the system's resolver looks it up. This
    /// is the only name that this library looks up outside of Tor.
    ///
    /// ```
    /// use scape::Connect;
    ///
    /// let connect = Connect::to("127.0.0.1:9051")?;
    /// assert!(Connect::to("no:such:address").is_err());
    /// # let _ = connect;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the address can't
    /// be parsed.
    #[doc(alias = "from_port")]
    #[doc(alias = "from_socket_file")]
    pub fn to<A>(address: A) -> Result<Self>
    where
        A: TryInto<Address>,
        A::Error: fmt::Display,
    {
        let address = address
            .try_into()
            .map_err(|e| ArgumentError::invalid("connect", "address", e.to_string()))?;
        Ok(Connect::by(Recipe::to(Destination::Address(address))))
    }

    /// Creates settings for a transport that the program opens itself, for
    /// example through a tunnel.
    ///
    /// `open` is called for every attempt to authenticate and for every
    /// reconnect, and returns a new transport each time. `open` must limit its
    /// own waiting, because [`timeout`](Self::timeout) doesn't interrupt it.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().start()?;
    /// let controller = scape::Connect::through(move || Ok(tor.transport()?)).connect()?;
    /// assert!(controller.is_alive());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn through(open: impl Fn() -> io::Result<Transport> + Send + Sync + 'static) -> Self {
        Connect::by(Recipe::to(Destination::Through(Opener::new(open))))
    }

    /// Creates settings with the address and the credentials from the
    /// environment. All variables except `SCAPE_CONTROL` are those that Tor
    /// Browser reads. Whonix and other systems set them for Tor Browser.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `SCAPE_CONTROL` | the control port, as for [`Connect::to`]; the next three are ignored then |
    /// | `TOR_CONTROL_IPC_PATH` | the path of a Unix socket; the next two are ignored then |
    /// | `TOR_CONTROL_HOST` | the host of the control port; default: 127.0.0.1 |
    /// | `TOR_CONTROL_PORT` | the number of the control port; default: 9151 if there is a host |
    /// | `TOR_CONTROL_PASSWD` | the password: `"quoted"`, in hexadecimal, or plain |
    /// | `TOR_CONTROL_COOKIE_AUTH_FILE` | the cookie file; ignored if there is a password |
    ///
    /// The environment may also name the SOCKS port of the same tor:
    /// `TOR_SOCKS_IPC_PATH`, or else `TOR_SOCKS_HOST` (default: 127.0.0.1) and
    /// `TOR_SOCKS_PORT` (default: 9150 if there is a host). [`Tor`](crate::Tor)
    /// uses this port in two cases: there is no control port, or a filter in
    /// front of the control port hides tor's SOCKS ports. If `SCAPE_CONTROL` is
    /// set, these three variables are ignored, because they may belong to
    /// another tor.
    ///
    /// An empty variable counts as not set. If no variable names an address,
    /// the usual places are tried, like with [`Connect::new`]. If the password
    /// is an even number of hexadecimal digits, it is tried both as hexadecimal
    /// and as plain text.
    ///
    /// ```no_run
    /// use scape::Connect;
    /// use std::time::Duration;
    ///
    /// let controller = Connect::from_env()?.timeout(Duration::from_secs(5)).connect()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if an address or
    /// port can't be parsed. The error names the variable.
    pub fn from_env() -> Result<Self> {
        let environment = Environment::read()?;
        let destination =
            environment.address.map_or(Destination::UsualPlaces, Destination::Address);
        let (credentials, socks) = (environment.credentials, environment.socks);
        Ok(Connect::by(Recipe { credentials, socks, ..Recipe::to(destination) }))
    }

    /// Sets the credentials that the environment names (see
    /// [`from_env`](Self::from_env)), for an address that the program has
    /// given. If the address is on another machine, the credentials are set
    /// only if the environment names the same address. Does nothing without an
    /// address.
    ///
    /// ```
    /// use scape::Connect;
    ///
    /// let connect = Connect::to("127.0.0.1:9051")?.credentials_from_env();
    /// # let _ = connect;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn credentials_from_env(mut self) -> Self {
        if let Destination::Address(address) = &self.recipe.destination {
            self.recipe.credentials = credentials_at(address);
        }
        self
    }

    /// Sets the password, whose hash tor has in `HashedControlPassword`.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("PROTOCOLINFO 1", "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=HASHEDPASSWORD\r\n250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n")
    /// #     .listen()?;
    /// # let address = tor.address().cloned().expect("it listens");
    /// let controller = scape::Connect::to(address)?.password("sesame").connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "authenticate_password")]
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.recipe.credentials.passwords = vec![password.into()];
        self
    }

    /// Sets the path of tor's cookie file. Default: the path that tor names,
    /// which is wrong if tor runs in a container or a chroot.
    ///
    /// The path must be set for a peer that offers COOKIE but not SAFECOOKIE.
    /// tor itself always offers both.
    ///
    /// ```
    /// use scape::Connect;
    ///
    /// let connect = Connect::to("9051")?.cookie_file("/srv/tor-jail/run/tor/control.authcookie");
    /// # let _ = connect;
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[doc(alias = "authenticate_cookie")]
    #[doc(alias = "authenticate_safecookie")]
    #[doc(alias = "chroot_path")]
    pub fn cookie_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.recipe.credentials.cookie_file = Some(path.into());
        self
    }

    /// Sets the maximum time for connecting and authenticating together. This
    /// time is also the timeout of the controller's calls. Default: 30 seconds.
    ///
    /// If the usual places are tried, this is the time for all of them
    /// together. Each place gets an equal share of the time that is left.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().listen()?;
    /// # let address = tor.address().cloned().expect("it listens");
    /// use std::time::Duration;
    ///
    /// let controller = scape::Connect::to(address)?.timeout(Duration::from_secs(5)).connect()?;
    /// assert_eq!(controller.timeout(), Duration::from_secs(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.recipe.timeout = timeout;
        self
    }

    /// Makes the controller reconnect automatically when the connection has
    /// ended, with the delays of `policy`. Default: the controller doesn't
    /// reconnect.
    ///
    /// [`Controller::reconnect`] describes what is restored. Subscriptions and
    /// callbacks continue, but they miss the events that tor sends while there
    /// is no connection. See
    /// [`Subscription::interruptions`](crate::Subscription::interruptions).
    /// Calls that are made while there is no connection fail with an error of
    /// the kind [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    /// [`Controller::wait_connected`] waits for the connection. A [status
    /// listener](Controller::on_status) is told about every attempt.
    ///
    /// A password stays in memory as long as the controller lives.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().listen()?;
    /// # let address = tor.address().cloned().expect("it listens");
    /// use scape::control::Reconnect;
    /// use scape::Connect;
    ///
    /// let controller = Connect::to(address)?.reconnect(Reconnect::new()).connect()?;
    /// tor.hang_up();
    /// controller.wait_closed(controller.timeout())?;
    /// controller.wait_connected(controller.timeout())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reconnect(mut self, policy: Reconnect) -> Self {
        self.recipe.reconnect = Some(policy);
        self
    }

    /// Sets the interval of heartbeats: commands that check whether tor still
    /// answers. Default: no heartbeats.
    ///
    /// If tor sends neither an answer nor anything else within
    /// [`timeout`](Self::timeout), the connection is ended with the cause
    /// [`CloseCause::Unresponsive`](crate::connection::CloseCause::Unresponsive).
    /// With [`reconnect`](Self::reconnect) the connection is opened again. An
    /// interval of less than 10 milliseconds counts as 10 milliseconds.
    /// Heartbeats are for connections whose end the operating system doesn't
    /// report, such as those over a network.
    ///
    /// ```
    /// use scape::control::Reconnect;
    /// use scape::Connect;
    /// use std::time::Duration;
    ///
    /// let connect = Connect::to("192.0.2.1:9051")?
    ///     .heartbeat(Duration::from_secs(60))
    ///     .reconnect(Reconnect::new());
    /// # let _ = connect;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.recipe.heartbeat = Some(every);
        self
    }

    /// Sets which answers are cached, so that asking again takes no round trip.
    /// Default: [`Caching::Constants`].
    ///
    /// ```
    /// use scape::control::Caching;
    /// use scape::Connect;
    ///
    /// let connect = Connect::to("9051")?.caching(Caching::Configuration);
    /// # let _ = connect;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn caching(mut self, caching: Caching) -> Self {
        self.caching = caching;
        self
    }

    /// Sets a token with which another thread can cancel
    /// [`connect`](Self::connect), even while a host doesn't answer. `connect`
    /// then fails at once with an error of the kind
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled).
    ///
    /// The attempt continues on its own thread until it ends or its
    /// [time](Self::timeout) is over. If it still opens a connection, that
    /// connection is closed. The controller doesn't keep the token: see
    /// [`Controller::cancel_with`].
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

    /// Sets limits for the size of tor's lines and replies. The connection ends
    /// if tor exceeds them. [`Limits`] has the defaults.
    ///
    /// ```
    /// use scape::Connect;
    /// use scape::control::Limits;
    ///
    /// let connect = Connect::to("9051")?.limits(Limits::default().reply(64 << 20));
    /// # let _ = connect;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.recipe.limits = limits;
        self
    }

    /// Connects and authenticates.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("version", "0.4.9.11").listen()?;
    /// # let address = tor.address().cloned().expect("it listens");
    /// let controller = scape::Connect::to(address)?.connect()?;
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with an [`AuthError`] (kind
    /// [`ErrorKind::Auth`](crate::ErrorKind::Auth)) if an address was given and
    /// authentication fails there. Otherwise the error is a [`ConnectError`],
    /// which lists the attempts: one at the given address, or one at each of
    /// the usual places. The kind of a [`ConnectError`] is
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect), or
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if all attempts timed
    /// out.
    ///
    /// The kind is [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the
    /// token of [`cancel_with`](Self::cancel_with) is cancelled.
    pub fn connect(&self) -> Result<Controller> {
        let deadline = Deadline::after(self.recipe.timeout);
        if self.cancel.is_none() {
            return self.connect_until(deadline);
        }
        let own = Connect { cancel: None, ..self.clone() };
        deadline
            .cancelled_by(self.cancel.as_ref())
            .run(Phase::Connect, move || own.connect_until(deadline))
    }

    fn connect_until(&self, deadline: Deadline) -> Result<Controller> {
        if !matches!(self.recipe.destination, Destination::UsualPlaces) {
            let connection = Connection::default();
            let candidate = self.recipe.candidate(&connection, deadline)?;
            let again = Some(self.recipe.clone());
            return self.start(connection, candidate, again, deadline);
        }
        let mut attempts = Vec::new();
        let mut seen = Vec::new();
        let places = usual_places();
        let count = places.len() as u32;
        for (tried, address) in (0..).zip(places) {
            // /var/run is a link to /run on nearly every system, so two paths
            // can name the same socket.
            let canonical = address.path().and_then(|path| path.canonicalize().ok());
            if canonical.is_some() && seen.contains(&canonical) {
                continue;
            }
            seen.push(canonical);
            let shown = address.to_string();
            // The controller keeps the address that worked, because a reconnect
            // must not lead to another tor. A place that doesn't answer leaves
            // time for the places that follow.
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

    /// Connects and authenticates. If tor wants a password, asks the user for
    /// it on the terminal, without echo, up to three times.
    ///
    /// ```no_run
    /// let controller = scape::Connect::from_env()?.connect_interactive()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`connect`](Self::connect), most often a wrong password.
    /// Without a terminal, nobody is asked, and the error says that tor wants a
    /// password.
    pub fn connect_interactive(&self) -> Result<Controller> {
        self.connect_with_prompt(|request| {
            let again = if request.refused.is_some() { "Wrong password. " } else { "" };
            let prompt = format!("{again}Password of the tor at {}: ", request.address);
            // Without a terminal, rpassword fails. Its error is dropped,
            // because the error of the attempt is more useful.
            Ok(rpassword::prompt_password(prompt).ok().map(Secret::from))
        })
    }

    /// Connects and authenticates. If tor wants a password, calls `prompt` for
    /// it, up to three times. If `prompt` returns `None`, no further attempt is
    /// made.
    ///
    /// [`connect_interactive`](Self::connect_interactive) asks on the terminal.
    /// This method is for programs that ask in another way. The
    /// [`timeout`](Self::timeout) limits each attempt to connect, not the whole
    /// call.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("PROTOCOLINFO 1", "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=HASHEDPASSWORD\r\n250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n")
    /// #     .listen()?;
    /// # let address = tor.address().cloned().expect("it listens");
    /// let controller = scape::Connect::to(address)?.connect_with_prompt(|request| {
    ///     println!("password for {}?", request.address);
    ///     Ok(Some("sesame".into()))
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error of `prompt`, if it returns one. Otherwise, same errors
    /// as [`connect`](Self::connect), most often a wrong password. If `prompt`
    /// returns `None`, the error is that of the last attempt.
    #[doc(alias = "password_function")]
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
            // The first attempt may have failed because there was no password
            // at all. In that case no password was refused.
            let last = if connect.recipe.credentials.passwords.is_empty() {
                None
            } else {
                Some(error.clone())
            };
            refused = Some(error.clone());
            match prompt(&PasswordRequest { address: address.clone(), refused: last })? {
                Some(password) => connect.recipe.credentials.passwords = vec![password],
                None => return Err(error),
            }
            if let Ok(address) = address.parse() {
                connect.recipe.destination = Destination::Address(address);
            }
        }
        match (connect.connect(), refused) {
            (Err(_), Some(error)) if connect.recipe.credentials.passwords.is_empty() => Err(error),
            (result, _) => result,
        }
    }

    /// Authenticates on a transport that is already connected.
    ///
    /// With a single transport there is a single attempt, because tor hangs up
    /// when an attempt fails. [`cancel_with`](Self::cancel_with) has no effect.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().listen()?;
    /// # let Some(scape::transport::Address::Ip(address)) = tor.address() else { panic!("TCP") };
    /// use scape::transport::Transport;
    /// use std::net::TcpStream;
    ///
    /// let transport = Transport::from(TcpStream::connect(address)?);
    /// let controller = scape::Connect::new().authenticate_over(transport)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with an [`AuthError`] (kind
    /// [`ErrorKind::Auth`](crate::ErrorKind::Auth)) if authentication fails.
    /// The kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor
    /// doesn't answer. The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if
    /// [`reconnect`](Self::reconnect) is set, because the transport can't be
    /// opened again. To reconnect, use [`through`](Self::through).
    #[doc(alias = "authenticate")]
    pub fn authenticate_over(&self, transport: Transport) -> Result<Controller> {
        if self.recipe.reconnect.is_some() {
            let why = "cannot be opened again, as reconnect demands: see Connect::through";
            return Err(ArgumentError::invalid("connect", "transport", why).into());
        }
        let connection = Connection::default();
        let mut transport = Some(transport);
        let open = || match transport.take() {
            Some(transport) => connection.open(transport, self.recipe.limits).map(Some),
            None => Ok(None),
        };
        let deadline = Deadline::after(self.recipe.timeout);
        let candidate = auth::authenticate(open, &self.recipe.credentials, deadline)?;
        self.start(connection, candidate, None, deadline)
    }

    /// Creates settings with the values of `recipe`, the default caching and no
    /// cancel token.
    fn by(recipe: Recipe) -> Connect {
        Connect { recipe, caching: Caching::default(), cancel: None }
    }

    /// Returns the address of the control port. Returns `None` if the usual
    /// places are to be tried, or if the program opens the transport itself.
    ///
    /// ```
    /// use scape::Connect;
    ///
    /// let connect = Connect::to("127.0.0.1:9051")?;
    /// assert_eq!(connect.address().map(ToString::to_string).as_deref(), Some("127.0.0.1:9051"));
    /// assert_eq!(Connect::new().address(), None);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn address(&self) -> Option<&Address> {
        self.recipe.address()
    }

    fn to_place(&self, address: Address) -> Connect {
        let destination = Destination::Address(address);
        Connect { recipe: Recipe { destination, ..self.recipe.clone() }, ..self.clone() }
    }

    fn start(
        &self,
        connection: Connection,
        candidate: Candidate,
        again: Option<Recipe>,
        deadline: Deadline,
    ) -> Result<Controller> {
        let keeping = self.recipe.keeping();
        let controller =
            Controller::start(connection, candidate, again, keeping, self.recipe.timeout)?;
        if self.caching != Caching::default() {
            controller.until(deadline).set_caching(self.caching)?;
        }
        Ok(controller)
    }
}

/// Returns the address of the tor that wants a password, if `error` occurred
/// because the password was missing or wrong. Returns `None` for other errors.
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
    auth.filter(|auth| helps(auth)).map(|_| match &connect.recipe.destination {
        Destination::Address(address) => address.to_string(),
        _ => "the control port".to_owned(),
    })
}
