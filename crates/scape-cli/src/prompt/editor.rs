//! Reads the lines of the prompt at a terminal, with a history and completions.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Editor, ExternalPrinter as _, Helper};

use super::completion::complete;
use super::interpreter::{Interpreter, Outcome};
use super::vocabulary::Vocabulary;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::print_error;
use crate::base::secrets::may_be_kept;

const PROMPT: &str = "tor> ";
/// The text in front of a line that belongs to the data of a command.
const DATA_PROMPT: &str = "...> ";
/// The maximum number of lines that the history keeps.
const HISTORY: usize = 1000;

/// The completion of words, as the editor of the crate `rustyline` needs it.
struct Completions {
    vocabulary: Vocabulary,
}

impl Completer for Completions {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let line = line.get(..position).unwrap_or(line);
        Ok(complete(line, |list| self.vocabulary.words(list)))
    }
}

impl Hinter for Completions {
    type Hint = String;
}
impl Highlighter for Completions {}
impl Validator for Completions {}
impl Helper for Completions {}

/// Reads lines at the terminal and runs them, until the user ends the prompt.
pub(super) fn edit(context: &Context, interpreter: &mut Interpreter<'_>) -> Result<(), Failure> {
    let failed = |error: ReadlineError| Failure::failed(format!("cannot read a line: {error}"));
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(false);
    let config = config.max_history_size(HISTORY).map_err(failed)?.build();
    let mut editor: Editor<Completions, DefaultHistory> =
        Editor::with_config(config).map_err(failed)?;
    let controller = interpreter.controller().clone();
    editor.set_helper(Some(Completions { vocabulary: Vocabulary::new(&controller) }));
    // Events appear above the line that the user types.
    if let Ok(mut printer) = editor.create_external_printer() {
        // The editor doesn't remove styles, so they are removed here if the
        // terminal shouldn't get them.
        let has_styles = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        interpreter.printer.replace(Box::new(move |line| {
            let line = match has_styles {
                true => line,
                false => anstream::adapter::strip_str(&line).to_string(),
            };
            drop(printer.print(line + "\n"));
        }));
    }
    let mut history = history_file().and_then(|path| match prepare(&path) {
        Ok(()) => Some(path),
        Err(error) => {
            tell_not_kept(context, &path, &error);
            None
        }
    });
    if let Some(path) = &history
        && let Err(error) = editor.load_history(path)
    {
        tell_not_kept(context, path, &error);
        // Adding lines to the file would fail, too.
        history = None;
    }
    restore_at_signals();
    let version = interpreter.controller().version()?;
    context.out.note(format_args!("Tor {version}. /help explains the commands, /quit ends."));
    read_lines(context, interpreter, &mut editor, history)
}

fn tell_not_kept(context: &Context, path: &Path, error: &dyn std::error::Error) {
    context.out.note(format_args!("cannot keep the history in {}: {error}", path.display()));
}

/// Makes a signal that ends the program switch the terminal's echo on again.
/// The editor switches the echo off while it reads a line.
#[cfg(unix)]
fn restore_at_signals() {
    use std::time::Duration;

    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    use crate::base::interrupt;

    if let Ok(settings) = tcgetattr(io::stdin()) {
        // A command that waits for a line doesn't notice signals, so the
        // program ends without waiting for it.
        interrupt::end_with(Duration::ZERO, move || {
            // An error only means that the terminal is closed.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &settings);
        });
    }
}

#[cfg(not(unix))]
fn restore_at_signals() {}

fn read_lines(
    context: &Context,
    interpreter: &mut Interpreter<'_>,
    editor: &mut Editor<Completions, DefaultHistory>,
    mut history: Option<PathBuf>,
) -> Result<(), Failure> {
    loop {
        context.check_interrupt()?;
        let prompt = if interpreter.has_open_data() { DATA_PROMPT } else { PROMPT };
        let line = match editor.readline(prompt) {
            Ok(line) => line,
            // Ctrl-C drops the line, and Ctrl-D ends the prompt.
            Err(ReadlineError::Interrupted) => {
                tell_dropped(interpreter);
                continue;
            }
            // In a data block, Ctrl-D only drops the block.
            Err(ReadlineError::Eof) if tell_dropped(interpreter) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                print_error("the input is not UTF-8: the line was dropped");
                continue;
            }
            Err(error) => return Err(Failure::failed(format!("cannot read a line: {error}"))),
        };
        let had_open_data = interpreter.has_open_data();
        for line in lines(&line) {
            context.check_interrupt()?;
            if !interpreter.has_open_data() && may_be_kept(line) {
                keep(context, editor, &mut history, line);
            }
            match interpreter.line(line.as_bytes()) {
                Ok(Outcome::Quit) => return Ok(()),
                Ok(_) => {}
                Err(failure) if !interpreter.is_connected() => return Err(failure),
                Err(failure) => {
                    failure.report();
                }
            }
        }
        if interpreter.has_open_data() && !had_open_data {
            print_error("type the data, then a line with a single dot; Ctrl-C drops the command");
        }
    }
}

/// Adds a line to the editor's history and to the history file. If the file
/// can't be written, tells the user, and sets `history` to `None`, so that no
/// more lines are written.
fn keep(
    context: &Context,
    editor: &mut Editor<Completions, DefaultHistory>,
    history: &mut Option<PathBuf>,
    line: &str,
) {
    // An entry may be left out, for example a repeated line, which isn't a
    // problem.
    let _ = editor.add_history_entry(line);
    // The line is written at once, because a signal may end the program, and
    // another prompt may use the same file.
    if let Some(path) = history
        && let Err(error) = editor.append_history(path)
    {
        tell_not_kept(context, path, &error);
        *history = None;
    }
}

/// Splits a text into lines. The editor may return several lines at once if the
/// user has pasted them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line))
}

/// Drops the command whose data is being entered, and tells the user. Returns
/// false if there is no such command.
fn tell_dropped(interpreter: &mut Interpreter<'_>) -> bool {
    let is_dropped = interpreter.forget_data();
    if is_dropped {
        print_error("the command and its data were dropped, and nothing was sent");
    }
    is_dropped
}

/// Returns the path of the history file. Returns `None` if neither
/// `XDG_STATE_HOME` nor `HOME` contains an absolute path.
fn history_file() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("scape/history"))
}

/// Creates the history file and its folder if they don't exist. Only the user
/// can read the file.
fn prepare(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // A pipe or a device could be read forever, and its mode must not be
    // changed.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::other("it isn't a file"));
    }
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(file);
    Ok(())
}
