//! Writing a torrc: whole, or not at all.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::Path;

use super::document::Torrc;
use crate::error::{Error, Result};

impl Torrc {
    /// Writes the text into a file. It is written beside it, and takes its
    /// place when it is there as a whole: whoever reads it, tor or this
    /// program, reads the old text or the new one. A file that is there keeps
    /// its mode and its owner, and a link stays one; a new file can be read by
    /// its owner only (mode 0600), as it may have secrets in it.
    ///
    /// tor reads it when it is told to:
    /// [`Signal::Reload`](crate::protocol::Signal::Reload).
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the file can't be written, also if the file of another user can't be
    /// given back to that user. The file is as it was then.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        write(path, &self.to_bytes())
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
    }
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let old = match fs::metadata(path) {
        Ok(old) if !old.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // Where it is a link, what it leads to is written.
    let path = if old.is_some() { fs::canonicalize(path)? } else { std::path::absolute(path)? };
    let folder = path.parent().unwrap_or(&path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".scape-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text)?;
    if let Some(old) = &old {
        make_as(file.as_file(), old)?;
    }
    file.as_file().sync_all()?;
    file.persist(&path).map(drop).map_err(|error| error.error)
}

/// Gives a file the owner and the mode of another.
#[cfg(unix)]
fn make_as(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let own = file.metadata()?;
    let other = |own: u32, old: u32| (own != old).then_some(old);
    let (user, group) = (other(own.uid(), old.uid()), other(own.gid(), old.gid()));
    if user.is_some() || group.is_some() {
        fchown(file, user, group)?;
    }
    file.set_permissions(old.permissions())
}

#[cfg(not(unix))]
fn make_as(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}
