//! Functions that save and load the key of an onion service.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::private_file;
use crate::error::{Error, Result};
use scape_proto::word::OnionKey;

/// Saves a key in a new file that only its owner may read (mode 0600). The file
/// contains one line of text: `ED25519-V3:` and the key in base64. [`load_key`]
/// reads the file.
///
/// The file is written completely or not at all, even if the program crashes.
/// An existing file is never overwritten.
///
/// ```
/// use scape::onion::{load_key, save_key};
/// use scape::word::OnionKey;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("blog.key");
///
/// // let path = "/home/me/blog.key";
/// let key = OnionKey::random();
/// save_key(&key, &path)?;
/// assert_eq!(load_key(&path)?, key);
/// assert!(save_key(&key, &path).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if the
/// file exists already or can't be written. If the file exists, the kind of the
/// [`IoError`](crate::error::IoError) is
/// [`AlreadyExists`](io::ErrorKind::AlreadyExists).
pub fn save_key(key: &OnionKey, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let key = key.to_blob();
    // Allocate the whole capacity at once, so that no copy of the key stays in
    // memory.
    let mut line = Zeroizing::new(Vec::with_capacity(key.len() + 1));
    line.extend_from_slice(key.as_bytes());
    line.push(b'\n');
    private_file::save_new(path, &line)
        .map_err(|error| Error::io(format!("save the onion key in {}", path.display()), error))
}

/// Loads a key from a file. The file may be:
///
/// * tor's own `hs_ed25519_secret_key`,
/// * a text file with `ED25519-V3:` and the key in base64, like the ones that
///   [`save_key`] writes,
/// * a key in PEM, like those of OnionBalance.
///
/// ```no_run
/// use scape::OnionBuilder;
/// use scape::onion::load_key;
///
/// let controller = scape::connect()?;
/// let key = load_key("/home/me/blog.key")?;
/// let service = OnionBuilder::new(&controller).key(key).port(80, 8080).publish()?;
/// println!("http://{service}/ is the same address each time");
/// # Ok::<(), scape::Error>(())
/// ```
///
/// # Errors
///
/// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if the
/// file can't be read, is longer than 4 KiB, isn't a regular file, or contains
/// no key. If the file contains no key, the kind of the
/// [`IoError`](crate::error::IoError) is
/// [`InvalidData`](io::ErrorKind::InvalidData).
pub fn load_key(path: impl AsRef<Path>) -> Result<OnionKey> {
    let path = path.as_ref();
    let failed = |error| Error::io(format!("load the onion key from {}", path.display()), error);
    let content = private_file::read(path).map_err(failed)?;
    if let Ok(key) = OnionKey::from_secret_key_file(&content) {
        return Ok(key);
    }
    let text = std::str::from_utf8(&content).ok();
    let key = text.and_then(|text| text.parse().ok().or_else(|| OnionKey::from_pem(text).ok()));
    key.ok_or_else(|| {
        let why = "it holds neither ED25519-V3: with base64, nor the content of an \
            hs_ed25519_secret_key file, nor an Ed25519 key in PEM";
        failed(io::Error::new(io::ErrorKind::InvalidData, why))
    })
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
    fn saved_key_is_loaded_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blog.key");
        let key = OnionKey::random();
        save_key(&key, &path).unwrap();
        assert_eq!(load_key(&path).unwrap(), key);
        assert_eq!(kind(save_key(&OnionKey::random(), &path)), io::ErrorKind::AlreadyExists);
        assert_eq!(load_key(&path).unwrap(), key);
        // No temporary file is left.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", *key.to_blob()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            // A dangling link isn't followed.
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
            assert_eq!(kind(save_key(&key, &link)), io::ErrorKind::AlreadyExists);
            assert!(!folder.path().join("elsewhere").exists());
        }
        assert_eq!(
            kind(save_key(&key, folder.path().join("none/blog.key"))),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn key_in_the_current_directory_is_saved_there() {
        let name = format!("scape-key-{:x}.tmp", rand::random::<u64>());
        let key = OnionKey::random();
        save_key(&key, &name).unwrap();
        let loaded = load_key(&name);
        fs::remove_file(&name).unwrap();
        assert_eq!(loaded.unwrap(), key);
    }

    #[test]
    fn keys_are_loaded_from_blobs_and_secret_key_files() {
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
            assert_eq!(load_key(&path).unwrap(), key);
        }
        let pem = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n\
            -----END PRIVATE KEY-----\n";
        fs::write(&path, pem).unwrap();
        assert_eq!(load_key(&path).unwrap(), OnionKey::from_seed(&[7; 32]));
        for bad in [&b""[..], b"ED25519-V3:sesame", &[0xff; 96], &key.to_secret_key_file()[..95]] {
            fs::write(&path, bad).unwrap();
            let error = load_key(&path).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("sesame"));
            assert_eq!(kind(Err::<(), _>(error)), io::ErrorKind::InvalidData);
        }
        assert_eq!(kind(load_key(folder.path().join("none"))), io::ErrorKind::NotFound);
    }

    #[test]
    fn key_is_loaded_from_a_short_regular_file_only() {
        let folder = tempfile::tempdir().unwrap();
        // A file of 1 GB takes no room on the disk, and isn't read.
        let large = folder.path().join("large");
        fs::File::create(&large).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(kind(load_key(&large)), io::ErrorKind::FileTooLarge);
        assert_eq!(kind(load_key(folder.path())), io::ErrorKind::InvalidInput);
        #[cfg(unix)]
        {
            // Nobody writes to the pipe, so opening it would block.
            let fifo = folder.path().join("fifo");
            assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
            assert_eq!(kind(load_key(&fifo)), io::ErrorKind::InvalidInput);
        }
    }
}
