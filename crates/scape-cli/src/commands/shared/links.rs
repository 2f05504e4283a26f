//! Follows symbolic links, so that replacing a file keeps the links to it.

use std::fs;
use std::iter;
use std::path::{Path, PathBuf};

/// The maximum number of symbolic links that are followed, because links may
/// form a circle.
const MOST_LINKS: usize = 40;

/// Returns the path at the end of a chain of symbolic links, even if nothing
/// exists at this path.
pub(crate) fn follow_links(path: &Path) -> PathBuf {
    links(path).last().unwrap_or_default()
}

/// Returns `path`, then the path that it leads to if it is a symbolic link, and
/// so on.
pub(crate) fn links(path: &Path) -> impl Iterator<Item = PathBuf> {
    let next = |path: &PathBuf| {
        let target = fs::read_link(path).ok()?;
        Some(path.parent().unwrap_or(Path::new("")).join(target))
    };
    iter::successors(Some(path.to_path_buf()), next).take(MOST_LINKS + 1)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_a_file_that_may_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        symlink("second", path("first")).unwrap();
        symlink(path("file"), path("second")).unwrap();
        assert_eq!(follow_links(&path("first")), path("file"));
        assert_eq!(follow_links(&path("file")), path("file"));
        // A circle of links isn't followed forever.
        symlink("circle", path("circle")).unwrap();
        assert_eq!(follow_links(&path("circle")), path("circle"));
    }
}
