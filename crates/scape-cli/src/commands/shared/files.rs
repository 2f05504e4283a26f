//! Reads files of a tor that runs on this machine.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use scape::Controller;
use scape::transport::Address;

/// Returns true if the control port is on this machine. If tor runs on another
/// machine, the paths that it reports must not be opened here.
pub(crate) fn is_local(controller: &Controller) -> bool {
    controller.control_address().is_none_or(Address::is_local)
}

/// Opens a regular file. Returns an error for a pipe or a device, because
/// opening it could block forever.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    match path.metadata()?.is_file() {
        true => File::open(path),
        false => Err(io::Error::other("it isn't a regular file")),
    }
}

/// Reads a file as text, but at most its first `most` bytes.
pub(crate) fn read_start(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    open_file(path)?.take(most).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_read_and_only_their_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hostname");
        std::fs::write(&path, "abcdef").unwrap();
        assert_eq!(read_start(&path, 4).unwrap(), "abcd");
        assert!(read_start(folder.path(), 4).is_err());
    }
}
