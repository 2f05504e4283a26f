//! Reads and writes the files with the keys of services and clients. The keys
//! of services can be kept under a name.

use std::env;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use scape::onion::{load_key, save_key};
use scape::word::{ClientKey, OnionAddress, OnionKey};
use zeroize::Zeroizing;

use crate::base::background;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::commands::shared::temporary::{before_temporary_name, without_temporary_name};

/// The maximum number of bytes that are read from a file with a client's key.
const LONGEST: u64 = 4096;

/// The name of an onion service's key. The key is kept in the user's data
/// folder: see [`folder`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyName(String);

impl KeyName {
    /// Returns the name as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path of the file with the key of this name. The file may not
    /// exist yet.
    pub(super) fn path(&self) -> Result<PathBuf, Failure> {
        Ok(folder()?.join(format!("{}.key", self.0)))
    }
}

impl FromStr for KeyName {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty()
            || name.len() > 64
            || name.starts_with('.')
            || !name.bytes().all(is_plain)
        {
            return Err("a name has 1 to 64 letters, digits, hyphens, underscores or dots, and \
                        doesn't begin with a dot");
        }
        Ok(KeyName(name.to_owned()))
    }
}

/// The options that specify the file with the key of an onion service.
#[derive(Debug, Clone, Args)]
pub(super) struct KeyChoice {
    /// Keep the key, and so the address, under this name in
    /// $XDG_DATA_HOME/scape/onions. Without a name or a file, the address is
    /// new each time
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    name: Option<KeyName>,

    /// Keep the key in this file. The file may also be tor's
    /// hs_ed25519_secret_key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl KeyChoice {
    /// Returns the path of the specified file. Returns `None` if the user
    /// specified neither a name nor a file.
    pub(super) fn path(&self) -> Result<Option<PathBuf>, Failure> {
        match (&self.name, &self.key) {
            (Some(name), _) => name.path().map(Some),
            (None, path) => Ok(path.clone()),
        }
    }
}

/// The key of an onion service, and the file with the key. If this process has
/// created the file, dropping the value removes the file again, unless
/// [`KeptKey::keep`] was called.
#[derive(Debug)]
pub(super) struct KeptKey {
    pub(super) key: OnionKey,
    /// The file with the key. `None` if the key is only used once.
    pub(super) path: Option<PathBuf>,
    is_unused: bool,
}

impl KeptKey {
    /// Reads the key from the file at `path`. If the file doesn't exist,
    /// creates it with a new key at once, so that another process can't choose
    /// a different key. If `path` is `None`, returns a new key that is saved
    /// nowhere.
    pub(super) fn at(path: Option<PathBuf>) -> Result<Self, Failure> {
        let new = OnionKey::random();
        let Some(path) = path else {
            return Ok(KeptKey { key: new, path: None, is_unused: false });
        };
        let exists = || path.symlink_metadata().is_ok();
        let key = match exists() {
            true => load_key(&path)?,
            false => match save(&new, &path) {
                Ok(()) => return Ok(KeptKey { key: new, path: Some(path), is_unused: true }),
                // Another process has created the file in the meantime.
                Err(_) if exists() => load_key(&path)?,
                Err(failure) => return Err(failure),
            },
        };
        Ok(KeptKey { key, path: Some(path), is_unused: false })
    }

    /// Makes the file permanent. Called when the service was published.
    pub(super) fn keep(&mut self) -> Result<(), Failure> {
        self.is_unused = false;
        match &self.path {
            // Another process created the file, and removed it again because it
            // failed. So save the key again.
            Some(path) if path.symlink_metadata().is_err() => save(&self.key, path),
            _ => Ok(()),
        }
    }

    /// Converts an error of publishing a service with this key. If the address
    /// is already in use, the message explains that.
    pub(super) fn explain(&self, error: scape::Error) -> Failure {
        let failure = Failure::from(error);
        if !failure.message.to_ascii_lowercase().contains("address collision") {
            return failure;
        }
        Failure::failed(format_args!(
            "this tor already has a service with the address {}, probably from another scape that \
             is running: {}",
            self.key.address(),
            failure.message
        ))
    }
}

impl Drop for KeptKey {
    fn drop(&mut self) {
        if let Some(path) = self.path.as_ref().filter(|_| self.is_unused) {
            // The key was never used, so it doesn't matter if the file can't be
            // removed.
            let _ = fs::remove_file(path);
        }
    }
}

/// Saves a key in a new file. If the file is in [`folder`], creates this folder
/// if necessary.
pub(super) fn save(key: &OnionKey, path: &Path) -> Result<(), Failure> {
    if let (Some(parent), Ok(folder)) = (path.parent(), folder())
        && parent == folder
    {
        create_folder(&folder)?;
    }
    save_key(key, path).map_err(|error| {
        let mut failure = Failure::from(error);
        failure.message = before_temporary_name(&failure.message).to_owned();
        failure
    })
}

/// Returns the folder with the keys that have a name, such as
/// `~/.local/share/scape/onions`.
pub(super) fn folder() -> Result<PathBuf, Failure> {
    let variable = |name| {
        // The specification of XDG says that relative paths must be ignored.
        env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
    };
    let data = match cfg!(windows) {
        true => variable("APPDATA"),
        false => variable("XDG_DATA_HOME")
            .or_else(|| variable("HOME").map(|home| home.join(".local/share"))),
    };
    let data = data.ok_or_else(|| {
        Failure::failed("the folder for keys is unknown: set HOME, or use --key FILE")
    })?;
    Ok(data.join("scape").join("onions"))
}

fn create_folder(path: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| Failure::failed(format_args!("cannot create {}: {error}", path.display())))
}

/// Reads the key of a client from a file, or from standard input if the path is
/// `-`. The file may be from `scape onion auth new` or from tor. Returns a
/// failure if the file contains an onion address that differs from one of
/// `addresses`, and after Ctrl-C.
pub(super) fn client_key(
    context: &Context,
    path: &Path,
    addresses: &[OnionAddress],
) -> Result<ClientKey, Failure> {
    let from = path.to_path_buf();
    let text = background::run(context, move || {
        let mut text = Zeroizing::new(String::new());
        match from.to_str() {
            Some("-") => io::stdin().take(LONGEST).read_to_string(&mut text),
            _ => fs::File::open(from).and_then(|file| file.take(LONGEST).read_to_string(&mut text)),
        }
        .map(|_| text)
    })?;
    let text = text
        .map_err(|error| Failure::usage(format_args!("cannot read {}: {error}", path.display())))?;
    let text = text.trim();
    let named = text.split(':').next().and_then(|id| id.parse::<OnionAddress>().ok());
    let other = addresses.iter().find(|address| named.is_some_and(|named| named != **address));
    if let (Some(named), Some(other)) = (named, other) {
        return Err(Failure::usage(format_args!(
            "the key in {} is for {named}, not for {other}",
            path.display()
        )));
    }
    text.parse().map_err(|error| {
        Failure::usage(format_args!("{} contains no client key: {error}", path.display()))
    })
}

/// Writes a new file that only the user can read and write. Returns a failure
/// if the file exists.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let write = || {
        // Temporary files have the mode 0600, so nobody else can read the
        // content.
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(content)?;
        file.persist_noclobber(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error: io::Error| {
        let reason = without_temporary_name(&error);
        Failure::failed(format_args!("cannot write {}: {reason}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_paths() {
        for good in ["a", "my-app_1.2", &"x".repeat(64)] {
            assert!(good.parse::<KeyName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".a", "a/b", "a b", "ä", &"x".repeat(65)] {
            assert!(bad.parse::<KeyName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn new_key_is_saved_at_once_and_removed_unless_it_was_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        drop(KeptKey::at(Some(path.clone())).unwrap());
        assert!(!path.exists());
        let mut kept = KeptKey::at(Some(path.clone())).unwrap();
        // Another process that uses the same file gets the same key.
        let again = KeptKey::at(Some(path.clone())).unwrap();
        assert_eq!(again.key, kept.key);
        kept.keep().unwrap();
        drop((kept, again));
        assert!(path.exists());
        drop(KeptKey::at(Some(path.clone())).unwrap());
        assert!(path.exists());
        assert!(KeptKey::at(Some(folder.path().join("nowhere/k"))).is_err());
        assert!(KeptKey::at(None).unwrap().path.is_none());
    }
}
