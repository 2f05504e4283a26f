//! The key file of an onion service with a permanent address.

use std::io;
use std::path::Path;

use crate::endpoint::EndpointError;
use crate::error::{Error, IoError, Result};
use crate::onion::{load_key, save_key};
use scape_proto::word::OnionKey;

/// Loads the key from the file at `path`. If the file doesn't exist, makes a
/// new key and saves it in the file.
pub(super) fn load_or_make(path: &Path) -> Result<OnionKey> {
    match load(path)? {
        Some(key) => Ok(key),
        None => make(path),
    }
}

/// Makes a key and saves it in the file. If another program has created the
/// file meanwhile, loads the key from the file instead.
fn make(path: &Path) -> Result<OnionKey> {
    let key = OnionKey::random();
    match save_key(&key, path) {
        Ok(()) => Ok(key),
        Err(error) if io_kind(&error) == Some(io::ErrorKind::AlreadyExists) => {
            load(path)?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// Loads the key from the file at `path`. Returns `None` if the file doesn't
/// exist.
fn load(path: &Path) -> Result<Option<OnionKey>> {
    match load_key(path) {
        Ok(key) => Ok(Some(key)),
        Err(error) => match io_kind(&error) {
            Some(io::ErrorKind::NotFound) => Ok(None),
            Some(io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge) => {
                let why = format!(
                    "{} holds neither ED25519-V3: with base64, nor the content of an \
                     hs_ed25519_secret_key file, nor an Ed25519 key in PEM",
                    path.display()
                );
                Err(EndpointError::invalid("privateKeyFile", why).into())
            }
            _ => Err(error),
        },
    }
}

fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    error.exact().map(IoError::kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_file_is_created_once_and_loaded_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.key");
        let key = load_or_make(&path).unwrap();
        assert_eq!(load_or_make(&path).unwrap(), key);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", *key.to_blob()));
        // No temporary file is left.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        let error = save_key(&OnionKey::random(), &path).unwrap_err();
        assert_eq!(io_kind(&error), Some(io::ErrorKind::AlreadyExists));
        assert_eq!(load_or_make(&path).unwrap(), key);
    }

    #[test]
    fn key_that_ends_with_a_line_end_is_loaded_completely() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        // Find a key that ends with the byte of a line end.
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
    fn file_without_a_key_is_not_overwritten_or_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for content in ["", "SECRET", "ED25519-V3:SECRET", &"SECRET".repeat(10_000)] {
            std::fs::write(&path, content).unwrap();
            // Both functions must return the error, because another program may
            // create the file between the two.
            for error in [load_or_make(&path).unwrap_err(), make(&path).unwrap_err()] {
                assert!(error.is::<EndpointError>(), "{error}");
                assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        #[cfg(unix)]
        {
            // Nobody writes to the pipe, so reading it would block.
            let fifo = folder.path().join("fifo");
            assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
            let error = load_or_make(&fifo).unwrap_err();
            assert!(error.is::<IoError>(), "{error}");
        }
        let nowhere = load_or_make(&folder.path().join("no/such")).unwrap_err();
        assert!(nowhere.is::<IoError>(), "{nowhere}");
    }
}
