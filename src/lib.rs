//! A synchronous, thread-based controller library for Tor.

pub mod error;
// First, for its macro.
#[macro_use]
pub mod types;
pub mod event;
pub mod protocol;

pub use error::{Error, Result};
