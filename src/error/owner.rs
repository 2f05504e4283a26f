//! The process at the other end of a connection that could not be told.

use std::fmt;

/// Why the process that a connection belongs to cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnerError {
    /// This takes Linux.
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
        /// Where tor is controlled.
        control: Box<str>,
    },
    /// The system's tables cannot be read.
    Unreadable {
        /// What was to be read, and why it cannot.
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
