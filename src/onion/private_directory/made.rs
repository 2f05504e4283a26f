//! Files and directories that this program has made, and how they are removed
//! again.

use std::ffi::OsString;

use super::PrivateDirectory;

/// A file or directory that this program has made in a directory.
#[derive(Debug)]
#[must_use = "if a later step fails, it has to be removed"]
pub(in super::super) struct Made {
    parent: PrivateDirectory,
    name: OsString,
    is_directory: bool,
}

impl Made {
    pub(super) fn file(parent: &PrivateDirectory, name: impl Into<OsString>) -> Self {
        Made { parent: parent.clone(), name: name.into(), is_directory: false }
    }

    pub(super) fn directory(parent: &PrivateDirectory, name: impl Into<OsString>) -> Self {
        Made { parent: parent.clone(), name: name.into(), is_directory: true }
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
