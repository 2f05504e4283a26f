//! File paths that tor reports.

use std::path::PathBuf;

/// Converts bytes to a path. On Unix, paths need not be UTF-8.
#[cfg(unix)]
pub fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

/// Converts bytes to a path. Bytes that aren't UTF-8 are replaced by U+FFFD.
#[cfg(not(unix))]
pub fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}
