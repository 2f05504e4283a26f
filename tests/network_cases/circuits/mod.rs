//! Circuits: built, chosen, commanded, and what the directory says of their
//! relays.

pub(crate) mod building;
pub(crate) mod commands;
pub(crate) mod directory;
pub(crate) mod paths;
