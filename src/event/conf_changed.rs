//! CONF_CHANGED: options that have new values.

use std::fmt;

use super::shown::OneLine;
use crate::protocol::{ConfLine, REDACTED, Reply, is_secret_option, parse_conf_line};

/// Options that have new values, by a controller or by a new reading of the
/// torrc. control-spec, event CONF_CHANGED.
///
/// `Debug` and `Display` do not show the values that are secrets.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfChanged {
    /// The options, in tor's order and spelling, values as GETCONF gives them.
    /// An option that may be there several times comes with all of its values.
    /// One without a value was emptied: of a group, tor then says
    /// `SocksPortLines` or `HiddenServiceOptions`, and else the names of its
    /// members.
    pub options: Vec<ConfLine>,
}

impl ConfChanged {
    /// Reads the whole event: its name, a line for each value, and `OK`. `None`
    /// where it has not this form.
    pub(super) fn parse(reply: &Reply) -> Option<Self> {
        if reply.len() < 2 || reply.last().text != b"OK" {
            return None;
        }
        let lines = reply.lines().skip(1).take(reply.len() - 2);
        Some(ConfChanged { options: lines.map(|line| parse_conf_line(line.text)).collect() })
    }

    /// The new values of an option, whatever the case of its name; none where
    /// it was emptied, or did not change.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |line: &&ConfLine| line.name.eq_ignore_ascii_case(name);
        self.options.iter().filter(named).filter_map(|line| line.value.as_deref())
    }

    /// Whether an option has a new value, or none any more.
    pub fn contains(&self, name: &str) -> bool {
        self.options.iter().any(|line| line.name.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for ConfChanged {
    /// Such as `Nickname=relay01, ContactInfo`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, line) in self.options.iter().enumerate() {
            write!(f, "{}{}", if i > 0 { ", " } else { "" }, OneLine(&line.name))?;
            match &line.value {
                Some(_) if is_secret_option(&line.name) => write!(f, "={REDACTED}")?,
                Some(value) => write!(f, "={}", OneLine(value))?,
                None => {}
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ConfChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfChanged({:?})", self.to_string())
    }
}
