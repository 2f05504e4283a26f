//! The surroundings of a command: the global options, the output, and
//! connections to tor.

use std::env;
use std::time::Duration;

use scape::control::ConnectError;
use scape::{CancelToken, Connect, Controller, Error, ErrorKind, Tor, TorClient};

use super::failure::{Exit, Failure};
use super::options::GlobalOptions;
use super::output::Output;
use super::password;

/// The time that a command waits for tor itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time that a command waits for the Tor network.
const NETWORK_PATIENCE: Duration = Duration::from_secs(120);

/// The surroundings of a command.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) options: GlobalOptions,
    pub(crate) out: Output,
    /// Cancelled by Ctrl-C and SIGTERM.
    pub(crate) token: CancelToken,
}

impl Context {
    pub(crate) fn new(options: GlobalOptions, token: CancelToken) -> Self {
        let out = Output::new(options.json);
        Context { options, out, token }
    }

    /// Returns the time limit of a request that only tor has to answer.
    pub(crate) fn timeout(&self) -> Duration {
        self.options.timeout.unwrap_or(PATIENCE)
    }

    /// Returns the time limit of a request that needs the Tor network.
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

    /// Connects to the control port. Every call of the returned controller ends
    /// at an interrupt.
    pub(crate) fn controller(&self) -> Result<Controller, Failure> {
        let connect = self.connect()?;
        self.open(&connect).map_err(|error| self.describe(&connect, error))
    }

    /// Connects to the control port. If tor wants a password and none is given,
    /// asks for it at the terminal.
    fn open(&self, connect: &Connect) -> Result<Controller, Error> {
        let controller = connect.connect_with_prompt(|request| Ok(password::ask(self, request)))?;
        Ok(controller.cancel_with(&self.token))
    }

    /// Returns the failure for an attempt to connect.
    fn describe(&self, connect: &Connect, error: Error) -> Failure {
        // The question for the password was interrupted.
        if let Err(interrupted) = self.check_interrupt() {
            return interrupted;
        }
        let names_address = error.get::<ConnectError>().is_some();
        match connect.address().filter(|_| !names_address) {
            Some(address) => {
                Failure::from(error).while_doing(format_args!("control port {address}"))
            }
            None => error.into(),
        }
    }

    /// Connects to the control port, for commands that need a [`Tor`].
    pub(crate) fn tor(&self) -> Result<Tor, Failure> {
        let tor = Tor::from(self.controller()?);
        Ok(tor.cancel_with(&self.token))
    }

    /// Returns a client for connections through tor. A control connection isn't
    /// needed if there is an option or a variable for the SOCKS port. It isn't
    /// needed either if nothing names a control port or its password, and tor
    /// listens at the usual SOCKS port.
    pub(crate) fn client(&self) -> Result<TorClient, Failure> {
        let tor = match (&self.options.socks, &self.options.control) {
            (Some(socks), _) => Tor::socks_only(socks.clone())?,
            (None, Some(_)) => self.tor()?,
            (None, None) => self.found()?,
        };
        Ok(tor.client()?.timeout(self.network_timeout()))
    }

    /// Returns the tor that the environment names, or the one at the usual
    /// control ports or else at the usual SOCKS ports.
    fn found(&self) -> Result<Tor, Failure> {
        let connect = self.connect()?;
        match self.open(&connect) {
            Ok(controller) => Ok(Tor::from(controller).cancel_with(&self.token)),
            // The usual SOCKS port may be that of another tor than the user
            // means.
            Err(error) if error.kind() == ErrorKind::Connect && !self.names_control() => {
                Ok(Tor::find_cancel_with(&self.token)?)
            }
            Err(error) => Err(self.describe(&connect, error)),
        }
    }

    /// Returns true if the user has named a control port or how to authenticate
    /// to it.
    fn names_control(&self) -> bool {
        let is_set = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            name.to_string_lossy().starts_with("TOR_CONTROL_") && !value.is_empty()
        };
        self.options.control.is_some()
            || self.options.password_file.is_some()
            || env::vars_os().any(is_set)
    }

    /// Returns a failure if Ctrl-C or SIGTERM has come.
    pub(crate) fn check_interrupt(&self) -> Result<(), Failure> {
        match self.token.is_cancelled() {
            true => Err(Failure::silent(Exit::Interrupted)),
            false => Ok(()),
        }
    }
}
