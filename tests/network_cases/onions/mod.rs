//! Tests of onion services and their descriptors.

pub(crate) mod added;
#[cfg(feature = "onion-descriptor")]
mod balance;
pub(crate) mod descriptors;
pub(crate) mod disk;
pub(crate) mod services;
