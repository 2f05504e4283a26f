//! Onion services and their descriptors.

pub(crate) mod added;
pub(crate) mod descriptors;
pub(crate) mod disk;
pub(crate) mod services;
