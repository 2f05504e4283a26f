//! The commands on a scripted tor, whose answers the tests choose.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod current;
mod filters;
#[path = "../support/run.rs"]
#[allow(dead_code)]
mod run;
mod silent;
