//! Standard output: text for people, or JSON for programs.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use super::failure::Failure;

/// The output of a command.
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

    /// Returns true if a person reads the output at a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Returns the width of the terminal in columns. Returns `None` if the
    /// output goes elsewhere.
    pub(crate) fn width(&self) -> Option<u16> {
        if !self.is_terminal() {
            return None;
        }
        terminal_size::terminal_size().map(|(width, _)| width.0)
    }

    /// Prints a text and a line end. Colors are left out unless they are
    /// wanted.
    pub(crate) fn line(&self, text: impl fmt::Display) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        writeln!(out, "{text}")?;
        Ok(out.flush()?)
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Prints a value as one line of JSON.
    pub(crate) fn value(&self, value: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(value)
            .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    }

    /// Prints values as lines of JSON.
    pub(crate) fn values<T: Serialize>(
        &self,
        values: impl IntoIterator<Item = T>,
    ) -> Result<(), Failure> {
        let mut lines = Vec::new();
        for value in values {
            serde_json::to_writer(&mut lines, &value)
                .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
            lines.push(b'\n');
        }
        self.bytes(&lines)
    }

    /// Tells the user on standard error what a command has done. Prints nothing
    /// if the user has asked for JSON.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        if !self.json {
            anstream::eprintln!("{text}");
        }
    }
}

/// Makes text from tor or a peer safe for a terminal: control characters are
/// escaped, and so are those that end lines or change the direction of text.
pub(crate) fn printable(text: &str) -> String {
    let changes_order = |letter| {
        matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .flat_map(|letter| match letter.is_control() || changes_order(letter) {
            true => letter.escape_default().collect::<Vec<_>>(),
            false => vec![letter],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\x1b[31mé\n"), "a\\u{1b}[31mé\\n");
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
