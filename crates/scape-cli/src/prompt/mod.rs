//! `scape prompt` runs an interpreter for the control protocol.
//!
//! `interpreter.rs` runs one line at a time, without a terminal. `editor.rs`
//! reads lines at a terminal. It has a history and the completions of
//! `completion.rs`, whose words are in `vocabulary.rs`. Without a terminal, the
//! lines are those of `--run` or of standard input (`input.rs`).

mod completion;
mod editor;
mod events;
mod help;
mod help_texts;
mod input;
mod interpreter;
mod line;
mod relay;
mod vocabulary;

use std::io::{self, IsTerminal as _};

use clap::Args;

use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use input::Lines;
use interpreter::{Interpreter, Outcome};

/// Talk to tor in the control protocol, with completion and help
///
/// Lines are commands of the control protocol, such as GETINFO version, or
/// commands of the prompt, such as /help. A line that begins with + is followed
/// by lines of data. A line with a single dot ends the data.
///
/// Without a terminal, the lines are read from standard input, and all of them
/// are run. The exit code is that of the first line that fails, for example 1
/// if tor refuses it. If the connection ends, no further line is run, and the
/// exit code is 3.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Run this line, then end. Can be repeated
    #[arg(long, value_name = "LINE")]
    run: Vec<String>,

    /// Show events of this kind, such as CIRC, from the beginning. Can be
    /// repeated
    #[arg(long, value_name = "KIND")]
    events: Vec<String>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut interpreter = Interpreter::new(context)?;
        if !self.events.is_empty() {
            interpreter.set_events(&self.events)?;
        }
        if !self.run.is_empty() {
            let lines = Lines::Given(self.run.into_iter());
            let result = run_script(context, &mut interpreter, lines);
            return result.and(interpreter.finish());
        }
        if io::stdin().is_terminal() && context.out.is_terminal() {
            return editor::edit(context, &mut interpreter);
        }
        run_script(context, &mut interpreter, Lines::of_stdin()?).and(interpreter.finish())
    }
}

/// Runs all lines. If a line fails, reports the failure and continues with the
/// next line. At the end, returns a failure without a message if a line has
/// failed. Returns a failure at once if the connection has ended.
fn run_script(
    context: &Context,
    interpreter: &mut Interpreter<'_>,
    mut lines: Lines,
) -> Result<(), Failure> {
    let mut result = Ok(());
    let mut number = 0_u64;
    while let Some(line) = lines.next(context, interpreter)? {
        number += 1;
        context.check_interrupt()?;
        match interpreter.line(&line) {
            Ok(Outcome::Quit) => return result,
            Ok(Outcome::Done | Outcome::MoreData) => {}
            // tor's answer is printed already.
            Ok(Outcome::Refused) => result = result.and(Err(Failure::silent(Exit::Failed))),
            // Without tor, no line can work.
            Err(failure) if !interpreter.is_connected() => return Err(failure),
            // Nobody reads what further lines would print.
            Err(failure) if failure.exit == Exit::NoReader => return result.and(Err(failure)),
            Err(failure) => {
                let failure = match std::str::from_utf8(&line) {
                    Ok(_) => failure,
                    // The line can't be shown, because it isn't UTF-8.
                    Err(_) => failure.while_doing(format_args!("line {number}")),
                };
                failure.report();
                result = result.and(Err(Failure::silent(failure.exit)));
            }
        }
    }
    if interpreter.has_open_data() {
        let failure = Failure::usage(
            "the data of the last command doesn't end with a line \".\", so nothing was sent",
        );
        failure.report();
        result = result.and(Err(Failure::silent(failure.exit)));
    }
    result
}
