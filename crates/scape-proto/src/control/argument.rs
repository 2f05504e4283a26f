//! The error for arguments that are rejected before they are used.

use std::fmt;

/// The error for an invalid argument of a command, a method or a setting. If
/// the argument belongs to a command, no part of the command was sent, and
/// `Display` says so.
#[derive(Clone, PartialEq, Eq)]
pub struct ArgumentError {
    command: Box<str>,
    argument: Box<str>,
    problem: ArgumentProblem,
}

error_debug!(ArgumentError);

/// The reason why an argument was rejected, which is part of an
/// [`ArgumentError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgumentProblem {
    /// The argument contains a character that isn't allowed in it. CR, LF and
    /// NUL would end the command. A space or a quote isn't allowed if tor
    /// expects a single word without quotes.
    Character {
        /// The offending character. A byte that isn't text is shown as U+FFFD.
        character: char,
        /// The position of the offending character, in bytes from the start of
        /// the argument.
        position: usize,
    },
    /// The argument is empty, so tor would take the next argument in its place.
    Empty,
    /// The command would have 1 MiB or more. tor closes the connection on such
    /// a command.
    TooLong {
        /// The length of the whole command in bytes.
        length: usize,
    },
    /// The running tor doesn't know the argument.
    Unknown {
        /// The arguments that tor knows. Empty if tor has no list of them.
        known: Vec<String>,
    },
    /// The argument is malformed. The text completes the sentence "the argument
    /// …".
    Invalid(Box<str>),
    /// tor 0.4.9 would answer this command twice or not at all, or would crash
    /// or exit. The text says what tor would do.
    Hazard(Box<str>),
}

impl ArgumentError {
    /// Creates the error for the argument that is named `argument`. `command`
    /// is the keyword of the command, in capitals, or the name of the method or
    /// type that rejected the argument.
    ///
    /// ```
    /// use scape_proto::control::{ArgumentError, ArgumentProblem};
    ///
    /// let error = ArgumentError::new("GETINFO", "key", ArgumentProblem::Empty);
    /// assert_eq!(error.to_string(), "GETINFO: the key is empty; nothing was sent");
    /// ```
    pub fn new(command: &str, argument: &str, problem: ArgumentProblem) -> Self {
        ArgumentError { command: command.into(), argument: argument.into(), problem }
    }

    /// Creates the error for a malformed argument. `why` completes the sentence
    /// "the argument …". For the other parameters, see [`new`](Self::new).
    ///
    /// ```
    /// use scape_proto::control::ArgumentError;
    ///
    /// let error = ArgumentError::invalid("GETINFO", "key", "is not a key");
    /// assert_eq!(error.to_string(), "GETINFO: the key is not a key; nothing was sent");
    /// // Settings are never sent.
    /// let error = ArgumentError::invalid("Connect", "timeout", "is too long");
    /// assert_eq!(error.to_string(), "Connect: the timeout is too long");
    /// ```
    pub fn invalid(command: &str, argument: &str, why: impl Into<String>) -> Self {
        Self::new(command, argument, ArgumentProblem::Invalid(why.into().into_boxed_str()))
    }

    /// Returns the command's keyword, or the name of the method or type that
    /// rejected the argument.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns the argument's name. The argument's value isn't part of the
    /// error, because it may be a secret.
    pub fn argument(&self) -> &str {
        &self.argument
    }

    /// Returns the reason why the argument was rejected.
    pub fn problem(&self) -> &ArgumentProblem {
        &self.problem
    }

    /// Returns true if the argument belongs to a command. A command's keyword
    /// is in capitals, but the names of types and methods have small letters.
    fn is_of_command(&self) -> bool {
        !self.command.contains(|c: char| c.is_ascii_lowercase())
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (command, argument) = (&self.command, &self.argument);
        match &self.problem {
            ArgumentProblem::Character { character, position } => write!(
                f,
                "{command}: the {argument} may not contain {character:?} (at byte {position})"
            )?,
            ArgumentProblem::Empty => write!(f, "{command}: the {argument} is empty")?,
            ArgumentProblem::TooLong { length } => write!(
                f,
                "{command}: the command has {length} bytes with its {argument}, but tor accepts fewer than 1048576"
            )?,
            ArgumentProblem::Unknown { known } => {
                write!(f, "{command}: this tor does not know the {argument}")?;
                return match &**known {
                    [] => Ok(()),
                    known => write!(f, "; it knows {}", known.join(", ")),
                };
            }
            ArgumentProblem::Invalid(why) => write!(f, "{command}: the {argument} {why}")?,
            ArgumentProblem::Hazard(why) => {
                return write!(f, "{command} was not sent: {why} ({argument})");
            }
        }
        if self.is_of_command() { f.write_str("; nothing was sent") } else { Ok(()) }
    }
}

impl std::error::Error for ArgumentError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_commands_say_that_nothing_was_sent() {
        for problem in [
            ArgumentProblem::Character { character: '\n', position: 1 },
            ArgumentProblem::Empty,
            ArgumentProblem::TooLong { length: 1 << 20 },
            ArgumentProblem::Invalid("is wrong".into()),
        ] {
            for (command, is_command) in [
                ("GETINFO", true),
                ("ONION_CLIENT_AUTH_ADD", true),
                ("", true),
                ("Launch::option", false),
                ("OnionBuilder", false),
                ("connect", false),
            ] {
                let error = ArgumentError::new(command, "value", problem.clone()).to_string();
                assert_eq!(error.ends_with("; nothing was sent"), is_command, "{error}");
                assert!(error.starts_with(&format!("{command}: the ")), "{error}");
            }
        }
        let unknown = ArgumentProblem::Unknown { known: vec!["A".into(), "B".into()] };
        let error = ArgumentError::new("SIGNAL", "signal", unknown).to_string();
        assert_eq!(error, "SIGNAL: this tor does not know the signal; it knows A, B");
    }
}
