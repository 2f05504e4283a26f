//! [`Progress`]: the numbers that a reader reports while it reads.

use std::path::Path;

/// The progress of a [`DocumentReader`](super::DocumentReader), for the
/// callback of [`on_progress`](super::DocumentReader::on_progress).
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    pub(super) path: &'a Path,
    pub(super) bytes_read: u64,
    pub(super) total_bytes: Option<u64>,
    pub(super) documents: u64,
}

impl<'a> Progress<'a> {
    /// Returns the path of the file that is being read, or the name of the
    /// stream.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// Returns the number of bytes that were read from files and streams,
    /// before decompression.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Returns the length of all files in bytes, before decompression. Returns
    /// `None` if there are streams to read, because their length is unknown, or
    /// if the reading was cancelled while the lengths were added up.
    ///
    /// The lengths are determined before the first document is read. A file
    /// that grows later is read only up to the length that it had when it was
    /// opened.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// Returns the number of documents that were found.
    pub fn documents(&self) -> u64 {
        self.documents
    }
}
