//! Lines of tor's configuration.

use std::fmt;

/// One line of GETCONF's answer: an option's name, in tor's spelling, and its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConfLine {
    /// The option's name as tor spells it; for a group such as `HiddenServiceOptions` the member's name.
    pub name: String,
    /// The value; `None` where the option is unset (which is not the same as an empty value).
    pub value: Option<String>,
}

impl ConfLine {
    /// The line `name value`, or an unset option.
    pub fn new(name: impl Into<String>, value: Option<String>) -> Self {
        ConfLine { name: name.into(), value }
    }
}

impl fmt::Display for ConfLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} {}", self.name, value),
            None => f.write_str(&self.name),
        }
    }
}
