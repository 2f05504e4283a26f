//! Endpoint strings that cannot be used.

use std::fmt;

use crate::error::{Cause, ErrorKind};

/// An endpoint (`tor:…` or `onion:…`) that cannot be used. Nothing was done. It
/// never repeats a value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError {
    option: Option<Box<str>>,
    position: Option<usize>,
    problem: EndpointProblem,
}

/// The problem of an [`EndpointError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointProblem {
    /// It begins with neither of the kinds that there are.
    Kind,
    /// It is of the other kind than is needed here.
    OtherKind {
        /// The kind that is needed: `tor` or `onion`.
        needed: &'static str,
    },
    /// There is nothing where a value, a name or a part should be.
    Empty,
    /// A backslash stands before something else than a colon, an equals sign or
    /// a backslash.
    Escape,
    /// There is no option of this name.
    Unknown {
        /// The options that there are.
        known: Vec<&'static str>,
    },
    /// A part has no name, and all that may go without one are there already.
    Unnamed {
        /// The options that there are.
        known: Vec<&'static str>,
    },
    /// The option is given twice.
    Doubled,
    /// The option has to be given.
    Missing,
    /// The option cannot be given together with another.
    Conflict {
        /// The other option.
        with: &'static str,
    },
    /// The option means nothing without another.
    Needs {
        /// The other option.
        other: &'static str,
    },
    /// The value is malformed; the text says how.
    Invalid(Box<str>),
}

impl EndpointError {
    /// Something that is wrong with no option in particular.
    pub(crate) fn new(problem: EndpointProblem) -> Self {
        EndpointError { option: None, position: None, problem }
    }

    /// Something that is wrong with `option`.
    pub(crate) fn of(option: &str, problem: EndpointProblem) -> Self {
        EndpointError { option: Some(option.into()), ..Self::new(problem) }
    }

    /// The value of `option` has not the form that `why` describes.
    pub(crate) fn invalid(option: &str, why: impl Into<String>) -> Self {
        Self::of(option, EndpointProblem::Invalid(why.into().into_boxed_str()))
    }

    /// The same, found at this byte of the text.
    pub(crate) fn at(self, position: usize) -> Self {
        EndpointError { position: Some(position), ..self }
    }

    /// Returns the option's name, if the problem is with one.
    pub fn option(&self) -> Option<&str> {
        self.option.as_deref()
    }

    /// Returns the position of the problem, in bytes from the text's start, or
    /// `None` if the endpoint was not made from a text.
    pub fn position(&self) -> Option<usize> {
        self.position
    }

    /// Returns the problem.
    pub fn problem(&self) -> &EndpointProblem {
        &self.problem
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("endpoint")?;
        if let Some(option) = &self.option {
            write!(f, ": option {option:?}")?;
        }
        if let Some(position) = self.position {
            write!(f, ", at byte {position}")?;
        }
        f.write_str(": ")?;
        match &self.problem {
            EndpointProblem::Kind => {
                f.write_str("it begins with neither tor: nor onion:, as in tor:example.com:80 and onion:80")
            }
            EndpointProblem::OtherKind { needed } => {
                write!(f, "one that begins with {needed}: is needed here")
            }
            EndpointProblem::Empty => {
                f.write_str(
                "there is nothing between this colon and the next, or the end (an IPv6 address is written in brackets)",
            )
            }
            EndpointProblem::Escape => f.write_str(
                "a backslash stands only before a colon, an equals sign or a backslash, \
                 as in controlPort=unix\\:/run/tor/control",
            ),
            EndpointProblem::Unknown { known } => {
                write!(f, "there is no option of this name; there are {}", known.join(", "))
            }
            EndpointProblem::Unnamed { known } => write!(
                f,
                "this part has no name: options are written name=value, and a colon within a value \\:, or an IPv6 \
                 address in brackets; there are {}",
                known.join(", ")
            ),
            EndpointProblem::Doubled => f.write_str("it is given twice"),
            EndpointProblem::Missing => f.write_str("it must be given"),
            EndpointProblem::Conflict { with } => write!(f, "it cannot be given together with {with:?}"),
            EndpointProblem::Needs { other } => write!(f, "it means nothing without {other:?}"),
            EndpointProblem::Invalid(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for EndpointError {}

impl Cause for EndpointError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Argument
    }
}
