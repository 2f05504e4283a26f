//! Prints results on standard output, as text or as JSON. Ctrl-C and SIGTERM
//! don't wait for a program that has stopped reading: see `writer`.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use anstream::ColorChoice;
use serde::Serialize;

use super::failure::Failure;
use super::writer::{Writer, is_ready};

static STDOUT: Writer = Writer::new(|| is_ready(io::stdout()));
static STDERR: Writer = Writer::new(|| is_ready(io::stderr()));

/// The standard output of a command, in text or JSON.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Output { json }
    }

    /// Returns true if the user has asked for JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Returns true if the output is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Returns the width of the terminal in columns. Returns `None` if the
    /// output isn't a terminal or the width isn't known.
    pub(crate) fn width(&self) -> Option<u16> {
        if !self.is_terminal() {
            return None;
        }
        terminal_size::terminal_size().map(|(width, _)| width.0)
    }

    /// Prints a text and a line end. Colors are removed if the user doesn't
    /// want them, or if the output isn't a terminal.
    pub(crate) fn line(&self, text: impl fmt::Display) -> Result<(), Failure> {
        let mut text = format!("{text}\n");
        STDOUT.write(text.len(), move || {
            let mut out = anstream::stdout().lock();
            // anstream would write the texts between two styles one by one, and
            // each of them would be a write of its own.
            if out.current_choice() == ColorChoice::Never {
                text = anstream::adapter::strip_str(&text).to_string();
            }
            out.write_all(text.as_bytes())?;
            out.flush()
        })
    }

    /// Prints a table. If the table has no rows, `empty` is a note that says
    /// so. It is printed on standard error. The table's heading is then printed
    /// only if the output isn't a terminal, because a program that reads the
    /// output may expect it.
    pub(crate) fn table(&self, table: &str, empty: Option<String>) -> Result<(), Failure> {
        if let Some(note) = empty {
            self.note(note);
            if self.is_terminal() {
                return Ok(());
            }
        }
        self.line(table)
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&self, bytes: Vec<u8>) -> Result<(), Failure> {
        print_bytes(bytes)
    }

    /// Prints a value as one line of JSON.
    pub(crate) fn value(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.values([value])
    }

    /// Prints values as lines of JSON.
    pub(crate) fn values<T: Serialize>(
        &self,
        values: impl IntoIterator<Item = T>,
    ) -> Result<(), Failure> {
        let mut lines = String::new();
        for value in values {
            lines.push_str(&json_line(&value)?);
            lines.push('\n');
        }
        self.bytes(lines.into_bytes())
    }

    /// Prints a value as JSON that is indented for people.
    pub(crate) fn pretty(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.bytes(json_pretty(value)?.into_bytes())
    }

    /// Prints a note for the user on standard error. Control characters other
    /// than line ends are escaped. Prints nothing if the user has asked for
    /// JSON.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        if !self.json {
            tell(text);
        }
    }
}

/// Prints text on standard error, also with `--json`. For problems that the
/// output doesn't show. Control characters other than line ends are escaped.
pub(crate) fn tell(text: impl fmt::Display) {
    print_error(printable_lines(&text.to_string()));
}

/// Prints a text and a line end on standard error, without escaping. Errors are
/// ignored, because there is no other place to report them.
pub(crate) fn print_error(text: impl fmt::Display) {
    let text = text.to_string();
    let _ = STDERR.write(text.len(), move || {
        let mut error = anstream::stderr().lock();
        writeln!(error, "{text}")?;
        error.flush()
    });
}

/// Prints bytes on standard output, as they are.
pub(crate) fn print_bytes(bytes: Vec<u8>) -> Result<(), Failure> {
    STDOUT.write(bytes.len(), move || {
        let mut out = io::stdout().lock();
        out.write_all(&bytes)?;
        out.flush()
    })
}

/// Makes text from tor or a peer safe for a terminal: control characters, and
/// characters that change the direction of text, are escaped.
pub(crate) fn printable(text: &str) -> String {
    escape(text, is_unsafe)
}

/// Like [`printable`], but keeps line ends.
pub(crate) fn printable_lines(text: &str) -> String {
    escape(text, |letter| letter != '\n' && is_unsafe(letter))
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_escaped(letter) {
            true => safe.extend(letter.escape_default()),
            false => safe.push(letter),
        }
    }
    safe
}

fn is_unsafe(letter: char) -> bool {
    let is_direction =
        matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(letter, '\u{2066}'..='\u{2069}');
    letter.is_control() || is_direction
}

/// Returns a value as a line of JSON without the line end.
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map(printable_json).map_err(not_json)
}

/// Returns a value as indented lines of JSON, each with a line end.
fn json_pretty(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(not_json)?;
    Ok(printable_json(text + "\n"))
}

fn not_json(error: serde_json::Error) -> Failure {
    Failure::failed(format!("cannot write JSON: {error}"))
}

/// Escapes characters that control a terminal but may occur unescaped in JSON.
/// In JSON, they occur only inside strings. Line ends occur only outside of
/// strings, so they are kept.
fn printable_json(text: String) -> String {
    let is_escaped = |letter| letter != '\n' && is_unsafe(letter);
    if !text.contains(is_escaped) {
        return text;
    }
    let letters = text.chars().map(|letter| match is_escaped(letter) {
        true => format!("\\u{:04x}", u32::from(letter)),
        false => letter.to_string(),
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\x1b[31mé\n"), "a\\u{1b}[31mé\\n");
        assert_eq!(printable_lines("a\u{9b}\u{202e}\r\n"), "a\\u{9b}\\u{202e}\\r\n");
    }

    #[test]
    fn control_characters_in_json_are_escaped() {
        let text = "é\u{9b}31m\u{7f}\u{202e}\n";
        let line = printable_json(serde_json::to_string(text).unwrap());
        assert_eq!(line, "\"é\\u009b31m\\u007f\\u202e\\n\"");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }

    #[test]
    fn control_characters_in_indented_json_are_escaped() {
        let text = "\u{9b}31m\u{7f}\u{202e}\n";
        let lines = json_pretty(&[text]).unwrap();
        assert_eq!(lines, "[\n  \"\\u009b31m\\u007f\\u202e\\n\"\n]\n");
        assert_eq!(serde_json::from_str::<[String; 1]>(&lines).unwrap(), [text]);
    }

    #[test]
    fn characters_that_change_the_order_of_text_are_escaped() {
        assert_eq!(printable("\u{202e}gpj.exe\u{2069}"), "\\u{202e}gpj.exe\\u{2069}");
        let all = "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{2066}\u{85}";
        assert!(printable(all).is_ascii());
        // Letters of languages that are written from right to left stay.
        assert_eq!(printable("\u{5d0}\u{200d}"), "\u{5d0}\u{200d}");
    }
}
