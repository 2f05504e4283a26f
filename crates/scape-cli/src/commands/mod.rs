//! The commands. Each command has its own file or folder, with a type
//! `Arguments` that clap fills in. The method `run` of this type runs the
//! command.

pub(crate) mod addresses;
pub(crate) mod circuits;
pub(crate) mod conf;
pub(crate) mod connect;
pub(crate) mod doc;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod guards;
pub(crate) mod info;
pub(crate) mod launch;
pub(crate) mod log;
pub(crate) mod newid;
pub(crate) mod onion;
pub(crate) mod proxy;
pub(crate) mod relays;
pub(crate) mod resolve;
pub(crate) mod run;
pub(crate) mod shared;
pub(crate) mod signal;
pub(crate) mod status;
pub(crate) mod streams;
#[cfg(unix)]
pub(crate) mod testnet;
mod traffic;
