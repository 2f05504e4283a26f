//! torrc: tor's configuration as text.
//!
//! [`Torrc`] is a text that can be read and changed (`syntax`, `entry`, `document`, `line`, `edit`, `group`: bytes in,
//! values out); [`TorrcFiles`] is a file with all that it includes (`read`, with the patterns of `glob`), and `write`
//! puts a text into a file. [`TorrcComparison`] compares one with the configuration of a running tor.

mod compare;
mod document;
mod edit;
mod entry;
mod glob;
mod group;
mod line;
mod read;
mod syntax;
mod write;

pub use compare::{TorrcComparison, TorrcDifference};
pub use document::{Torrc, TorrcIter};
pub use entry::{TorrcEntry, TorrcMagic};
pub(crate) use group::is_of_a_service;
pub use read::{TorrcFile, TorrcFiles};
