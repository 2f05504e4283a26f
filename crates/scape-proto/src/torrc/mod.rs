//! tor's configuration: torrc files, option values and port lines.
//!
//! [`Torrc`] is the text of a torrc, which can be read and changed.
//! [`TorrcComparison`] compares a torrc with the configuration of a running
//! tor. The [`value`] module converts option values to and from Rust types.

mod compare;
mod document;
mod edit;
mod entry;
mod group;
mod line;
mod names;
mod port_line;
#[cfg(feature = "serde")]
mod serial;
mod torrc_error;
pub mod value;

pub use compare::{TorrcComparison, TorrcDifference};
pub use document::{Torrc, TorrcIter};
pub use entry::{TorrcEntry, TorrcMagic};
pub use group::is_of_a_service;
pub use names::{begins_with, expanded, option_named};
pub use port_line::{ParsePortLineError, PortAddress, PortFlag, PortLine, PortSwitch};
pub use torrc_error::{ParseTorrcError, TorrcProblem};
