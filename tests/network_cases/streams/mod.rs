//! Tests of streams, and of the circuits to which they are attached.

pub(crate) mod attach;
#[cfg(target_os = "linux")]
pub(crate) mod leaks;
pub(crate) mod via;
