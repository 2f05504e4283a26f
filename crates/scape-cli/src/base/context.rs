//! The context of a command: the global options, the output, and connections to
//! tor.

use std::env;
use std::time::Duration;

use scape::control::ConnectError;
use scape::{CancelToken, Connect, Controller, Error, ErrorKind, Tor, TorClient};

use super::failure::{Exit, Failure};
use super::options::GlobalOptions;
use super::output::Output;
use super::password;

/// The default time limit of a request that tor answers without using the Tor
/// network.
const PATIENCE: Duration = Duration::from_secs(30);
/// The default time limit of a request for which tor uses the Tor network.
const NETWORK_PATIENCE: Duration = Duration::from_secs(120);

/// The global options, the output and the connections to tor that a command
/// uses.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) options: GlobalOptions,
    pub(crate) out: Output,
    /// The token that Ctrl-C and SIGTERM cancel.
    pub(crate) token: CancelToken,
}

impl Context {
    pub(crate) fn new(options: GlobalOptions, token: CancelToken) -> Self {
        let out = Output::new(options.json);
        Context { options, out, token }
    }

    /// Returns the time limit of a request that tor answers without using the
    /// Tor network: `--timeout`, or else 30 seconds.
    pub(crate) fn timeout(&self) -> Duration {
        self.options.timeout.unwrap_or(PATIENCE)
    }

    /// Returns the time limit of a request for which tor uses the Tor network:
    /// `--timeout`, or else two minutes.
    pub(crate) fn network_timeout(&self) -> Duration {
        self.options.timeout.unwrap_or(NETWORK_PATIENCE)
    }

    /// Returns the settings for a control connection, from the options and the
    /// environment.
    pub(crate) fn connect(&self) -> Result<Connect, Failure> {
        let mut connect = match &self.options.control {
            Some(address) => Connect::to(address.clone())?.credentials_from_env(),
            None => Connect::from_env()?,
        };
        if let Some(path) = &self.options.password_file {
            connect = connect.password(password::read(self, path)?);
        }
        Ok(connect.timeout(self.timeout()).cancel_with(&self.token))
    }

    /// Connects to the control port. Ctrl-C and SIGTERM cancel the calls of the
    /// returned controller.
    pub(crate) fn controller(&self) -> Result<Controller, Failure> {
        self.open_with(&self.connect()?)
    }

    /// Like [`controller`](Self::controller), but with the settings in
    /// `connect`. Doesn't use the library's `connect_interactive`, because
    /// Ctrl-C doesn't end its password prompt, and the terminal would then stay
    /// without echo.
    pub(crate) fn open_with(&self, connect: &Connect) -> Result<Controller, Failure> {
        self.open(connect).map_err(|error| self.describe(connect, error))
    }

    /// Connects with the settings in `connect`. If tor requires a password and
    /// the settings contain none, asks for the password at the terminal.
    fn open(&self, connect: &Connect) -> Result<Controller, Error> {
        let controller = connect.connect_with_prompt(|request| Ok(password::ask(self, request)))?;
        Ok(controller.cancel_with(&self.token))
    }

    /// Converts the error of a failed attempt to connect. The failure says
    /// which control port couldn't be used.
    fn describe(&self, connect: &Connect, error: Error) -> Failure {
        // A signal may have interrupted the password prompt.
        if let Err(interrupted) = self.check_interrupt() {
            return interrupted;
        }
        let names_address = error.get::<ConnectError>().is_some();
        let mut failure = Failure::from(error);
        // The library's advice ends so if no tor was found.
        if failure.message.ends_with("set SCAPE_CONTROL") {
            failure.message +=
                " or use --control. To start a tor for one command: scape launch -- scape status";
        }
        match connect.address().filter(|_| !names_address) {
            Some(address) => failure.while_doing(format_args!("control port {address}")),
            None => failure,
        }
    }

    /// Connects to the control port, for commands that need a [`Tor`].
    pub(crate) fn tor(&self) -> Result<Tor, Failure> {
        let tor = Tor::from(self.controller()?);
        Ok(tor.cancel_with(&self.token))
    }

    /// Returns a client for connections through tor. With `--socks`, or with
    /// `SCAPE_SOCKS` and without `--control`, the client uses the SOCKS port in
    /// this option or variable, and no control connection is made. Otherwise,
    /// tor is asked for its SOCKS port on a control connection. If no control
    /// port answers, and the user specified neither a control port nor its
    /// password, the default SOCKS ports are tried.
    pub(crate) fn client(&self) -> Result<TorClient, Failure> {
        let tor = match (&self.options.socks, &self.options.control) {
            (Some(socks), _) => {
                Tor::socks_only_cancel_with(socks.clone(), self.timeout(), &self.token)?
            }
            (None, Some(_)) => self.tor()?,
            (None, None) => self.found()?,
        };
        Ok(tor.client()?.timeout(self.network_timeout()))
    }

    /// Connects to the control port from the environment, or else to the first
    /// default control port that answers. If none answers, and the user
    /// specified neither a control port nor its password, uses the first
    /// default SOCKS port that answers.
    fn found(&self) -> Result<Tor, Failure> {
        let connect = self.connect()?;
        match self.open(&connect) {
            Ok(controller) => Ok(Tor::from(controller).cancel_with(&self.token)),
            // If the user specified a control port, the tor at the default
            // SOCKS port may be a different one.
            Err(error) if error.kind() == ErrorKind::Connect && !self.names_control() => {
                Ok(Tor::find_cancel_with(&self.token)?)
            }
            Err(error) => Err(self.describe(&connect, error)),
        }
    }

    /// Returns true if the user specified a control port, or a password or
    /// cookie for it.
    fn names_control(&self) -> bool {
        let is_set = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            name.to_string_lossy().starts_with("TOR_CONTROL_") && !value.is_empty()
        };
        self.options.control.is_some()
            || self.options.password_file.is_some()
            || env::vars_os().any(is_set)
    }

    /// Returns a failure if Ctrl-C or SIGTERM interrupted the command.
    pub(crate) fn check_interrupt(&self) -> Result<(), Failure> {
        match self.token.is_cancelled() {
            true => Err(Failure::silent(Exit::Interrupted)),
            false => Ok(()),
        }
    }
}
