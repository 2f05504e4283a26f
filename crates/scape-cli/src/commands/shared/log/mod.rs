//! tor's log file and its lines.

pub(crate) mod file;
pub(crate) mod line;
pub(crate) mod severity;
