//! The folder with the sockets and lock files of private networks that run in
//! the background.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::base::failure::Failure;

/// The maximum length of a network's name. It is short because the name is part
/// of a socket's path, which is limited to about 100 bytes.
const LONGEST: usize = 32;

/// The name of a private network that runs in the background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

impl Default for Name {
    /// Returns the name of a network for which the user chose none: `default`.
    fn default() -> Self {
        Name("default".into())
    }
}

impl std::str::FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_valid = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        match (1..=LONGEST).contains(&text.len()) && text.chars().all(is_valid) {
            true => Ok(Name(text.into())),
            false => Err(format!("a name must have 1 to {LONGEST} letters, digits, - or _")),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the user's folder for sockets and lock files. Creates it if it is
/// missing. Returns a failure if other users can enter it.
fn folder() -> Result<PathBuf, Failure> {
    let folder = match env::var_os("XDG_RUNTIME_DIR") {
        Some(runtime) if !runtime.is_empty() => PathBuf::from(runtime).join("scape-testnet"),
        _ => {
            let user = rustix::process::getuid().as_raw();
            env::temp_dir().join(format!("scape-testnet-{user}"))
        }
    };
    check(&folder).map_err(|error| {
        Failure::failed(format!("cannot use {} for sockets: {error}", folder.display()))
    })?;
    Ok(folder)
}

fn check(folder: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(folder)?;
    let is_own = found.uid() == rustix::process::getuid().as_raw();
    // If others could enter the folder, they could replace the sockets.
    if !found.is_dir() || !is_own || found.mode() & 0o077 != 0 {
        return Err(io::Error::other("it must be a folder that only you can enter"));
    }
    Ok(())
}

/// Returns the path of the socket on which the server of a network answers.
pub(super) fn socket(name: &Name) -> Result<PathBuf, Failure> {
    Ok(folder()?.join(format!("{name}.sock")))
}

/// Locks the name of a network for its server, so that no other server uses the
/// name. Returns `None` if another process holds the lock. The kernel releases
/// the lock when the process ends. The lock file is never removed, because
/// otherwise two processes could lock two files for the same name.
pub(super) fn lock(name: &Name) -> Result<Option<File>, Failure> {
    let path = lock_file(name)?;
    let failed =
        |error: io::Error| Failure::failed(format_args!("cannot lock {}: {error}", path.display()));
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    let mut file = options.open(&path).map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(failed(error.into())),
    }
    // Commands show this process id if the server doesn't answer.
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
    Ok(Some(file))
}

fn lock_file(name: &Name) -> Result<PathBuf, Failure> {
    Ok(folder()?.join(format!("{name}.lock")))
}

/// Returns the process id of the server that holds the lock of this name.
/// Returns `None` if the process id can't be read.
pub(super) fn server_of(name: &Name) -> Option<u32> {
    fs::read_to_string(lock_file(name).ok()?).ok()?.trim().parse().ok()
}

/// Returns the sorted names of all networks that have a socket. A network whose
/// server was killed may be among them.
pub(super) fn names() -> Result<Vec<Name>, Failure> {
    let folder = folder()?;
    let files = fs::read_dir(&folder)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", folder.display())))?;
    let mut names: Vec<Name> = files
        .flatten()
        .filter_map(|file| file.file_name().to_str()?.strip_suffix(".sock")?.parse().ok())
        .collect();
    names.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_path() {
        assert!("a-B_9".parse::<Name>().is_ok());
        for wrong in ["", "a/b", "..", "a.b", &"a".repeat(33)] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn folder_of_somebody_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        fs::DirBuilder::new().mode(0o755).create(&open).unwrap();
        assert!(check(&open).is_err());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(check(&link).is_err());
        assert!(check(&folder.path().join("new")).is_ok());
    }
}
