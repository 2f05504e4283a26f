//! tor's configuration: how its options are written.
//!
//! [`PortLine`] is the value of `SocksPort`, `ControlPort` and the like. [`value`] has the values of every type of option.
//! [`Torrc`] is the text of a configuration file.

mod port_line;
mod torrc;
pub mod value;

pub use port_line::{ParsePortLineError, PortAddress, PortFlag, PortLine, PortSwitch};
pub(crate) use torrc::is_of_a_service;
pub use torrc::{
    Torrc, TorrcComparison, TorrcDifference, TorrcEntry, TorrcFile, TorrcFiles, TorrcIter, TorrcMagic,
};
pub use value::{AutoBool, ConfigValueProblem, DataSize, FromConfigValue, ToConfigValue};
