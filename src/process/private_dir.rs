//! The temporary directory that only this user may look into.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary directory of mode 0700, removed with everything in it when dropped.
#[derive(Debug)]
pub(super) struct PrivateDir(TempDir);

impl PrivateDir {
    pub(super) fn new() -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("scape-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        builder.tempdir().map(PrivateDir)
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file that only this user may read.
    pub(super) fn write(&self, name: &str, contents: &[u8]) -> io::Result<PathBuf> {
        let path = self.join(name);
        create_private(&path)?.write_all(contents)?;
        Ok(path)
    }

    /// Removes it; the twin of dropping it.
    pub(super) fn close(self) -> io::Result<()> {
        self.0.close()
    }
}

/// A new file of mode 0600.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the directory at `path` (and those above it), of mode 0700, unless there is one.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn nobody_else_may_look_inside_and_nothing_stays() {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let dir = PrivateDir::new().unwrap();
        let file = dir.write("torrc", b"x").unwrap();
        let deep = dir.join("a").join("b");
        make_private(&deep).unwrap();
        make_private(&deep).unwrap();
        assert_eq!((mode(dir.0.path()), mode(&file), mode(&deep)), (0o700, 0o600, 0o700));
        assert!(dir.write("torrc", b"y").is_err(), "a file that is there is not overwritten");
        let path = dir.0.path().to_owned();
        dir.close().unwrap();
        assert!(!path.exists());
    }
}
