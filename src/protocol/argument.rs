//! Arguments that are refused before anything is sent.

use std::fmt;

/// An argument that cannot be sent. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentError {
    command: Box<str>,
    argument: Box<str>,
    problem: ArgumentProblem,
}

/// The problem of an [`ArgumentError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgumentProblem {
    /// It holds a character that would end or split the command: CR, LF, NUL,
    /// or a space, quote or the like where tor takes a single bare word.
    Character {
        /// The offending character. (A byte that is not text is shown as
        /// U+FFFD.)
        character: char,
        /// The position, in bytes from the argument's start.
        position: usize,
    },
    /// It is empty, and tor would take the next argument for it.
    Empty,
    /// The command would be longer than tor reads (1 MiB), whereupon it closes
    /// the connection.
    TooLong {
        /// The length of the whole command.
        length: usize,
    },
    /// It is not one of what this tor knows.
    Unknown {
        /// The words that tor knows, if there is a list.
        known: Vec<String>,
    },
    /// It is malformed; the text says how.
    Invalid(Box<str>),
    /// tor 0.4.9 answers this twice, not at all, or by crashing; the text says
    /// which.
    Hazard(Box<str>),
}

impl ArgumentError {
    /// `argument` of `command` cannot be sent, because of `problem`.
    pub(crate) fn new(command: &str, argument: &str, problem: ArgumentProblem) -> Self {
        ArgumentError { command: command.into(), argument: argument.into(), problem }
    }

    /// `argument` of `command` has not the form that `why` describes.
    pub(crate) fn invalid(command: &str, argument: &str, why: impl Into<String>) -> Self {
        Self::new(command, argument, ArgumentProblem::Invalid(why.into().into_boxed_str()))
    }

    /// The command's keyword, or the name of the method or type that refuses.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The name of the argument. (Never its value: it may be a secret.)
    pub fn argument(&self) -> &str {
        &self.argument
    }

    /// Returns the problem.
    pub fn problem(&self) -> &ArgumentProblem {
        &self.problem
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (command, argument) = (&self.command, &self.argument);
        match &self.problem {
            ArgumentProblem::Character { character, position } => write!(
                f,
                "{command}: the {argument} may not contain {character:?} (at byte {position}); nothing was sent"
            ),
            ArgumentProblem::Empty => {
                write!(f, "{command}: the {argument} is empty; nothing was sent")
            }
            ArgumentProblem::TooLong { length } => write!(
                f,
                "{command}: with this {argument} the command has {length} bytes, but tor reads fewer than 1048576; \
                 nothing was sent"
            ),
            ArgumentProblem::Unknown { known } => {
                write!(f, "{command}: this tor does not know the {argument}")?;
                if known.is_empty() { Ok(()) } else { write!(f, "; it knows {}", known.join(", ")) }
            }
            ArgumentProblem::Invalid(why) => {
                write!(f, "{command}: the {argument} {why}; nothing was sent")
            }
            ArgumentProblem::Hazard(why) => write!(f, "{command} was not sent: {why} ({argument})"),
        }
    }
}

impl std::error::Error for ArgumentError {}
