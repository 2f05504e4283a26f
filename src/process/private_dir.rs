//! Temporary directories that only this user may read.

#[cfg(not(unix))]
use std::fs;
#[cfg(unix)]
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::private_file::create_private;

/// The beginning of the directories' names.
const PREFIX: &str = "scape-";

/// A temporary directory of mode 0700 that is removed with everything in it
/// when dropped.
///
/// A killed program can't remove its directories. On Unix, the directory
/// therefore contains a file that is locked as long as its owner lives: the
/// program that made the directory. Before a new directory is made,
/// [directories of dead owners are removed](super::sweep).
#[derive(Debug)]
pub(crate) struct PrivateDir {
    path: PathBuf,
    is_removed: bool,
    /// The lock file, which is locked as long as this value lives. `None` on a
    /// file system without locks.
    #[cfg(unix)]
    _lock: Option<File>,
}

impl PrivateDir {
    /// Creates a directory in the system's directory for temporary files. Its
    /// name begins with `scape-` and `kind`.
    pub(crate) fn new(kind: &str) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        let prefix = format!("{PREFIX}{kind}");
        builder.prefix(&prefix);
        #[cfg(unix)]
        {
            super::sweep::sweep(&std::env::temp_dir(), PREFIX);
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            let directory = builder.tempdir()?;
            let _lock = super::sweep::lock(directory.path())?;
            Ok(PrivateDir { path: directory.keep(), is_removed: false, _lock })
        }
        #[cfg(not(unix))]
        Ok(PrivateDir { path: builder.tempdir()?.keep(), is_removed: false })
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the file `name` in the directory. Doesn't create the
    /// file.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file that only this user may read, and returns its path. Fails
    /// if the file exists.
    pub(super) fn write(&self, name: &str, contents: &[u8]) -> io::Result<PathBuf> {
        let path = self.join(name);
        create_private(&path)?.write_all(contents)?;
        Ok(path)
    }

    /// Removes the directory. Like dropping it, but reports errors.
    pub(crate) fn close(mut self) -> io::Result<()> {
        self.remove()
    }

    fn remove(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.is_removed, true) {
            return Ok(());
        }
        #[cfg(unix)]
        let removed = super::sweep::remove(&self.path);
        #[cfg(not(unix))]
        let removed = fs::remove_dir_all(&self.path);
        removed.map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
        })
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            log::debug!(target: "scape::process", "cannot remove a temporary directory: {error}");
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::process::private_file::make_private;

    #[test]
    fn private_directory_is_readable_by_its_owner_only_and_removed() {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let dir = PrivateDir::new("").unwrap();
        let file = dir.write("torrc", b"x").unwrap();
        let deep = dir.join("a").join("b");
        make_private(&deep).unwrap();
        make_private(&deep).unwrap();
        assert_eq!((mode(dir.path()), mode(&file), mode(&deep)), (0o700, 0o600, 0o700));
        assert!(dir.write("torrc", b"y").is_err(), "a file that is there is not overwritten");
        let path = dir.path().to_owned();
        dir.close().unwrap();
        assert!(!path.exists());
    }
}
