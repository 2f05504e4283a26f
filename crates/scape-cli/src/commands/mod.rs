//! The commands, a file or folder each. A command is a type `Arguments`, which
//! clap fills in, with a method `run`.

pub(crate) mod conf;
pub(crate) mod doc;
pub(crate) mod events;
pub(crate) mod info;
pub(crate) mod launch;
pub(crate) mod log;
pub(crate) mod newid;
pub(crate) mod signal;
pub(crate) mod status;
#[cfg(unix)]
pub(crate) mod testnet;
