//! Reading and writing the files of tor's configuration.
//!
//! [`TorrcFiles`] (`read.rs`) is a file with everything that it includes. The
//! patterns after `%include` are in `glob.rs`. [`write_torrc`] (`write.rs`)
//! replaces a file.

mod glob;
mod read;
mod write;

pub use read::{TorrcFile, TorrcFiles, read_torrc};
pub use write::write_torrc;
