//! Files and directories that this program has made, and how they are removed
//! again.

use std::ffi::{OsStr, OsString};
use std::io;

use super::PrivateDirectory;

/// A file or directory that this program has made in a directory, and may have
/// to remove again.
#[derive(Debug)]
#[must_use = "if a later step fails, it has to be removed"]
pub(in super::super) struct Made {
    parent: PrivateDirectory,
    name: OsString,
    is_directory: bool,
}

impl Made {
    /// Writes a new file of mode 0600, completely or not at all. The file
    /// belongs to the owner of the directory `parent`.
    ///
    /// If the file exists already, it isn't overwritten, and the kind of the
    /// error is [`io::ErrorKind::AlreadyExists`].
    pub(in super::super) fn file(
        parent: &PrivateDirectory,
        name: &str,
        content: &[u8],
    ) -> io::Result<Made> {
        parent.write_new(name, content)?;
        Ok(Made { parent: parent.clone(), name: name.into(), is_directory: false })
    }

    /// Creates a directory of mode 0700 in the directory `parent`, and opens
    /// it. The new directory belongs to the user `owner`. If `owner` is `None`,
    /// it belongs to the owner of `parent`. After an error, no directory is
    /// left.
    pub(in super::super) fn directory(
        parent: &PrivateDirectory,
        name: &OsStr,
        owner: Option<u32>,
    ) -> io::Result<(PrivateDirectory, Made)> {
        let directory = parent.make(name, owner)?;
        let made = Made { parent: parent.clone(), name: name.into(), is_directory: true };
        Ok((directory, made))
    }

    /// Removes the file or directory. A directory that isn't empty stays.
    pub(in super::super) fn remove(self) {
        // If this fails, there is nothing else to try.
        let _ = match self.is_directory {
            true => self.parent.remove_directory(&self.name),
            false => self.parent.remove_file(&self.name),
        };
    }
}
