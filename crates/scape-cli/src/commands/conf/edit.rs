//! `scape conf edit` changes options in the user's editor.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use scape::Config;
use tempfile::TempPath;

use super::ask;
use super::change::{pending, print, save};
use super::edited::Snapshot;
use crate::base::background;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::output::{print_error, printable_lines};
use crate::base::program;

/// The editor that is used if neither VISUAL nor EDITOR is set.
const USUAL_EDITOR: &str = if cfg!(windows) { "notepad" } else { "vi" };

/// Edit the running configuration as a torrc
///
/// The options that differ from their defaults are opened in $VISUAL or
/// $EDITOR. The changes are then checked, shown, and sent with one command: tor
/// makes either all of them or none. If anything is refused, the edited text is
/// kept in a file, and the path of this file is printed. The torrc doesn't
/// change; see `scape conf save`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Don't ask before the changes are made
    #[arg(long, short)]
    yes: bool,

    /// Edit this file instead of the running configuration, for example a text
    /// that an earlier `scape conf edit` has kept
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut config = context.controller()?.config()?;
        let snapshot = Snapshot::read(&config)?;
        let begin = match &self.file {
            // The file may be a pipe that nobody writes to, so another thread
            // reads it.
            Some(path) => {
                let file = path.clone();
                background::run(context, || fs::read(file))?.map_err(|error| {
                    Failure::failed(format!("cannot read {}: {error}", path.display()))
                })?
            }
            None => snapshot.text().as_bytes().to_vec(),
        };
        let file = write(&begin)?;
        let result = self.edit(context, &mut config, &snapshot, &file);
        let is_edited = fs::read(&file).is_ok_and(|text| text != snapshot.text().as_bytes());
        match result {
            Err(failure) if is_edited => {
                let failure = keep(file, failure);
                // The failure of an interrupted command isn't printed later, so
                // it is printed here.
                if context.token.is_cancelled() {
                    print_error(printable_lines(&failure.message));
                }
                Err(failure)
            }
            result => result,
        }
    }

    fn edit(
        &self,
        context: &Context,
        config: &mut Config,
        snapshot: &Snapshot,
        file: &Path,
    ) -> Result<(), Failure> {
        let is_terminal = io::stdin().is_terminal();
        loop {
            open(context, file)?;
            let text = fs::read(file)
                .map_err(|error| Failure::failed(format!("cannot read the text: {error}")))?;
            config.discard_all();
            let refused = match snapshot.apply(config, &text) {
                Ok(()) => match self.make(context, config, is_terminal) {
                    Ok(Attempt::Made) => return Ok(()),
                    Ok(Attempt::Declined) => return Err(Failure::failed("nothing was changed")),
                    Err(failure) if failure.exit == Exit::Failed => failure,
                    Err(failure) => return Err(failure),
                },
                Err(failure) => failure,
            };
            if !is_terminal || self.yes {
                return Err(refused);
            }
            // This is printed with --json, too, because the question below
            // refers to it.
            print_error(printable_lines(&refused.message));
            if !ask::yes(context, "Edit the text again? [y/N]")? {
                return Err(refused);
            }
        }
    }

    /// Shows the changes, asks the user to confirm them, and makes them. If
    /// there is no terminal to ask at (`is_terminal` is false), returns a
    /// failure instead of asking.
    fn make(
        &self,
        context: &Context,
        config: &mut Config,
        is_terminal: bool,
    ) -> Result<Attempt, Failure> {
        let changes = pending(config);
        if changes.is_empty() {
            context.out.note("nothing was changed");
            return Ok(Attempt::Made);
        }
        if !context.out.is_json() {
            print(context, &changes)?;
        }
        if !self.yes {
            if !is_terminal {
                return Err(Failure::failed(
                    "nothing was changed, because there is no terminal to ask at: use --yes",
                ));
            }
            if context.out.is_json() {
                changes.iter().for_each(|change| print_error(change.describe()));
            }
            if !ask::yes(context, "Make these changes? [y/N]")? {
                return Ok(Attempt::Declined);
            }
        }
        save(config)?;
        if context.out.is_json() {
            print(context, &changes)?;
        }
        Ok(Attempt::Made)
    }
}

/// The result of trying to make the changes in the edited text. Errors are
/// returned as failures instead.
#[derive(Debug)]
enum Attempt {
    /// The changes were made, or there were none.
    Made,
    /// The user declined the changes.
    Declined,
}

/// Writes a text to a new temporary file that only this user can read. The file
/// is removed when the result is dropped.
fn write(text: &[u8]) -> Result<TempPath, Failure> {
    let create = || {
        let mut file = tempfile::Builder::new().prefix("scape-").suffix(".torrc").tempfile()?;
        file.write_all(text)?;
        Ok(file.into_temp_path())
    };
    create().map_err(|error: io::Error| {
        Failure::failed(format!(
            "cannot write a file for the editor into {}: {error}; set TMPDIR",
            env::temp_dir().display()
        ))
    })
}

/// Makes the temporary file with the edited text permanent, and adds its path
/// to the message of `failure`.
fn keep(file: TempPath, failure: Failure) -> Failure {
    let kept = match file.keep() {
        Ok(path) => format!(
            "the edited text is kept in {0}: continue with `scape conf edit --file {0}`",
            path.display()
        ),
        Err(error) => format!("the edited text can't be kept: {error}"),
    };
    match failure.message.is_empty() {
        true => Failure::new(failure.exit, kept),
        false => Failure::new(failure.exit, format!("{}\n{kept}", failure.message)),
    }
}

/// Opens a file in the user's editor, and waits until the editor ends.
fn open(context: &Context, file: &Path) -> Result<(), Failure> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let editor = variable("VISUAL").or_else(|| variable("EDITOR"));
    let editor = editor.unwrap_or_else(|| USUAL_EDITOR.into());
    let mut command = editor_command(&editor, file);
    let name = editor.to_string_lossy().into_owned();
    program::run(context, &[editor], &mut command).map_err(|failure| match failure.exit {
        Exit::Program(_) if context.token.is_cancelled() => Failure::silent(Exit::Interrupted),
        Exit::Program(code) => {
            let advice = "set VISUAL or EDITOR to an editor that works";
            Failure::failed(format!("the editor {name} ended with exit code {code}: {advice}"))
        }
        _ => failure,
    })
}

/// Returns the command that opens `file` in `editor`. `editor` is the value of
/// `VISUAL` or `EDITOR`, which may contain arguments, as in `code --wait`, so a
/// shell splits it.
#[cfg(unix)]
fn editor_command(editor: &OsString, file: &Path) -> Command {
    let mut line = editor.clone();
    line.push(" \"$1\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).arg("sh").arg(file);
    command
}

#[cfg(not(unix))]
fn editor_command(editor: &OsString, file: &Path) -> Command {
    let mut command = Command::new(editor);
    command.arg(file);
    command
}
