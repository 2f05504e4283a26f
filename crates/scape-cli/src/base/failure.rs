//! Failures of commands: the message for the user and the exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

use scape::ErrorKind;

/// The exit codes of `scape`, apart from 0 for success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// tor refused the request, or the request failed.
    Failed,
    /// The command line is invalid. clap uses the same code.
    Usage,
    /// No tor could be reached.
    NoTor,
    /// The request didn't end in time.
    Timeout,
    /// Ctrl-C or SIGTERM ended the command.
    Interrupted,
    /// The code of a program that `scape` has run.
    Program(u8),
    /// The reader of the output has gone, such as `head`. This isn't an error.
    NoReader,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NoTor => 3,
            Exit::Timeout => 4,
            Exit::Interrupted => 130,
            Exit::Program(code) => code,
            Exit::NoReader => 0,
        }
    }
}

/// The failure of a command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// The text for standard error. Nothing is printed if it is empty.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Failure { exit, message: message.to_string() }
    }

    /// Returns a failure with the exit code 1.
    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        Failure::new(Exit::Failed, message)
    }

    /// Returns a failure for an argument that clap can't check.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Failure::new(Exit::Usage, message)
    }

    /// Returns a failure without a message.
    pub(crate) fn silent(exit: Exit) -> Self {
        Failure::new(exit, "")
    }

    /// Adds what failed in front of the message.
    pub(crate) fn while_doing(mut self, what: impl fmt::Display) -> Self {
        if !self.message.is_empty() {
            self.message = format!("{what}: {}", self.message);
        }
        self
    }

    /// Prints the message, and returns the exit code for `main`.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            let red = anstyle::AnsiColor::Red.on_default() | anstyle::Effects::BOLD;
            anstream::eprintln!("{red}scape:{red:#} {}", self.message);
        }
        ExitCode::from(self.exit.code())
    }
}

impl From<scape::Error> for Failure {
    fn from(error: scape::Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Connect | ErrorKind::Auth | ErrorKind::Launch => Exit::NoTor,
            ErrorKind::Timeout => Exit::Timeout,
            ErrorKind::Cancelled => Exit::Interrupted,
            _ => Exit::Failed,
        };
        let mut message = error.to_string();
        // Some errors leave the reason to their source.
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        // The command has no option for this setting of the library.
        let message = message.replace(" (allow_private_addresses(true) permits it)", "");
        Failure::new(exit, message)
    }
}

/// Failures to write the output. Other failures of the operating system are
/// described where they happen.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::silent(Exit::NoReader),
            _ => Failure::failed(format!("cannot write the output: {error}")),
        }
    }
}
