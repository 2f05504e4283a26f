//! tor's configuration: how its values are written.
//!
//! [`PortLine`] is the value of `SocksPort`, `ControlPort` and the like.

mod port_line;

pub use port_line::{ParsePortLineError, PortAddress, PortLine};
