//! Parts of the `Display` of events, which is one line each.

use std::fmt::{self, Write};

use crate::word::RelayName;

/// Displays a text in one line. Control characters are escaped as in Rust
/// strings.
pub(super) struct OneLine<'a>(pub(super) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(char::is_control) {
            return f.write_str(self.0);
        }
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// A writer that keeps everything in one line. Control characters are escaped
/// as in Rust strings.
pub(super) struct InOneLine<'a, 'b>(pub(super) &'a mut fmt::Formatter<'b>);

impl Write for InOneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write!(self.0, "{}", OneLine(text))
    }
}

/// Displays a relay by its nickname if that is known.
pub(super) struct Relay<'a>(pub(super) &'a RelayName);

impl fmt::Display for Relay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.nickname() {
            Some(nickname) => OneLine(nickname).fmt(f),
            None => self.0.fmt(f),
        }
    }
}
