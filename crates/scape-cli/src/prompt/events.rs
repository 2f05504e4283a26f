//! Prints events while the user types.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use scape::connection::QueueLimit;
use scape::event::{Event, EventKind};
use scape::{Controller, Registration};
use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::output::{Output, json_line, printable};

/// The maximum number of events that wait to be printed. If more events come,
/// they are lost.
const MOST: usize = 10_000;

/// A function that prints a text. At a terminal, it prints above the line that
/// the user is typing.
pub(super) type Print = Box<dyn FnMut(String) + Send>;

/// The function that prints events. It can be replaced while events are
/// printed, because the editor has its own. Clones share the function.
#[derive(Clone)]
pub(super) struct Printer(Arc<Mutex<Print>>);

impl fmt::Debug for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Printer(..)")
    }
}

impl Printer {
    /// Returns a printer that writes to standard output.
    pub(super) fn to(out: Output) -> Self {
        // Errors are ignored, because there is no other place to report them.
        Printer(Arc::new(Mutex::new(Box::new(move |line| drop(out.line(line))))))
    }

    pub(super) fn replace(&self, print: Print) {
        *self.0.lock() = print;
    }

    fn print(&self, line: String) {
        (self.0.lock())(line);
    }
}

/// An event, as it is printed with `--json`.
#[derive(Debug, Serialize)]
struct EventLine<'a> {
    /// The kind of the event, such as `CIRC`.
    event: &'a str,
    /// The event as tor sent it, without the code 650.
    text: String,
}

/// Starts to print events of these kinds. Dropping the result stops the
/// printing.
pub(super) fn watch(
    controller: &Controller,
    kinds: &[EventKind],
    out: &Output,
    printer: &Printer,
) -> Result<Registration, Failure> {
    let (is_json, printer) = (out.is_json(), printer.clone());
    let kinds = kinds.iter().cloned();
    let print = move |event: &Event| printer.print(line_of(event, is_json));
    Ok(controller.on_event_with(kinds, QueueLimit::Bounded(MOST), print)?)
}

fn line_of(event: &Event, is_json: bool) -> String {
    if is_json {
        // This can't fail, because a text can always be serialized.
        return json_of(event.kind().as_str(), event.text()).unwrap_or_default();
    }
    let dim = anstyle::Style::new().dimmed();
    let text = event.text();
    let lines = text.lines().map(|line| format!("{dim}650 {}{dim:#}", printable(line)));
    lines.collect::<Vec<_>>().join("\n")
}

fn json_of(event: &str, text: String) -> Result<String, Failure> {
    json_line(&EventLine { event, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_the_json_of_events_are_escaped() {
        let line = json_of("NOTICE", "NOTICE \u{9b}31m\u{202e}".into()).unwrap();
        assert_eq!(line, r#"{"event":"NOTICE","text":"NOTICE \u009b31m\u202e"}"#);
    }
}
