//! tor's configuration: how its options are written.
//!
//! [`PortLine`] is the value of `SocksPort`, `ControlPort` and the like. [`value`] has the values of every type of option.
#![cfg_attr(feature = "manual", doc = "")]
#![cfg_attr(
    feature = "manual",
    doc = "[`Manual`] tells what each option means, where tor's manual page is installed."
)]

#[cfg(feature = "manual")]
mod manual;
mod port_line;
pub mod value;

#[cfg(feature = "manual")]
pub use manual::{Manual, ManualEntry};
pub use port_line::{ParsePortLineError, PortAddress, PortLine};
pub use value::{ConfigValueProblem, FromConfigValue, ToConfigValue};
