//! tor's configuration: how its values are written.
//!
//! [`PortLine`] is the value of `SocksPort`, `ControlPort` and the like.
#![cfg_attr(feature = "manual", doc = "")]
#![cfg_attr(
    feature = "manual",
    doc = "[`Manual`] tells what each option means, where tor's manual page is installed."
)]

#[cfg(feature = "manual")]
mod manual;
mod port_line;

#[cfg(feature = "manual")]
pub use manual::{Manual, ManualEntry};
pub use port_line::{ParsePortLineError, PortAddress, PortLine};
