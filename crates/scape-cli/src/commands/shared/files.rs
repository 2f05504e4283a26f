//! Files of a tor that runs on this machine.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use scape::Controller;
use scape::transport::Address;

/// Returns true if tor runs on this machine, as far as its address tells. The
/// files of another machine's tor must not be looked for here.
pub(crate) fn is_local(controller: &Controller) -> bool {
    controller.control_address().is_none_or(Address::is_local)
}

/// Opens a file. A pipe or a device isn't opened, because that could wait for
/// ever.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    match path.metadata()?.is_file() {
        true => File::open(path),
        false => Err(io::Error::other("it isn't a file")),
    }
}

/// Reads at most `most` bytes of a file.
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
