//! A synchronous, thread-based controller library for Tor.

pub mod error;
// First, for its macro.
#[macro_use]
pub mod types;

pub mod connection;
pub mod controller;
pub mod event;
pub mod protocol;
pub mod socks;
pub mod transport;

pub use connection::{ConnectionStatus, Listener, PendingReply, QueueLimit, Subscription};
pub use controller::{AddOnion, AddedOnion, BuildCircuit, Connect, Controller, WeakController, connect};
pub use error::{Error, Result};
