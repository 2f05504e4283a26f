//! A cache of keys in the user's directory, so that they are made only once.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AuthorityKeys, KeyFiles, RelayKeys, write_files};
use crate::error::Result;
use crate::process::make_private;

/// The directory within the user's cache. The number in its name changes when
/// the format of the files changes.
const DIRECTORY: &str = "scape/test-network-keys-1";

/// The prefixes of directories that exist only while keys are written.
const UNFINISHED: [&str; 2] = [".new-", ".old-"];

/// The age after which an unfinished directory is assumed to belong to a
/// program that was killed. Writing keys takes a second.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// A directory with a subdirectory for each node. A subdirectory contains the
/// node's key files, which are copied into each network and never changed.
///
/// The keys of a private network protect nothing, but somebody else's files
/// could make tor read something that it should not. So the directory must
/// belong to the user, and nobody else may have access to it. If there is no
/// such directory (`None`), keys are made anew each time.
pub(in super::super) struct KeyCache(Option<PathBuf>);

impl KeyCache {
    /// Returns the user's cache: in `XDG_CACHE_HOME` or `~/.cache`. If it can't
    /// be used, returns a cache that keeps nothing.
    pub(in super::super) fn of_user() -> Self {
        let Some(path) = place(|name| env::var_os(name)) else { return KeyCache(None) };
        match open(&path) {
            Ok(()) => {
                sweep(&path, ABANDONED_AFTER);
                KeyCache(Some(path))
            }
            Err(error) => {
                log::info!(target: "scape::testing", "keys are not kept in {}: {error}", path.display());
                KeyCache(None)
            }
        }
    }

    /// Returns a cache that keeps nothing, so that new keys are made each time.
    pub(in super::super) fn none() -> Self {
        KeyCache(None)
    }

    /// Returns the keys of the relay with this number. New keys are made if the
    /// cache has none.
    pub(in super::super) fn relay(&self, number: usize) -> Result<RelayKeys> {
        self.get(&format!("relay{number}"), RelayKeys::read, RelayKeys::generate, RelayKeys::files)
    }

    /// Returns the keys of the authority with this number. New keys are made if
    /// the cache has none.
    pub(in super::super) fn authority(&self, number: usize) -> Result<AuthorityKeys> {
        let name = format!("authority{number}");
        self.get(&name, AuthorityKeys::read, AuthorityKeys::generate, AuthorityKeys::files)
    }

    fn get<T>(
        &self,
        name: &str,
        read: impl Fn(&Path) -> Option<T>,
        generate: impl Fn() -> Result<T>,
        files: impl Fn(&T) -> Result<KeyFiles>,
    ) -> Result<T> {
        let Some(directory) = &self.0 else { return generate() };
        let path = directory.join(name);
        if let Some(keys) = read(&path) {
            return Ok(keys);
        }
        let keys = generate()?;
        match keep(directory, &path, &files(&keys)?) {
            Ok(()) => Ok(keys),
            Err(error) => {
                // Another program may have written keys first. They can be used
                // just as well.
                log::debug!(target: "scape::testing", "{} was not written: {error}", path.display());
                Ok(read(&path).unwrap_or(keys))
            }
        }
    }
}

/// Creates the directory `path` with these files. The files are first written
/// into a temporary directory in `directory`, so that `path` appears when all
/// files are complete. An existing directory is replaced, because its keys
/// couldn't be read.
fn keep(directory: &Path, path: &Path, files: &KeyFiles) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".new-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let whole = builder.tempdir_in(directory)?;
    write_files(whole.path(), files)?;
    if fs::symlink_metadata(path).is_ok() {
        let old = tempfile::Builder::new().prefix(".old-").tempdir_in(directory)?;
        fs::rename(path, old.path().join("damaged"))?;
    }
    fs::rename(whole.keep(), path)
}

/// Removes unfinished directories that are older than `age`. An error is
/// ignored, because another program may remove the same directory.
fn sweep(directory: &Path, age: Duration) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_unfinished = |prefix: &&str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = modified.is_ok_and(|time| time.elapsed().is_ok_and(|since| since >= age));
        if is_old && UNFINISHED.iter().any(is_unfinished) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Returns the path of the cache that the environment variables determine, or
/// `None` if neither `XDG_CACHE_HOME` nor `HOME` is an absolute path.
fn place(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join(DIRECTORY))
}

/// Creates the directory if it is missing, and checks that it belongs to the
/// user.
fn open(path: &Path) -> io::Result<()> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    make_private(path)?;
    is_ours(path)
}

#[cfg(unix)]
fn is_ours(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::symlink_metadata(path)?;
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    if !metadata.is_dir() {
        return refused("it is not a directory");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return refused("it belongs to another user");
    }
    if metadata.mode() & 0o077 != 0 {
        return refused("other users may read or change it");
    }
    Ok(())
}

#[cfg(not(unix))]
fn is_ours(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(directory: &Path) -> KeyCache {
        KeyCache(Some(directory.to_owned()))
    }

    #[test]
    fn kept_keys_are_the_same_each_time() {
        let directory = tempfile::tempdir().unwrap();
        let fingerprint =
            |number| cache(directory.path()).relay(number).unwrap().fingerprint().unwrap();
        let (first, second) = (fingerprint(0), fingerprint(1));
        assert_ne!(first, second);
        assert_eq!((fingerprint(0), fingerprint(1)), (first, second));
        let other = KeyCache::none().relay(0).unwrap();
        assert_ne!(other.fingerprint().unwrap(), first);
        let names = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["relay0", "relay1"]);
    }

    #[test]
    fn keys_of_an_authority_are_kept_whole() {
        let directory = tempfile::tempdir().unwrap();
        let made = cache(directory.path()).authority(0).unwrap();
        let kept = cache(directory.path()).authority(0).unwrap();
        assert_eq!(kept.files().unwrap(), made.files().unwrap());
        assert_eq!(kept.v3_identity(), made.v3_identity());
    }

    #[test]
    fn damaged_keys_are_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let first = cache(directory.path()).relay(0).unwrap().fingerprint().unwrap();
        fs::write(directory.path().join("relay0/secret_id_key"), "").unwrap();
        let second = cache(directory.path()).relay(0).unwrap().fingerprint().unwrap();
        assert_ne!(first, second);
        assert_eq!(cache(directory.path()).relay(0).unwrap().fingerprint().unwrap(), second);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn directories_of_killed_programs_are_swept() {
        let directory = tempfile::tempdir().unwrap();
        cache(directory.path()).relay(0).unwrap();
        for name in [".new-abc", ".old-def"] {
            fs::create_dir(directory.path().join(name)).unwrap();
            fs::write(directory.path().join(name).join("secret_id_key"), "x").unwrap();
        }
        // Another program may be writing into them, so they stay.
        sweep(directory.path(), ABANDONED_AFTER);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
        sweep(directory.path(), Duration::ZERO);
        let left = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), ["relay0"]);
    }

    #[cfg(unix)]
    #[test]
    fn directories_that_others_may_change_are_not_used() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/keys");
        open(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
        assert!(open(&path).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let link = directory.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(open(&link).is_err());
        fs::write(directory.path().join("file"), "").unwrap();
        assert!(open(&directory.path().join("file")).is_err());
        // Files in the cache are readable by the user only.
        cache(&path).relay(0).unwrap();
        assert_eq!(mode(&path.join("relay0")), 0o700);
        assert_eq!(mode(&path.join("relay0/secret_id_key")), 0o600);
    }

    #[test]
    fn place_follows_the_environment() {
        let with = |pairs: &'static [(&str, &str)]| {
            place(move |name| {
                Some(OsString::from(pairs.iter().find(|(known, _)| *known == name)?.1))
            })
        };
        let under = |path: &str| Some(Path::new(path).join(DIRECTORY));
        assert_eq!(with(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")]), under("/c"));
        assert_eq!(with(&[("XDG_CACHE_HOME", "c"), ("HOME", "/h")]), under("/h/.cache"));
        assert_eq!(with(&[("HOME", "/h")]), under("/h/.cache"));
        assert_eq!(with(&[("HOME", "")]), None);
        assert_eq!(with(&[]), None);
    }
}
