//! For tests, of this library and of programs that use it: a tor that says what the test wants.

mod scripted;

pub use scripted::{Script, ScriptError, ScriptProblem, ScriptedTor, ScriptedTorBuilder};
