//! Streams, and the circuits that they are attached to.

pub(crate) mod attach;
#[cfg(target_os = "linux")]
pub(crate) mod leaks;
pub(crate) mod via;
