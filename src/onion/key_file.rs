//! Saving and loading the key of an onion service.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::private_file;
use crate::error::{Error, Result};
use crate::word::OnionKey;

impl OnionKey {
    /// Saves the key in a new file that only its owner may read (mode 0600), as
    /// a line of text: `ED25519-V3:` and base64. [`load`](Self::load) reads it.
    ///
    /// The file is there whole or not at all, also after a crash, and an
    /// existing file is never overwritten.
    ///
    /// ```
    /// use scape::word::OnionKey;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("blog.key");
    ///
    /// // let path = "/home/me/blog.key";
    /// let key = OnionKey::random();
    /// key.save(&path)?;
    /// assert_eq!(OnionKey::load(&path)?, key);
    /// assert!(key.save(&path).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the file exists already (the kind of [`IoError`](crate::error::IoError)
    /// is [`AlreadyExists`](io::ErrorKind::AlreadyExists) then) or can't be
    /// written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let key = self.to_blob();
        // With room for everything, so that no copy stays in memory.
        let mut line = Zeroizing::new(Vec::with_capacity(key.len() + 1));
        line.extend_from_slice(key.as_bytes());
        line.push(b'\n');
        private_file::save_new(path, &line)
            .map_err(|error| Error::io(format!("save the onion key in {}", path.display()), error))
    }

    /// Loads a key from a file: one that [`save`](Self::save) has written, any
    /// text of the form `ED25519-V3:` and base64, or tor's own
    /// `hs_ed25519_secret_key`.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the file can't be read, is longer than 4 KiB, or holds no key (the kind
    /// of [`IoError`](crate::error::IoError) is
    /// [`InvalidData`](io::ErrorKind::InvalidData) then).
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let failed =
            |error| Error::io(format!("load the onion key from {}", path.display()), error);
        let content = private_file::read(path).map_err(failed)?;
        if let Ok(key) = OnionKey::from_secret_key_file(&content) {
            return Ok(key);
        }
        let text = std::str::from_utf8(&content).ok();
        text.and_then(|text| text.parse().ok()).ok_or_else(|| {
            let why = "it holds neither ED25519-V3: with base64 nor what tor has in hs_ed25519_secret_key";
            failed(io::Error::new(io::ErrorKind::InvalidData, why))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::error::IoError;
    use std::fs;

    use super::*;

    fn kind(result: Result<impl Sized>) -> io::ErrorKind {
        let error = result.err().expect("an error");
        error.exact::<IoError>().expect("an error of the system").kind()
    }

    #[test]
    fn key_is_saved_once_and_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blog.key");
        let key = OnionKey::random();
        key.save(&path).unwrap();
        assert_eq!(OnionKey::load(&path).unwrap(), key);
        assert_eq!(kind(OnionKey::random().save(&path)), io::ErrorKind::AlreadyExists);
        assert_eq!(OnionKey::load(&path).unwrap(), key);
        // Nothing is left beside it.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", *key.to_blob()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            // A link that leads nowhere is not followed.
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
            assert_eq!(kind(key.save(&link)), io::ErrorKind::AlreadyExists);
            assert!(!folder.path().join("elsewhere").exists());
        }
        assert_eq!(kind(key.save(folder.path().join("none/blog.key"))), io::ErrorKind::NotFound);
    }

    #[test]
    fn key_in_the_current_directory_is_saved_there() {
        let name = format!("scape-key-{:x}.tmp", rand::random::<u64>());
        let key = OnionKey::random();
        key.save(&name).unwrap();
        let loaded = OnionKey::load(&name);
        fs::remove_file(&name).unwrap();
        assert_eq!(loaded.unwrap(), key);
    }

    #[test]
    fn every_form_of_a_key_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = OnionKey::random();
        let blob = key.to_blob();
        for content in [
            blob.as_bytes(),
            format!("{}\r\n", *blob).as_bytes(),
            format!(" {}\n\n", *blob).as_bytes(),
            &key.to_secret_key_file(),
        ] {
            fs::write(&path, content).unwrap();
            assert_eq!(OnionKey::load(&path).unwrap(), key);
        }
        for bad in [&b""[..], b"ED25519-V3:sesame", &[0xff; 96], &key.to_secret_key_file()[..95]] {
            fs::write(&path, bad).unwrap();
            let error = OnionKey::load(&path).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("sesame"));
            assert_eq!(kind(Err::<(), _>(error)), io::ErrorKind::InvalidData);
        }
        assert_eq!(kind(OnionKey::load(folder.path().join("none"))), io::ErrorKind::NotFound);
    }

    #[test]
    fn key_is_loaded_from_a_short_regular_file_only() {
        let folder = tempfile::tempdir().unwrap();
        // A file of 1 GB takes no room on the disk, and isn't read.
        let large = folder.path().join("large");
        fs::File::create(&large).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(kind(OnionKey::load(&large)), io::ErrorKind::FileTooLarge);
        assert_eq!(kind(OnionKey::load(folder.path())), io::ErrorKind::InvalidInput);
        #[cfg(unix)]
        {
            // Nobody writes to the pipe, so opening it would block.
            let fifo = folder.path().join("fifo");
            assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
            assert_eq!(kind(OnionKey::load(&fifo)), io::ErrorKind::InvalidInput);
        }
    }
}
