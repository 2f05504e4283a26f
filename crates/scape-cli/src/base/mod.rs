//! The parts that all commands use, such as options, output and failures.

pub(crate) mod background;
pub(crate) mod busy;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod environment;
pub(crate) mod failure;
pub(crate) mod interrupt;
pub(crate) mod options;
pub(crate) mod output;
mod password;
pub(crate) mod program;
pub(crate) mod secrets;
pub(crate) mod suspension;
pub(crate) mod table;
pub(crate) mod threads;
pub(crate) mod units;
mod writer;
