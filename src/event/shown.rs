//! How events are shown to people: in one line each.

use std::fmt::{self, Write};

use crate::types::RelayName;

/// A text in one line: control characters are written as in Rust's strings.
pub(super) struct OneLine<'a>(pub(super) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// A relay by its nickname, where that is known.
pub(super) struct Relay<'a>(pub(super) &'a RelayName);

impl fmt::Display for Relay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.nickname() {
            Some(nickname) => OneLine(nickname).fmt(f),
            None => self.0.fmt(f),
        }
    }
}
