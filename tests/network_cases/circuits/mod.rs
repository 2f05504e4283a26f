//! Tests of circuits: building, path selection, commands, and directory
//! information about their relays.

pub(crate) mod building;
pub(crate) mod commands;
pub(crate) mod directory;
pub(crate) mod paths;
