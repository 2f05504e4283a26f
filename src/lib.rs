//! A synchronous, thread-based controller library for Tor.

pub mod error;
pub mod socks;
pub mod transport;
pub mod types;

pub use error::{Error, Result};
