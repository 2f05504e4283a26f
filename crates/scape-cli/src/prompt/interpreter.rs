//! Runs the lines of the prompt: sends commands to tor, and prints the replies.

use scape::control::{Command, Reply};
use scape::event::EventKind;
use scape::{Controller, Registration};
use serde::Serialize;

use super::events::{self, Printer};
use super::line::Line;
use super::{help, relay};
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::output::{print_error, printable, printable_lines};
use crate::base::units;

/// The result of running a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// tor refused the command, and the reply was printed.
    Refused,
    /// The line began or continued the data of a command, so the next line
    /// belongs to the data, too.
    MoreData,
    Quit,
}

/// An interpreter that runs the lines of the prompt, one at a time, and prints
/// the results.
#[derive(Debug)]
pub(super) struct Interpreter<'a> {
    context: &'a Context,
    controller: Controller,
    pub(super) printer: Printer,
    events: Option<Registration>,
    /// The number of lost events about which the user was already told.
    told_lost: u64,
    /// The command whose data is being entered. `None` if the next line is a
    /// new command.
    open: Option<Open>,
    /// True after tor has accepted a command that tells it to end. The end of
    /// the connection is then no failure.
    is_ending: bool,
}

/// A command whose data is being entered.
#[derive(Debug)]
struct Open {
    /// The first line of the command. `None` if this line was rejected. Then
    /// the data is read, too, but dropped.
    line: Option<String>,
    data: Vec<u8>,
}

/// A reply of tor to a command, as it is printed with `--json`.
#[derive(Debug, Serialize)]
struct ReplyValue {
    /// The command. Secrets in it are replaced.
    command: String,
    /// The code of the reply's last line. Codes from 200 to 299 mean success.
    code: u16,
    lines: Vec<ReplyLineValue>,
}

/// A help text, as `/help` prints it with `--json`.
#[derive(Debug, Serialize)]
struct HelpValue {
    help: String,
}

#[derive(Debug, Serialize)]
struct ReplyLineValue {
    code: u16,
    text: String,
    /// The data block that follows the line. `null` if no data follows.
    data: Option<String>,
}

impl<'a> Interpreter<'a> {
    /// Connects to tor, and creates the interpreter.
    pub(super) fn new(context: &'a Context) -> Result<Self, Failure> {
        let controller = context.controller()?;
        let printer = Printer::to(context.out.clone());
        Ok(Interpreter {
            context,
            controller,
            printer,
            events: None,
            told_lost: 0,
            open: None,
            is_ending: false,
        })
    }

    pub(super) fn controller(&self) -> &Controller {
        &self.controller
    }

    pub(super) fn is_connected(&self) -> bool {
        self.controller.is_open()
    }

    /// Returns true if the next line belongs to the data of a command.
    pub(super) fn has_open_data(&self) -> bool {
        self.open.is_some()
    }

    /// Drops the command whose data is being entered. Returns false if there is
    /// no such command.
    pub(super) fn forget_data(&mut self) -> bool {
        self.open.take().is_some()
    }

    /// Returns a failure if the connection has ended. This is no failure if the
    /// user has told tor to end.
    pub(super) fn check_connection(&self) -> Result<(), Failure> {
        match self.controller.closed() {
            Some(closed) if !self.is_ending => Err(Failure::new(Exit::NoTor, closed)),
            _ => Ok(()),
        }
    }

    /// Runs a line, without its line end. A line of a command's data may
    /// contain any bytes. Other lines must be UTF-8.
    pub(super) fn line(&mut self, bytes: &[u8]) -> Result<Outcome, Failure> {
        self.tell_lost();
        if let Some(mut open) = self.open.take() {
            if bytes.trim_ascii_end() == b"." {
                return match open.line {
                    Some(line) => self.command(&line, Some(&open.data)),
                    None => Ok(Outcome::Done),
                };
            }
            open.data.extend_from_slice(bytes);
            open.data.push(b'\n');
            self.open = Some(open);
            return Ok(Outcome::MoreData);
        }
        let Ok(line) = std::str::from_utf8(bytes) else {
            // Data follows the line, and must not be mistaken for commands.
            if bytes.trim_ascii_start().starts_with(b"+") {
                self.open = Some(Open { line: None, data: Vec::new() });
            }
            return Err(Failure::usage("the line is not UTF-8, and was not sent"));
        };
        match Line::parse(line) {
            Line::Nothing => Ok(Outcome::Done),
            Line::Quit => Ok(Outcome::Quit),
            Line::Help(words) => {
                let help = help::help(&self.controller, &words)?;
                match self.context.out.is_json() {
                    true => self.context.out.value(&HelpValue { help })?,
                    false => self.context.out.line(printable_lines(&help))?,
                }
                Ok(Outcome::Done)
            }
            Line::Info(relay) => {
                relay::show(self.context, &self.controller, relay)?;
                Ok(Outcome::Done)
            }
            Line::Events(kinds) => {
                self.set_events(&kinds)?;
                Ok(Outcome::Done)
            }
            Line::Unknown(word) => {
                Err(Failure::usage(format!("{word} is unknown: /help lists the commands")))
            }
            Line::WithData(command) => {
                self.open = Some(Open { line: Some(command.to_owned()), data: Vec::new() });
                Ok(Outcome::MoreData)
            }
            Line::Command(command) => self.command(command, None),
        }
    }

    /// Prints events of these kinds from now on, in place of the previous
    /// kinds. An empty list, or only the word `off`, ends the printing of
    /// events.
    pub(super) fn set_events<S: AsRef<str>>(&mut self, words: &[S]) -> Result<(), Failure> {
        let words = words.iter().map(AsRef::as_ref);
        let words: Vec<&str> = words.filter(|word| !word.eq_ignore_ascii_case("off")).collect();
        let kinds: Vec<EventKind> =
            words.iter().map(|word| EventKind::from(word.to_ascii_uppercase().as_str())).collect();
        self.tell_lost();
        self.events = None;
        self.told_lost = 0;
        if !kinds.is_empty() {
            let controller = &self.controller;
            self.events =
                Some(events::watch(controller, &kinds, &self.context.out, &self.printer)?);
        }
        Ok(())
    }

    /// Tells the user how many events were lost since the last call. Does
    /// nothing if no events were lost.
    pub(super) fn tell_lost(&mut self) {
        let lost = self.events.as_ref().map_or(0, Registration::lost);
        let new = lost.saturating_sub(self.told_lost);
        if new > 0 {
            self.told_lost = lost;
            let events = units::plural(new, "event");
            print_error(format_args!("lost {events}, because they came faster than the output"));
        }
    }

    /// Waits until all events that tor has sent so far are printed. Then ends
    /// the printing of events. Called before the prompt ends.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        // When tor has answered, all events before this moment have arrived.
        let synced = match self.events.is_some() && self.is_connected() {
            true => self.controller.sync(),
            false => Ok(()),
        };
        self.tell_lost();
        let Some(events) = self.events.take() else { return Ok(()) };
        synced?;
        Ok(events.finish(self.context.timeout())?)
    }

    fn command(&mut self, line: &str, data: Option<&[u8]>) -> Result<Outcome, Failure> {
        let shown = Command::raw(line, data).map_err(scape::Error::from)?;
        let reply = match data {
            Some(data) => self.controller.msg_with_data(line, data)?,
            None => self.controller.msg(line)?,
        };
        self.is_ending |= reply.is_ok() && ends_tor(line);
        self.print(&shown, &reply)?;
        Ok(if reply.is_ok() { Outcome::Done } else { Outcome::Refused })
    }

    fn print(&self, command: &Command, reply: &Reply) -> Result<(), Failure> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if self.context.out.is_json() {
            let lines = reply.lines().map(|line| ReplyLineValue {
                code: line.code,
                text: text(line.text),
                data: line.data.map(text),
            });
            return self.context.out.value(&ReplyValue {
                command: command.to_string(),
                code: reply.code(),
                lines: lines.collect(),
            });
        }
        let mut lines = Vec::new();
        let last = reply.len().saturating_sub(1);
        for (number, line) in reply.lines().enumerate() {
            let mark = match line.data {
                Some(_) => '+',
                None if number == last => ' ',
                None => '-',
            };
            let words = printable(&text(line.text));
            lines.push(format!("{}{mark}{words}", line.code));
            if let Some(data) = line.data {
                lines.extend(text(data).lines().map(printable));
                lines.push(".".into());
            }
        }
        self.context.out.line(lines.join("\n"))
    }
}

/// Returns true if `line` is a command that tells tor to end.
fn ends_tor(line: &str) -> bool {
    let words: Vec<String> = line.split_whitespace().map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(words.as_slice(), ["SIGNAL", "HALT" | "TERM" | "SHUTDOWN" | "INT"])
}
