//! The type [`ConfigError`]: an option that doesn't exist or can't be read, or
//! a change that isn't possible.

use std::fmt;

use crate::control::may_have_closed_ports;
use crate::error::{Cause, ErrorKind};

use scape_proto::control::Refusal;

/// An option that doesn't exist or can't be read, or a change that isn't
/// possible. tor's configuration wasn't changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The option, in tor's spelling if tor knows it. If several options are
    /// concerned, their names are separated by commas.
    pub option: Box<str>,
    /// The problem with the option, its value or the change.
    pub problem: ConfigProblem,
}

/// The problem of a [`ConfigError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// This tor has no option of this name.
    Unknown {
        /// The names of up to five options with a similar name.
        similar: Vec<String>,
    },
    /// The value can't be converted to the option's type.
    Value {
        /// The option's type, as tor calls it.
        ty: Box<str>,
        /// The given value, as `Debug` shows it, or a placeholder if the option
        /// is a secret.
        value: Box<str>,
        /// The reason why the value can't be converted.
        why: Box<str>,
    },
    /// The option's value can't be read as the requested Rust type.
    Read {
        /// The option's type, as tor calls it.
        ty: Box<str>,
        /// The reason why the value can't be read.
        why: Box<str>,
    },
    /// The option is in a group in which the order of lines matters. The
    /// options of such a group can only be changed together, with
    /// [`Config::set_group`](super::Config::set_group).
    InGroup {
        /// The group's name.
        group: Box<str>,
    },
    /// The option isn't a member of the group that
    /// [`Config::set_group`](super::Config::set_group) was called for.
    NotInGroup {
        /// The group's name.
        group: Box<str>,
    },
    /// The option takes a single value and is not a list.
    NoList {
        /// The option's type, as tor calls it.
        ty: Box<str>,
    },
    /// The list has no element with this index.
    NoElement {
        /// The index of the element, counted from 0.
        index: usize,
        /// The number of elements in the list.
        length: usize,
    },
    /// tor doesn't allow the option to be changed while it runs.
    Immutable,
    /// A value in the option's group isn't valid UTF-8. tor replaces a group as
    /// a whole, so this value would have to be sent back, and this library
    /// can't send it unchanged.
    NotText,
    /// Another program, or another [`Config`](super::Config) of this program,
    /// has changed the option since this `Config` began its pending change of
    /// the option.
    Conflict,
    /// tor refused the changes and made none of them. If tor couldn't open a
    /// port, it may have closed another port before.
    Refused(Box<Refusal>),
}

impl ConfigError {
    pub(crate) fn new(option: impl Into<Box<str>>, problem: ConfigProblem) -> Self {
        ConfigError { option: option.into(), problem }
    }

    /// Returns true if the problem is [`ConfigProblem::Conflict`]: the option
    /// was changed elsewhere while a [`Config`](super::Config) had a pending
    /// change of the option.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("config/names", "ContactInfo String\nNickname String").info("config/defaults", "")
    /// #     .on("GETCONF ContactInfo", "250 ContactInfo\r\n")
    /// #     .on("GETCONF Nickname", "250 Nickname=relay01\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let mut config = controller.config()?;
    /// # config.set("ContactInfo", "me")?;
    /// # tor.send("650-CONF_CHANGED\r\n650-ContactInfo=you\r\n650 OK\r\n");
    /// # controller.sync()?;
    /// use scape::config::ConfigError;
    ///
    /// // Another program has set the option in the meantime.
    /// if let Err(error) = config.save() {
    ///     assert!(error.get::<ConfigError>().is_some_and(ConfigError::is_conflict));
    /// }
    /// # assert!(config.save().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
                write!(f, "{option} ({ty}) cannot be read as the requested type: {why}")
            }
            ConfigProblem::InGroup { group } => write!(
                f,
                "{option} is in the group {group}, where the order of lines matters; change the \
                 group as a whole (Config::group, Config::set_group)"
            ),
            ConfigProblem::NotInGroup { group } => {
                write!(f, "{option} is not an option of the group {group}")
            }
            ConfigProblem::NoList { ty } => {
                write!(f, "{option} ({ty}) takes a single value and is not a list; use Config::set")
            }
            ConfigProblem::NoElement { index, length } => {
                write!(f, "{option} has no element with the index {index}: its length is {length}")
            }
            ConfigProblem::Immutable => write!(
                f,
                "{option} cannot be changed while tor runs; write it into the torrc and restart tor"
            ),
            ConfigProblem::NotText => {
                write!(
                    f,
                    "tor's value of {option} is not UTF-8, so it cannot be sent back; change it in the torrc"
                )
            }
            ConfigProblem::Conflict => write!(
                f,
                "{option} was changed elsewhere since this change was begun, and nothing was sent; \
                 see Config::conflicts, then keep the change (Config::overwrite) or drop it \
                 (Config::discard)"
            ),
            ConfigProblem::Refused(refusal) => {
                write!(f, "tor refused the change of {option} and changed nothing")?;
                if may_have_closed_ports(refusal) {
                    f.write_str(", but ports may have closed")?;
                }
                write!(f, ": {}", refusal.excerpt())?;
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
    fn error_texts_name_the_option_and_the_remedy() {
        let refusal = Refusal::new("SETCONF", vec![(513, "Unacceptable option value: no".into())]);
        for (problem, expected) in [
            (
                ConfigProblem::Unknown { similar: vec!["ORPort".into()] },
                "no option X; there is ORPort",
            ),
            (ConfigProblem::Immutable, "X cannot be changed while tor runs"),
            (ConfigProblem::Conflict, "Config::overwrite"),
            (
                ConfigProblem::Refused(Box::new(refusal)),
                "of X and changed nothing: Unacceptable option value: no",
            ),
        ] {
            let text = ConfigError::new("X", problem).to_string();
            assert!(text.contains(expected), "{text}");
        }
    }
}
