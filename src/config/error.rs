//! A configuration that cannot be as it should.

use std::fmt;

use crate::error::{Cause, ErrorKind};

use crate::protocol::Refusal;

/// An option, or a change of one, that cannot be as it should. Nothing was
/// changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The option, in tor's spelling if tor knows it. Several options have
    /// commas between them.
    pub option: Box<str>,
    /// The problem.
    pub problem: ConfigProblem,
}

/// The problem of a [`ConfigError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// This tor has no such option.
    Unknown {
        /// Names that are like it.
        similar: Vec<String>,
    },
    /// The value is not of the option's type.
    Value {
        /// The option's type, as tor calls it.
        ty: Box<str>,
        /// The value as it was given, as `Debug` shows it; of options that are
        /// secrets, something in its place.
        value: Box<str>,
        /// The reason.
        why: Box<str>,
    },
    /// The option's value cannot be read as what was asked for.
    Read {
        /// The option's type, as tor calls it.
        ty: Box<str>,
        /// The reason.
        why: Box<str>,
    },
    /// Of this group's lines the order counts, so that its members are only
    /// changed together.
    InGroup {
        /// The group's name.
        group: Box<str>,
    },
    /// No such line is among the option's.
    NotInGroup {
        /// The group's name.
        group: Box<str>,
    },
    /// The option takes a single value and is not a list.
    NoList {
        /// The option's type, as tor calls it.
        ty: Box<str>,
    },
    /// The list is shorter.
    NoElement {
        /// The index of the element, counted from 0.
        index: usize,
        /// The number of elements.
        length: usize,
    },
    /// tor does not let it be changed while it runs.
    Immutable,
    /// tor's value is no UTF-8 text: it would be written back as another.
    NotText,
    /// Somebody else has changed the option since this change of it was begun.
    Conflict,
    /// tor did not take the changes: none of them.
    Refused(Box<Refusal>),
}

impl ConfigError {
    pub(crate) fn new(option: impl Into<Box<str>>, problem: ConfigProblem) -> Self {
        ConfigError { option: option.into(), problem }
    }

    /// Returns true if somebody else has changed an option meanwhile.
    pub fn is_conflict(&self) -> bool {
        self.problem == ConfigProblem::Conflict
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = &self.option;
        match &self.problem {
            ConfigProblem::Unknown { similar } => {
                write!(f, "this tor has no option {option}")?;
                if similar.is_empty() {
                    Ok(())
                } else {
                    write!(f, "; there is {}", similar.join(", "))
                }
            }
            ConfigProblem::Value { ty, value, why } => {
                write!(f, "{option} ({ty}) cannot be {value}: {why}")
            }
            ConfigProblem::Read { ty, why } => {
                write!(f, "{option} ({ty}) cannot be read as that: {why}")
            }
            ConfigProblem::InGroup { group } => write!(
                f,
                "{option} is a line of the group {group}, where the order counts and other lines may belong to it: change the \
                 group as a whole (Config::group, Config::set_group)"
            ),
            ConfigProblem::NotInGroup { group } => {
                write!(f, "{option} is no option of the group {group}")
            }
            ConfigProblem::NoList { ty } => {
                write!(f, "{option} ({ty}) has one value, and is no list: use Config::set")
            }
            ConfigProblem::NoElement { index, length } => {
                write!(f, "{option} has {length} elements, and so none with the index {index}")
            }
            ConfigProblem::Immutable => write!(
                f,
                "Transition not allowed: While Tor is running, changing {option} is not allowed (write it into the torrc, and \
                 start tor again)"
            ),
            ConfigProblem::NotText => {
                write!(
                    f,
                    "tor's value of {option} is no UTF-8, so that it cannot be sent back: change it in the torrc"
                )
            }
            ConfigProblem::Conflict => write!(
                f,
                "{option} has been changed by somebody else meanwhile; nothing was sent: look at Config::conflicts, then keep the change \
                 (Config::overwrite) or drop it (Config::discard)"
            ),
            ConfigProblem::Refused(refusal) => {
                write!(
                    f,
                    "tor does not take the change of {option}, and has changed nothing: {}",
                    refusal.excerpt()
                )?;
                match refusal.log() {
                    [] => Ok(()),
                    log => write!(f, "; its log says: {}", log.join("; ")),
                }
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl Cause for ConfigError {
    fn kind(&self) -> ErrorKind {
        match self.problem {
            ConfigProblem::Refused(_) => ErrorKind::Refused,
            _ => ErrorKind::Config,
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        match &self.problem {
            ConfigProblem::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_say_what_to_do() {
        let refusal = Refusal::new("SETCONF", vec![(513, "Unacceptable option value: no".into())]);
        for (problem, expected) in [
            (
                ConfigProblem::Unknown { similar: vec!["ORPort".into()] },
                "no option X; there is ORPort",
            ),
            (ConfigProblem::Immutable, "While Tor is running, changing X is not allowed"),
            (ConfigProblem::Conflict, "Config::overwrite"),
            (
                ConfigProblem::Refused(Box::new(refusal)),
                "of X, and has changed nothing: Unacceptable option value: no",
            ),
        ] {
            let text = ConfigError::new("X", problem).to_string();
            assert!(text.contains(expected), "{text}");
        }
    }
}
