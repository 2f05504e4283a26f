//! The process at the other end of a connection, if it can't be found out.

use std::fmt;

use crate::error::{Cause, ErrorKind};

/// The process that a connection belongs to can't be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnerError {
    /// This works on Linux only.
    NotSupported,
    /// The connection is there, but none of the processes that may be looked
    /// into has it: it belongs to one of another user, or in another container.
    /// A program that runs as root sees all of them.
    NotAllowed {
        /// The user who opened the connection.
        uid: u32,
    },
    /// tor is on another machine, and tells its clients' addresses as they are
    /// there.
    Remote {
        /// The address at which tor is controlled.
        control: Box<str>,
    },
    /// The system's tables cannot be read.
    Unreadable {
        /// The table that was to be read, and the reason why it can't.
        problem: Box<str>,
    },
}

impl fmt::Display for OwnerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OwnerError::NotSupported => {
                f.write_str("which process a connection belongs to can be told on Linux only")
            }
            OwnerError::NotAllowed { uid } => write!(
                f,
                "the connection belongs to a process of user {uid} that this program may not look into: run it as that user, or as root"
            ),
            OwnerError::Remote { control } => write!(
                f,
                "the tor at {control} is on another machine: its clients' processes can be told there only"
            ),
            OwnerError::Unreadable { problem } => {
                write!(f, "the processes' connections cannot be read: {problem}")
            }
        }
    }
}

impl std::error::Error for OwnerError {}

impl Cause for OwnerError {
    fn kind(&self) -> ErrorKind {
        match self {
            OwnerError::Unreadable { .. } => ErrorKind::Io,
            _ => ErrorKind::NotFound,
        }
    }
}
