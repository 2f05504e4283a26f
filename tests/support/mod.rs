//! Code that several of the integration tests use. Each of them is a crate of
//! its own and uses a part.
#![allow(dead_code)]

pub(crate) mod cases;
#[cfg(unix)]
pub(crate) mod command_table;
pub(crate) mod event;
pub(crate) mod happening;
pub(crate) mod impostor;
pub(crate) mod info;
#[cfg(feature = "geoip")]
pub(crate) mod mmdb;
pub(crate) mod mutation;
#[cfg(unix)]
pub(crate) mod real_tor;
#[cfg(feature = "https")]
pub(crate) mod tls_server;
pub(crate) mod transcript;
pub(crate) mod unknown_words;
pub(crate) mod web;
pub(crate) mod wiretap;
