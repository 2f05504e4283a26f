//! The type [`OwnerError`]: the process of a connection can't be determined.

use std::fmt;

use crate::error::{Cause, ErrorKind};

/// The reason why the process that a connection belongs to can't be determined.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnerError {
    /// This system is not Linux. The process of a connection can be found on
    /// Linux only.
    NotSupported,
    /// The connection exists, but this program isn't allowed to inspect the
    /// process that has it open. That process belongs to another user or runs
    /// in another container. A program that runs as root sees all processes.
    NotAllowed {
        /// The id of the user who opened the connection.
        uid: u32,
    },
    /// tor is on another machine. The client addresses that tor reports belong
    /// to that machine, not to this one.
    Remote {
        /// The address of tor's control port.
        control: Box<str>,
    },
    /// The tables in `/proc` can't be read.
    Unreadable {
        /// A text that names the table that can't be read, and the reason.
        problem: Box<str>,
    },
}

impl fmt::Display for OwnerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OwnerError::NotSupported => {
                f.write_str("the process of a connection can be found on Linux only")
            }
            OwnerError::NotAllowed { uid } => write!(
                f,
                "the connection belongs to a process of user {uid} that this program may not inspect; run it as that user or as root"
            ),
            OwnerError::Remote { control } => write!(
                f,
                "the tor at {control} is on another machine: its clients' processes can only be found there"
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
