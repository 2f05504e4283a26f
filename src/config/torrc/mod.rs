//! torrc: tor's configuration as text.
//!
//! [`Torrc`] is a text that can be read and changed (`entry`, `document`,
//! `line`, `edit`, `group`: bytes in, values out; tor's syntax is in
//! `protocol/torrc_line`); [`TorrcFiles`] is a file with all that it includes
//! (`read`, with the patterns of `glob`), and `write` puts a text into a file.
//! [`TorrcComparison`] compares one with the configuration of a running tor.

mod compare;
mod document;
mod edit;
mod entry;
mod glob;
mod group;
mod line;
mod read;
mod write;

pub use compare::{TorrcComparison, TorrcDifference};
pub use document::{Torrc, TorrcIter};
pub use entry::{TorrcEntry, TorrcMagic};
pub(crate) use group::is_of_a_service;
pub use read::{TorrcFile, TorrcFiles};
