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
/// out. A directory or a file that has become a symbolic link since it was
/// listed is an error. Its parent directories aren't checked again.
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
    is_start: bool,
}

/// A file that a [`Walk`] has found.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) path: PathBuf,
    /// True if the walk began at this file, so that a symbolic link may be
    /// followed.
    pub(super) is_start: bool,
}

/// A path that can't be read, with the reason.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

impl Walk {
    pub(super) fn new(start: &Path, is_recursive: bool) -> Self {
        // If the path can't be read, opening the file will tell why.
        let is_directory = start.is_dir();
        let start = Entry { path: start.to_path_buf(), is_directory, is_start: true };
        Walk { pending: vec![start], is_recursive }
    }

    /// Adds the entries of a directory to `pending`.
    fn enter(&mut self, directory: &Path, is_start: bool) -> io::Result<()> {
        if !is_start && !fs::symlink_metadata(directory)?.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                "it is no directory any more",
            ));
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            let is_file = kind.is_file() && !names::is_secret(&path);
            // If the walk isn't recursive, its only directory is the start.
            if is_file || (kind.is_dir() && self.is_recursive) {
                entries.push(Entry { path, is_directory: kind.is_dir(), is_start: false });
            }
        }
        entries.sort_by(|a, b| b.path.cmp(&a.path));
        self.pending.append(&mut entries);
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Result<Walked, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Entry { path, is_directory, is_start } = self.pending.pop()?;
            if !is_directory {
                return Some(Ok(Walked { path, is_start }));
            }
            if let Err(error) = self.enter(&path, is_start) {
                return Some(Err(Unreadable { path, error }));
            }
        }
    }
}
