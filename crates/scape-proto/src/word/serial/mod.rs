//! Serialized forms of values. The section "serde" of the crate's documentation
//! describes them.
//!
//! This module contains the macros and functions that all modules share. Types
//! with public fields derive `Serialize` at their declaration. Identifiers,
//! secrets and types with private fields are listed in the `serial` file of
//! their module.

#[macro_use]
mod text;
#[macro_use]
mod fields;

mod bytes;
mod table;
mod time;
mod words;

pub(crate) use bytes::{Hex, bytes, hex, path};
pub(crate) use table::{counts, durations, table};
pub(crate) use text::read;
pub(crate) use time::{Time, delays, seconds, time};
