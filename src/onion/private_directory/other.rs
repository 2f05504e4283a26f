//! Directories on systems other than Unix. This library gives files to other
//! users only on Unix.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::super::private_file;

/// A directory for key files, known by its path.
#[derive(Debug, Clone)]
pub(in super::super) struct PrivateDirectory {
    path: PathBuf,
}

impl PrivateDirectory {
    /// Returns a handle for a directory, which must exist.
    pub(in super::super) fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let directory = PrivateDirectory { path: path.to_owned() };
        match directory.metadata()?.is_dir() {
            true => Ok(directory),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(in super::super) fn metadata(&self) -> io::Result<Metadata> {
        fs::metadata(&self.path)
    }

    /// Creates the directory `name` in this one. `_owner` is ignored, because
    /// files are given to other users only on Unix.
    pub(super) fn make(&self, name: &OsStr, _owner: Option<u32>) -> io::Result<PrivateDirectory> {
        let path = self.path.join(name);
        fs::create_dir(&path)?;
        Ok(PrivateDirectory { path })
    }

    /// Writes a new file, completely or not at all. If the file exists already,
    /// it isn't overwritten, and the kind of the error is
    /// [`io::ErrorKind::AlreadyExists`].
    pub(super) fn write_new(&self, name: &str, content: &[u8]) -> io::Result<()> {
        private_file::save_new(&self.path.join(name), content)
    }

    pub(in super::super) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    /// Removes the empty directory `name` in this one.
    pub(super) fn remove_directory(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    /// Returns true without locking the directory, so other programs aren't
    /// kept out. Another lock makes this program's threads take turns.
    pub(super) fn try_lock(&self) -> bool {
        true
    }

    pub(super) fn unlock(&self) {}
}
