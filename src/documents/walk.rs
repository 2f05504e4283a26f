//! Finding the files in a directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::names;

/// An iterator over a file, or over the files in a directory, sorted by their
/// names.
///
/// Only the listings of the directories above the current file are kept in
/// memory. A symbolic link is followed only if it is the start of the walk.
/// Other kinds of files, such as sockets, and files with private keys are left
/// out.
#[derive(Debug)]
pub(super) struct Walk {
    /// The entries that are to be visited. The last entry in the list is
    /// visited next.
    pending: Vec<Entry>,
    is_recursive: bool,
}

#[derive(Debug)]
struct Entry {
    path: PathBuf,
    is_directory: bool,
}

/// A path that can't be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

impl Walk {
    pub(super) fn new(start: &Path, is_recursive: bool) -> Self {
        // If the path can't be read, opening the file will tell why.
        let is_directory = start.is_dir();
        Walk { pending: vec![Entry { path: start.to_path_buf(), is_directory }], is_recursive }
    }

    /// Adds the entries of a directory.
    fn enter(&mut self, directory: &Path) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            let is_file = kind.is_file() && !names::is_secret(&path);
            // If the walk isn't recursive, its only directory is the start.
            if is_file || (kind.is_dir() && self.is_recursive) {
                entries.push(Entry { path, is_directory: kind.is_dir() });
            }
        }
        entries.sort_by(|a, b| b.path.cmp(&a.path));
        self.pending.append(&mut entries);
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Result<PathBuf, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Entry { path, is_directory } = self.pending.pop()?;
            if !is_directory {
                return Some(Ok(path));
            }
            if let Err(error) = self.enter(&path) {
                return Some(Err(Unreadable { path, error }));
            }
        }
    }
}
