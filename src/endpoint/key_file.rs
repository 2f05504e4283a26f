//! The file with the key of a service that comes back at the same address.

use std::io::{self, Write};
use std::path::Path;

use crate::error::{EndpointError, Error, Result};
use crate::regular_file;
use crate::types::OnionKey;

/// More than any file with a key has.
const LONGEST: u64 = 4096;

/// The key in the file at `path`; a new one, which is saved there, where there is no such file.
pub(super) fn load_or_make(path: &Path) -> Result<OnionKey> {
    match load(path)? {
        Some(key) => Ok(key),
        None => {
            let key = OnionKey::random();
            if save(path, &key)? {
                return Ok(key);
            }
            // Somebody else was quicker.
            load(path)?.ok_or_else(|| failed("read", path, io::ErrorKind::NotFound.into()))
        }
    }
}

fn load(path: &Path) -> Result<Option<OnionKey>> {
    let no_key = || {
        let why = format!(
            "{} holds no onion key: neither ED25519-V3: with base64, nor what tor has in hs_ed25519_secret_key",
            path.display()
        );
        EndpointError::invalid("privateKeyFile", why).into()
    };
    match regular_file::read(path, LONGEST) {
        Ok(content) => read(&content).map(Some).ok_or_else(no_key),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(no_key()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, error)),
    }
}

/// A key as text, as ADD_ONION gives it, or as tor keeps it in files.
fn read(content: &[u8]) -> Option<OnionKey> {
    if let Ok(key) = OnionKey::from_secret_key_file(content) {
        return Some(key);
    }
    std::str::from_utf8(content).ok()?.trim().parse().ok()
}

/// Writes beside the file, for the owner only, and puts it in place. `false` where there is a file meanwhile.
fn save(path: &Path, key: &OnionKey) -> Result<bool> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // The mode of temporary files is 0600.
    let saved = tempfile::NamedTempFile::new_in(directory).and_then(|mut file| {
        file.write_all(key.to_blob().as_bytes())?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    });
    saved.map_err(|error| failed("save a key in", path, error))
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot {what} {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.key");
        let key = load_or_make(&path).unwrap();
        assert_eq!(load_or_make(&path).unwrap(), key);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", *key.to_blob()));
        // Nothing else is left.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(!save(&path, &OnionKey::random()).unwrap());
        assert_eq!(load_or_make(&path).unwrap(), key);
    }

    #[test]
    fn both_forms_are_read_to_the_last_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        // A key that ends with the byte of a line end.
        let key = (0..).map(|n: u32| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&n.to_le_bytes());
            OnionKey::from_seed(&seed)
        });
        let key = key.into_iter().find(|key| key.expose()[63] == b'\n').unwrap();
        std::fs::write(&path, &*key.to_secret_key_file()).unwrap();
        assert_eq!(load_or_make(&path).unwrap(), key);
        std::fs::write(&path, key.to_blob().as_bytes()).unwrap();
        assert_eq!(load_or_make(&path).unwrap(), key);
    }

    #[test]
    fn what_is_no_key_is_not_overwritten_nor_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for content in ["", "SECRET", "ED25519-V3:SECRET", &"SECRET".repeat(10_000)] {
            std::fs::write(&path, content).unwrap();
            let error = load_or_make(&path).unwrap_err();
            assert!(matches!(error, Error::Endpoint(_)), "{error}");
            assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        #[cfg(unix)]
        {
            // Nobody writes to the pipe, so reading it would block.
            let fifo = folder.path().join("fifo");
            assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
            let error = load_or_make(&fifo).unwrap_err();
            assert!(matches!(error, Error::Io { .. }), "{error}");
        }
        let nowhere = load_or_make(&folder.path().join("no/such")).unwrap_err();
        assert!(matches!(nowhere, Error::Io { .. }), "{nowhere}");
    }
}
