//! Onion services: those that are in tor's configuration, with their keys on disk, and who may reach a service.

pub mod client_auth;
pub mod disk;
mod private_file;
mod reconfigure;
