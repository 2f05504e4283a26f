//! [`EndpointError`]: an endpoint that can't be used.

use std::fmt;

use crate::error::{Cause, ErrorKind};

/// The error for an endpoint (`tor:…` or `onion:…`) that can't be used. No
/// connection through tor was made, and no service was added. The error doesn't
/// repeat the values of options, because they may be secrets. The only
/// exception is the path of a `privateKeyFile`.
///
/// ```
/// use scape::endpoint::{ClientEndpoint, EndpointProblem};
///
/// let error = "tor:example.com".parse::<ClientEndpoint>().unwrap_err();
/// assert_eq!(*error.problem(), EndpointProblem::Missing);
/// assert_eq!((error.option(), error.position()), (Some("port"), Some(15)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError {
    option: Option<Box<str>>,
    position: Option<usize>,
    problem: EndpointProblem,
}

/// The problem of an endpoint that can't be used: the details of an
/// [`EndpointError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointProblem {
    /// The text begins with neither `tor:` nor `onion:`.
    Kind,
    /// The endpoint is of the wrong kind: `tor` instead of `onion`, or the
    /// reverse.
    OtherKind {
        /// The required kind: `tor` or `onion`.
        needed: &'static str,
    },
    /// A part of the endpoint is empty, or the name or the value in a part is
    /// empty.
    Empty,
    /// A backslash precedes something other than a colon, an equals sign or a
    /// backslash.
    Escape,
    /// The name of a part isn't the name of an option.
    Unknown {
        /// The names of all options of this kind of endpoint.
        known: Vec<&'static str>,
    },
    /// Too many parts have no name. In `tor:`, only the host and the port need
    /// no name. In `onion:`, only the port needs none.
    Unnamed {
        /// The names of all options of this kind of endpoint.
        known: Vec<&'static str>,
    },
    /// The option is given twice, but may only be given once.
    Doubled,
    /// The option is required but missing.
    Missing,
    /// The option can't be combined with another option that is set.
    Conflict {
        /// The name of the other option.
        with: &'static str,
    },
    /// The option requires another option, which isn't set.
    Needs {
        /// The name of the other option.
        other: &'static str,
    },
    /// The option's value is invalid. The text is the reason, such as "must be
    /// true or false".
    Invalid(Box<str>),
}

impl EndpointError {
    /// Creates an error without an option and a position.
    pub(crate) fn new(problem: EndpointProblem) -> Self {
        EndpointError { option: None, position: None, problem }
    }

    /// Creates an error about `option`, without a position.
    pub(crate) fn of(option: &str, problem: EndpointProblem) -> Self {
        EndpointError { option: Some(option.into()), ..Self::new(problem) }
    }

    /// Creates an error for an invalid value of `option`, without a position.
    /// `why` completes a sentence about the value, such as "must be a port".
    pub(crate) fn invalid(option: &str, why: impl Into<String>) -> Self {
        Self::of(option, EndpointProblem::Invalid(why.into().into_boxed_str()))
    }

    /// Sets the position of the problem in bytes from the start of the text.
    pub(crate) fn at(self, position: usize) -> Self {
        EndpointError { position: Some(position), ..self }
    }

    /// Returns the name of the option that the problem is about. Returns `None`
    /// if the problem is about the whole text or about a part without a known
    /// name.
    pub fn option(&self) -> Option<&str> {
        self.option.as_deref()
    }

    /// Returns the position of the problem in bytes from the start of the text,
    /// or `None` if the endpoint wasn't parsed from a text.
    pub fn position(&self) -> Option<usize> {
        self.position
    }

    /// Returns the problem of the endpoint.
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
                f.write_str("must begin with tor: or onion:, as in tor:example.com:80 and onion:80")
            }
            EndpointProblem::OtherKind { needed } => {
                write!(f, "must begin with {needed}:")
            }
            EndpointProblem::Empty => {
                f.write_str(
                "nothing between this colon and the next one or the end; write an IPv6 address in brackets",
            )
            }
            EndpointProblem::Escape => f.write_str(
                "a backslash may only precede a colon, an equals sign or a backslash, \
                 as in controlPort=unix\\:/run/tor/control",
            ),
            EndpointProblem::Unknown { known } => {
                write!(f, "unknown option; the options are {}", known.join(", "))
            }
            EndpointProblem::Unnamed { known } => write!(
                f,
                "this part has no name: write name=value; within a value, write a colon as \\: or an IPv6 \
                 address in brackets; the options are {}",
                known.join(", ")
            ),
            EndpointProblem::Doubled => f.write_str("given more than once"),
            EndpointProblem::Missing => f.write_str("required, but missing"),
            EndpointProblem::Conflict { with } => write!(f, "can't be combined with {with:?}"),
            EndpointProblem::Needs { other } => write!(f, "requires {other:?}"),
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
