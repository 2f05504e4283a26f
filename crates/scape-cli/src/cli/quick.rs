//! Parses a correct command line fast: without clap's descriptions of all
//! commands.
//!
//! These descriptions contain hundreds of options. Building them takes a
//! millisecond, which is as long as the rest of `scape status`. Here, only the
//! command that is called is described.

use std::ffi::OsString;

use clap::{Args, Command, FromArgMatches as _};

use super::Cli;
use super::{completions, man};
use crate::base::options::GlobalOptions;
use crate::commands;
use crate::monitor;
use crate::prompt;

/// Parses the words of a command line, the first of which is the name of the
/// program. Returns `None` if clap would print something: an error, the help or
/// the version. Then call [`Cli::try_parse`](clap::Parser::try_parse), which
/// returns that text as an error.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Option<Cli> {
    let matches = command().try_get_matches_from(words).ok()?;
    Cli::from_arg_matches(&matches).ok()
}

/// Returns clap's description of the command line, without help texts. Unlike
/// the description that [`Cli`] derives, this one doesn't contain the arguments
/// of a command until that command is called.
fn command() -> Command {
    let command = Command::new("scape").version(env!("CARGO_PKG_VERSION"));
    let command = command.propagate_version(true).subcommand_required(true);
    let commands = [
        later::<commands::status::Arguments>("status"),
        later::<commands::info::Arguments>("info"),
        later::<commands::conf::Arguments>("conf"),
        later::<commands::events::Arguments>("events"),
        later::<commands::log::Arguments>("log"),
        later::<commands::signal::Arguments>("signal"),
        later::<commands::newid::Arguments>("newid"),
        later::<commands::circuits::Arguments>("circuits"),
        later::<commands::streams::Arguments>("streams"),
        later::<commands::relays::Arguments>("relays"),
        later::<commands::guards::Arguments>("guards"),
        later::<commands::addresses::Arguments>("addresses"),
        later::<commands::onion::Arguments>("onion"),
        later::<commands::resolve::Arguments>("resolve"),
        later::<commands::get::Arguments>("get"),
        later::<commands::connect::Arguments>("connect"),
        later::<commands::proxy::Arguments>("proxy"),
        later::<commands::run::Arguments>("run"),
        later::<commands::doc::Arguments>("doc"),
        later::<commands::launch::Arguments>("launch"),
        #[cfg(unix)]
        later::<commands::testnet::Arguments>("testnet"),
        later::<monitor::Arguments>("monitor"),
        later::<prompt::Arguments>("prompt"),
        later::<completions::Arguments>("completions"),
        later::<man::Arguments>("man"),
    ];
    GlobalOptions::augment_args(command).subcommands(commands)
}

/// Returns the description of a command. The arguments are added only when the
/// command is called.
fn later<A: Args>(name: &'static str) -> Command {
    Command::new(name).defer(A::augment_args)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Returns the names and the options of a command and its subcommands, to
    /// compare two descriptions.
    fn shape(command: &Command) -> Vec<String> {
        let options = command.get_arguments().map(|option| format!("{option:?}"));
        // clap adds the options for help.
        let options = options.filter(|option| !option.contains("help"));
        let name = command.get_name().to_owned();
        // clap's own command `help` lists the others.
        let others = command.get_subcommands().filter(|below| below.get_name() != "help");
        let below = others.flat_map(shape);
        std::iter::once(name).chain(options).chain(below).collect()
    }

    #[test]
    fn every_command_is_described_as_in_the_help() {
        let (mut quick, mut whole) = (command(), Cli::command());
        quick.build();
        whole.build();
        assert_eq!(shape(&quick), shape(&whole));
    }

    #[test]
    fn only_correct_command_lines_are_parsed() {
        let parse = |line: &str| parse(line.split(' ').map(OsString::from));
        for line in ["scape status", "scape --json conf get", "scape onion key show x --json"] {
            assert!(parse(line).is_some(), "{line}");
        }
        for line in [
            "scape",
            "scape --version",
            "scape status --version",
            "scape --help",
            "scape help status",
            "scape status --help",
            "scape nonsense",
            "scape status nonsense",
        ] {
            assert!(parse(line).is_none(), "{line}");
        }
        assert!(parse("scape status --json").unwrap().options.json);
    }
}
