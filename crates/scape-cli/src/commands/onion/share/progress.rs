//! Records which parts of files visitors have downloaded.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The parts of files that were downloaded. A visitor may download a file in
/// several parts.
#[derive(Debug, Default)]
pub(super) struct Downloads {
    /// The downloaded parts of each file, in ascending order. Adjoining parts
    /// are merged, so there is a gap between two of them.
    parts: HashMap<PathBuf, Vec<Range<u64>>>,
}

impl Downloads {
    /// Adds a downloaded part of the file at `path`. Returns true if the whole
    /// file, which has `length` bytes, is now downloaded.
    pub(super) fn add(&mut self, path: &Path, part: Range<u64>, length: u64) -> bool {
        let parts = self.parts.entry(path.to_path_buf()).or_default();
        parts.push(part);
        parts.sort_by_key(|part| part.start);
        let mut merged: Vec<Range<u64>> = Vec::new();
        for part in parts.drain(..) {
            match merged.last_mut() {
                Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
                _ => merged.push(part),
            }
        }
        *parts = merged;
        matches!(parts.as_slice(), [all] if *all == (0..length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn download_is_complete_when_there_is_no_gap() {
        let mut downloads = Downloads::default();
        let mut add = |path: &str, part| downloads.add(Path::new(path), part, 10);
        assert!(!add("a", 7..10));
        assert!(!add("a", 0..3));
        assert!(!add("b", 3..7));
        assert!(!add("a", 2..6));
        assert!(add("a", 5..8));
        assert!(add("c", 0..10));
        assert!(downloads.add(Path::new("empty"), 0..0, 0));
    }
}
