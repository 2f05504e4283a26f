//! The errors of the control protocol, as [`Error`](super::Error) carries them.

use super::{Cause, ErrorKind};
use crate::protocol::{ArgumentError, Refusal};

impl Cause for Refusal {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Refused
    }

    fn refusal(&self) -> Option<&Refusal> {
        Some(self)
    }
}

impl Cause for ArgumentError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Argument
    }
}
