//! The error type of this crate, [`Error`], and the specific errors that
//! several modules share.
//!
//! [`Error`] is opaque. A program decides by [`Error::kind`] what to do. It
//! gets the details from the specific error that [`Error::get`] returns, for
//! example [`SocksError`](crate::socks::SocksError). Each module defines its
//! own specific error and implements `Cause` for it, so a new specific error
//! needs no change in this module.
//!
//! An error is cheap to clone, `Send` and `Sync`, because one failure is often
//! reported to several waiting callers. The error's `Display` text says what
//! was requested, what tor answered (with tor's full text) and what to do. The
//! text doesn't repeat the error's `source()`.

mod answer;
mod cancelled;
mod debug;
mod io_error;
pub(crate) mod kind;
pub(crate) mod opaque;
mod protocol;
mod timeout;

pub use answer::AnswerError;
pub use cancelled::Cancelled;
pub(crate) use debug::write_with_sources;
pub use io_error::IoError;
pub(crate) use kind::ErrorKind;
pub(crate) use opaque::{Cause, Error, Result};
pub use timeout::{Phase, Timeout};
