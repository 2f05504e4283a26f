//! Directories with key files, which may belong to another user, such as the
//! user that tor runs as.
//!
//! That user can replace any name in the directory at any moment, for example
//! by a symbolic link to a file of root. So a directory is opened once for
//! writing. Files are written, removed and given to another user relative to
//! the open directory, without resolving its path again. Reading resolves paths
//! again, which reveals nothing to that user.
//!
//! New files become the property of the directory's owner, so tor can read them
//! even if this program runs as root and tor doesn't.

mod lock;
mod made;
#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

pub(super) use lock::{Lock, lock};
pub(super) use made::Made;
#[cfg(not(unix))]
pub(super) use other::PrivateDirectory;
#[cfg(unix)]
pub(super) use unix::PrivateDirectory;

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::private_file::read;
    use super::*;

    #[test]
    fn new_file_is_written_completely_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PrivateDirectory::open(folder.path()).unwrap();
        directory.write_new("key", b"secret\n ").unwrap();
        assert_eq!(read(&folder.path().join("key")).unwrap().as_slice(), b"secret\n ");
        let error = directory.write_new("key", b"other").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&folder.path().join("key")).unwrap().as_slice(), b"secret\n ");
        // No temporary file is left.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        directory.remove_file("key".as_ref()).unwrap();
        let error = directory.remove_file("key".as_ref()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_was_made_is_removed_from_the_directory_that_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let (here, moved) = (folder.path().join("here"), folder.path().join("moved"));
        std::fs::create_dir(&here).unwrap();
        let directory = PrivateDirectory::open(&here).unwrap();
        let (inner, made) = Made::directory(&directory, "inner".as_ref(), None).unwrap();
        let file = Made::file(&inner, "key", b"secret").unwrap();
        if cfg!(unix) {
            // Another directory takes the place of the first one.
            std::fs::rename(&here, &moved).unwrap();
            std::fs::create_dir_all(here.join("inner")).unwrap();
            std::fs::write(here.join("inner/key"), "another").unwrap();
        }
        file.remove();
        made.remove();
        if cfg!(unix) {
            assert!(here.join("inner/key").exists() && !moved.join("inner").exists());
        } else {
            assert!(!here.join("inner").exists());
        }
    }
}
