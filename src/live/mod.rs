//! tor's live state and its configuration, kept up to date by events.

pub mod config;
pub mod state;
