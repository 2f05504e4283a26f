//! `scape launch` starts a tor that ends with the command.

mod running;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use scape::config::TorrcFiles;
use scape::process::{Control, TorProcess};
use scape::{ErrorKind, Launch};

use self::running::{Running, VARIABLES};
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::output::{print_error, printable};
use crate::base::program;

/// The interval at which the command checks if a signal has come.
const POLL: Duration = Duration::from_millis(200);
/// The maximum number of log lines that the error message quotes if tor ends by
/// itself.
const LAST_LINES: usize = 10;

/// Start a new tor, which ends with this command
///
/// The new tor uses neither the system's torrc nor the system's data directory.
/// The control port and the SOCKS port are free ports of 127.0.0.1. Their
/// addresses are printed as soon as tor is ready. Ctrl-C ends tor.
///
/// With COMMAND, tor ends after this program, and the exit code is that of the
/// program. The program gets the variables SCAPE_CONTROL, SCAPE_SOCKS,
/// TOR_CONTROL_HOST, TOR_CONTROL_PORT, TOR_CONTROL_COOKIE_AUTH_FILE,
/// TOR_SOCKS_HOST and TOR_SOCKS_PORT.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Options of tor, such as SocksPort=9050. Can be repeated for the same
    /// option
    #[arg(value_name = "OPTION=VALUE")]
    options: Vec<TorOption>,

    /// The data directory, which isn't removed at the end. Default: a temporary
    /// directory, so tor has to download everything again
    #[arg(long, value_name = "DIR")]
    data_directory: Option<PathBuf>,

    /// A torrc with further options
    #[arg(long, value_name = "FILE")]
    torrc: Option<PathBuf>,

    /// The tor program [env: SCAPE_TOR]
    ///
    /// Default: the first tor in PATH, in the folders where systems and package
    /// managers install it, or in a Tor Browser.
    #[arg(long, value_name = "FILE")]
    tor: Option<PathBuf>,

    /// Print tor's log on standard error
    #[arg(long)]
    log: bool,

    /// A program to run with this tor, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// An argument `OPTION=VALUE`, which sets an option of the new tor.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TorOption {
    name: String,
    value: String,
}

impl FromStr for TorOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok(TorOption { name: name.trim().to_owned(), value: value.trim().to_owned() })
            }
            _ => Err("expected OPTION=VALUE; a program must follow after --".into()),
        }
    }
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let process = self.start(context)?;
        let running = Running::of(&process)?;
        if self.command.is_empty() {
            running.print(context)?;
            let result = wait(context, &process);
            return result.and(process.stop().map_err(Failure::from));
        }
        let mut command = Command::new(self.command.first().unwrap_or(&OsString::new()));
        command.args(self.command.iter().skip(1));
        // The program must not use another tor of the user by accident.
        for name in VARIABLES {
            command.env_remove(name);
        }
        command.envs(running.variables());
        let result = program::run(context, &self.command, &mut command);
        // If the program has failed, its failure is returned, not that of
        // ending tor.
        result.and(process.stop().map_err(Failure::from))
    }

    /// Starts tor, waits until it is ready, and shows the progress meanwhile.
    fn start(&self, context: &Context) -> Result<TorProcess, Failure> {
        let mut launch = Launch::new()
            .control(Control::TcpPort)
            .timeout(context.network_timeout())
            .cancel_with(&context.token);
        if let Some(path) = &self.tor {
            launch = launch.program(path);
        }
        if let Some(path) = &self.torrc {
            launch = launch.torrc(&TorrcFiles::read(path)?.to_single());
        }
        if let Some(path) = &self.data_directory {
            launch = launch.data_directory(path);
        }
        for option in &self.options {
            launch = launch.option(option.name.as_str(), option.value.as_str());
        }
        if self.log {
            launch = launch.on_log(|line| print_error(printable(line)));
        }
        let busy = Arc::new(Busy::new("starting tor"));
        let shown = busy.clone();
        Ok(launch.on_progress(move |progress| shown.update(progress)).start()?)
    }
}

/// Waits until tor ends or a signal comes. Both are failures: the first with
/// the last log lines, and the second without a message.
fn wait(context: &Context, process: &TorProcess) -> Result<(), Failure> {
    loop {
        context.check_interrupt()?;
        match process.wait(POLL) {
            Ok(exit) => {
                context.check_interrupt()?;
                let log = process.log_tail();
                let last = log.iter().skip(log.len().saturating_sub(LAST_LINES));
                let last: Vec<String> = last.map(|line| printable(line)).collect();
                return Err(Failure::new(
                    Exit::NoTor,
                    format!(
                        "tor has ended by itself ({exit}); its log ends with:\n{}",
                        last.join("\n")
                    ),
                ));
            }
            Err(error) if error.kind() == ErrorKind::Timeout => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_split_at_the_first_equals_sign() {
        let option: TorOption = "Bridge=obfs4 1.2.3.4:5 cert=a".parse().unwrap();
        assert_eq!((&*option.name, &*option.value), ("Bridge", "obfs4 1.2.3.4:5 cert=a"));
        assert!("DisableNetwork".parse::<TorOption>().is_err());
    }
}
