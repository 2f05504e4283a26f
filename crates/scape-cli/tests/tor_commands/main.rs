//! The commands on a real tor that isn't connected to a network, a module for
//! each.
//!
//! To run some of the tests, give a part of their name:
//! `cargo test -p scape-cli --test tor_commands status`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod conf;
mod conf_edit;
mod conf_torrc;
mod connecting;
mod doc;
mod events;
mod info;
mod launch;
mod log;
mod monitor;
mod onion;
mod prompt;
#[path = "../../../../tests/support/real_tor.rs"]
#[allow(dead_code)]
mod real_tor;
#[path = "../support/run.rs"]
#[allow(dead_code)]
mod run;
mod signal;
mod status;
#[cfg(target_os = "linux")]
mod stopped;
mod tables;
#[path = "../support/terminal.rs"]
#[allow(dead_code)]
mod terminal;
#[path = "../support/watching.rs"]
#[allow(dead_code)]
mod watching;
