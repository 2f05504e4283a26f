//! Writing a torrc atomically.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use scape_proto::torrc::Torrc;

use crate::error::{Error, Result};

/// The maximum number of symbolic links that are followed, as in Linux.
const MAX_LINKS: usize = 40;

/// Replaces the content of a file with a torrc.
///
/// The text is written to a temporary file in the same folder, which then takes
/// the place of the old file. So a reader, tor or any other program, sees
/// either the old text or the whole new one. An existing file keeps its mode
/// and owner. If the path is a symbolic link, the file that it points to is
/// replaced or created, and the link stays. Because the text may have secrets,
/// a new file can only be read by its owner (mode 0600).
///
/// A running tor reads the file again when it gets the signal
/// [`Signal::Reload`](crate::control::Signal::Reload).
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("torrc");
/// use scape::config::{Torrc, read_torrc, write_torrc};
///
/// write_torrc(&Torrc::parse("SocksPort 9052\n")?, &path)?;
/// assert_eq!(read_torrc(&path)?.to_text(), "SocksPort 9052\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if the
/// file can't be written. For example, the old file belongs to another user,
/// and this program isn't allowed to give the new file to that user. After an
/// error, the old file is unchanged.
pub fn write_torrc(torrc: &Torrc, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    write(path, &torrc.to_bytes())
        .map_err(|error| Error::io(format!("write {}", path.display()), error))
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let old = match fs::metadata(path) {
        Ok(old) if !old.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let path = if old.is_some() { fs::canonicalize(path)? } else { without_links(path)? };
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

/// Returns the path of the file that would be created if `path` were opened:
/// the place that a symbolic link without a file points to.
fn without_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(path)?;
    for _ in 0..MAX_LINKS {
        if !path.is_symlink() {
            return Ok(path);
        }
        let target = fs::read_link(&path)?;
        path = path.parent().unwrap_or(&path).join(target);
    }
    Err(io::Error::other("there are too many symbolic links"))
}

/// Gives a file the owner and mode of another file.
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
