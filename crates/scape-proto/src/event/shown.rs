//! Helpers for the `Display` of events, which writes one line for each event.

use std::fmt;

use crate::word::RelayName;

pub(super) use crate::word::InOneLine;

/// A relay that is displayed by its nickname, or by its fingerprint if the
/// nickname isn't known.
pub(super) struct Relay<'a>(pub(super) &'a RelayName);

impl fmt::Display for Relay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.nickname() {
            Some(nickname) => f.write_str(nickname),
            None => self.0.fmt(f),
        }
    }
}
