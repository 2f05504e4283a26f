//! Tools for tests of this library and of programs that use it.
//!
//! [`ScriptedTor`] is a control port whose replies the test sets.
//! [`TestNetwork`] is a private Tor network of real tors.

mod network;
mod scripted;

pub use network::{NameServer, Node, RelayOptions, Role, TestNetwork, TestNetworkBuilder};
pub use scripted::{Script, ScriptError, ScriptProblem, ScriptedTor, ScriptedTorBuilder};
