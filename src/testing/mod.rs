//! For tests, of this library and of programs that use it: a tor that says what
//! the test wants ([`ScriptedTor`]), and a private Tor network of real tors
//! ([`TestNetwork`]).

mod network;
mod scripted;

pub use network::{NameServer, Node, RelayOptions, Role, TestNetwork, TestNetworkBuilder};
pub use scripted::{Script, ScriptError, ScriptProblem, ScriptedTor, ScriptedTorBuilder};
