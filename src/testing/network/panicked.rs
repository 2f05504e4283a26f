//! The error for a thread that panicked.

use std::io;

use crate::error::Error;

/// Returns the error for a thread that started a node and panicked.
pub(super) fn panicked() -> Error {
    Error::io("start a node", io::Error::other("its thread panicked"))
}
