//! tor's configuration: how its options are written.
//!
//! [`PortLine`] is the value of `SocksPort`, `ControlPort` and the like. [`value`] has the values of every type of option.

mod port_line;
pub mod value;

pub use port_line::{ParsePortLineError, PortAddress, PortFlag, PortLine, PortSwitch};
pub use value::{AutoBool, ConfigValueProblem, DataSize, FromConfigValue, ToConfigValue};
