//! Creating directories that only this user may read.

use std::fs;
use std::io;
use std::path::Path;

/// Creates a directory and its missing parents.
#[cfg(unix)]
pub(super) fn private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Creates a directory and its missing parents.
#[cfg(not(unix))]
pub(super) fn private_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}
