//! Code that several integration tests share. Each test is a separate crate and
//! uses a part of it.
#![allow(dead_code)]

#[cfg(unix)]
pub(crate) mod command_table;
pub(crate) mod happening;
pub(crate) mod impostor;
pub(crate) mod info;
#[cfg(feature = "geoip")]
pub(crate) mod mmdb;
#[path = "../../crates/scape-proto/tests/support/mutation.rs"]
pub(crate) mod mutation;
#[cfg(unix)]
pub(crate) mod real_tor;
#[cfg(feature = "https")]
pub(crate) mod tls_server;
#[path = "../../crates/scape-proto/tests/support/transcript.rs"]
pub(crate) mod transcript;
#[path = "../../crates/scape-proto/tests/support/unknown_words.rs"]
pub(crate) mod unknown_words;
pub(crate) mod web;
pub(crate) mod wiretap;
