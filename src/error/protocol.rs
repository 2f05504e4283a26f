//! [`Cause`] for the errors of the control protocol, so that an
//! [`Error`](super::Error) can carry them.

use super::{Cause, ErrorKind};
use scape_proto::control::{ArgumentError, Refusal};
use scape_proto::netdoc::DocumentError;

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

impl Cause for DocumentError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Malformed
    }
}
