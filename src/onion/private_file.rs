//! Functions for key files, which are written completely or not at all and are
//! only readable by their owner. For files in a directory that may belong to
//! another user, see [`private_directory`](super::private_directory).

use std::io::{self, Write};
use std::path::Path;

use zeroize::Zeroizing;

use crate::io::regular_file;

/// The size limit for reading, in bytes. No valid file is larger.
const LONGEST: u64 = 4096;

/// Writes a new file of mode 0600, completely or not at all. The file belongs
/// to this program's user. If the file exists already, it isn't overwritten,
/// and the kind of the error is [`io::ErrorKind::AlreadyExists`].
pub(super) fn save_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".scape-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map(drop).map_err(|error| error.error)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_file_is_private_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        save_new(&path, b"secret\n ").unwrap();
        assert_eq!(read(&path).unwrap().as_slice(), b"secret\n ");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let error = save_new(&path, b"other").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&path).unwrap().as_slice(), b"secret\n ");
        // No temporary file is left.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(folder.path().join("long"), [7; 5000]).unwrap();
        assert_eq!(
            read(&folder.path().join("long")).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
    }
}
