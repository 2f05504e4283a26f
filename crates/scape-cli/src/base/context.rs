//! The surroundings of a command: the global options, the output, and
//! connections to tor.

use std::time::Duration;

use scape::control::ConnectError;
use scape::{CancelToken, Connect, Controller, Tor, TorClient};

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
        let controller = connect.connect_interactive().map_err(|error| {
            let names_address = error.get::<ConnectError>().is_some();
            match connect.address().filter(|_| !names_address) {
                Some(address) => {
                    Failure::from(error).while_doing(format_args!("control port {address}"))
                }
                None => error.into(),
            }
        })?;
        Ok(controller.cancel_with(&self.token))
    }

    /// Connects to the control port, for commands that need a [`Tor`].
    pub(crate) fn tor(&self) -> Result<Tor, Failure> {
        let tor = Tor::from(self.controller()?);
        Ok(tor.cancel_with(&self.token))
    }

    /// Returns a client for connections through tor. A control connection isn't
    /// needed if there is an option or a variable for the SOCKS port, or if tor
    /// listens at the usual one.
    pub(crate) fn client(&self) -> Result<TorClient, Failure> {
        let tor = match (&self.options.socks, &self.options.control) {
            (Some(socks), _) => Tor::socks_only(socks.clone())?,
            (None, Some(_)) => self.tor()?,
            (None, None) => Tor::find_cancel_with(&self.token)?,
        };
        Ok(tor.client()?.timeout(self.network_timeout()))
    }

    /// Returns a failure if Ctrl-C or SIGTERM has come.
    pub(crate) fn check_interrupt(&self) -> Result<(), Failure> {
        match self.token.is_cancelled() {
            true => Err(Failure::silent(Exit::Interrupted)),
            false => Ok(()),
        }
    }
}
