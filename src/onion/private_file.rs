//! Functions for key files, which are written completely or not at all and are
//! only readable by their owner.

use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::io::regular_file;

/// The size limit for reading, in bytes. No valid file is larger.
const LONGEST: u64 = 4096;

/// Writes a new file of mode 0600 in `directory`, completely or not at all. The
/// directory's owner becomes the owner of the file. So tor can read the file
/// even if this program runs as root and tor doesn't.
///
/// If the file exists already, it isn't overwritten, and the kind of the error
/// is [`io::ErrorKind::AlreadyExists`].
pub(super) fn write_new(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let file = new_in(directory, content)?;
    give_to_owner_of(file.path(), directory)?;
    place(file, &directory.join(name))
}

/// Writes a new file of mode 0600, completely or not at all. The file belongs
/// to this program's user. If the file exists already, it isn't overwritten,
/// and the kind of the error is [`io::ErrorKind::AlreadyExists`].
pub(super) fn save_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    place(new_in(directory, content)?, path)
}

/// Creates a temporary file of mode 0600 with this content in `directory`.
fn new_in(directory: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".scape-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(content)?;
    Ok(file)
}

/// Renames a temporary file to `path`. Returns an error if a file with this
/// name exists already.
fn place(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map(drop).map_err(|error| error.error)
}

/// Creates the directory `path` with mode 0700. `parent` is the directory that
/// contains `path`. The new directory belongs to the user `owner`. If `owner`
/// is `None`, it belongs to the owner of `parent`.
pub(super) fn make_directory(path: &Path, parent: &Path, owner: Option<u32>) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "it is mutated on Unix"))]
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    match owner {
        Some(owner) => give_to(path, owner),
        None => give_to_owner_of(path, parent),
    }
}

/// Reads a key file of at most 4 KiB. Returns the same errors as
/// [`regular_file::read`], for example if the file is longer.
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    regular_file::read(path, LONGEST)
}

/// Returns the id of the user that this program runs as.
#[cfg(unix)]
pub(super) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(unix)]
fn give_to_owner_of(path: &Path, directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;

    give_to(path, std::fs::metadata(directory)?.uid())
}

#[cfg(unix)]
fn give_to(path: &Path, owner: u32) -> io::Result<()> {
    if owner == own_user() { Ok(()) } else { std::os::unix::fs::chown(path, Some(owner), None) }
}

#[cfg(not(unix))]
fn give_to_owner_of(_path: &Path, _directory: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn give_to(_path: &Path, _owner: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_file_is_written_completely_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        write_new(folder.path(), "key", b"secret\n ").unwrap();
        assert_eq!(read(&folder.path().join("key")).unwrap().as_slice(), b"secret\n ");
        let error = write_new(folder.path(), "key", b"other").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&folder.path().join("key")).unwrap().as_slice(), b"secret\n ");
        // No temporary file is left.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(folder.path().join("long"), [7; 5000]).unwrap();
        assert_eq!(
            read(&folder.path().join("long")).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
    }

    #[cfg(unix)]
    #[test]
    fn key_file_and_directory_are_private_to_their_owner() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        make_directory(&inner, folder.path(), None).unwrap();
        write_new(&inner, "key", b"secret").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inner), mode(&inner.join("key"))), (0o700, 0o600));
        assert!(make_directory(&inner, folder.path(), None).is_err());
    }
}
