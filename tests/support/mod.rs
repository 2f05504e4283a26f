//! Code that several of the integration tests use. Each of them is a crate of its own and uses a part.
#![allow(dead_code)]

#[cfg(unix)]
pub(crate) mod command_table;
pub(crate) mod event;
pub(crate) mod impostor;
#[cfg(unix)]
pub(crate) mod real_tor;
pub(crate) mod transcript;
pub(crate) mod wiretap;
