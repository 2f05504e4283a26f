//! Circuits: choosing their relays, and attaching streams to them.

pub mod attach;
pub mod path;
