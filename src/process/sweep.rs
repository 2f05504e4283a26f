//! Removes the temporary directories of programs that were killed.
//!
//! The owner of a directory is the process that made it. A directory is removed
//! only if it is provably ours and its owner is dead:
//!
//! * The name begins with the prefix of our [directories](super::PrivateDir).
//!   The directory belongs to this user and has mode 0700.
//! * In addition, no process holds the owner's lock. Usually, the lock file
//!   shows this: it is a regular file of this user, and nobody has locked it. A
//!   directory has no lock file if its owner was killed while making it. Such a
//!   directory is empty, or contains only an unlocked file that was to become
//!   the lock file. It is removed after an [hour](ABANDONED) without changes.
//!
//! The lock is an flock(2), which the system releases when the owner ends in
//! any way. The lock file gets its name after it was locked, so nobody ever
//! sees an unlocked lock file of a living owner. The lock file is removed last,
//! so that a later sweep can finish an incomplete removal.
//!
//! On file systems without locks, directories are made without a lock. Such
//! directories are never swept.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::private_file::create_private;

/// The name of the lock file.
const LOCK: &str = "scape.lock";
/// The name that the lock file has until the file is locked.
const NEW_LOCK: &str = "scape.lock-new";
/// The name that the lock file gets if the file system doesn't support locks.
const NO_LOCK: &str = "scape.no-lock";

/// The age after which a directory without a lock file is considered abandoned.
/// Making a directory takes milliseconds.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Creates the lock file in `directory` and locks it. The lock is held until
/// the returned file is closed. Returns `None` if the file system has no locks.
pub(super) fn lock(directory: &Path) -> io::Result<Option<File>> {
    lock_with(directory, |file| flock(file, FlockOperation::NonBlockingLockExclusive))
}

fn lock_with(
    directory: &Path,
    lock: impl FnOnce(&File) -> Result<(), Errno>,
) -> io::Result<Option<File>> {
    let path = directory.join(NEW_LOCK);
    let file = create_private(&path)?;
    match lock(&file) {
        Ok(()) => {
            fs::rename(path, directory.join(LOCK))?;
            Ok(Some(file))
        }
        // This file system can't lock files. Examples are NFS without a lock
        // daemon, and Lustre without the option `flock`.
        Err(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => {
            log::debug!(target: "scape::process", "no file locks in {}: it stays if this program is killed", directory.display());
            // An empty directory would be considered abandoned after a while.
            fs::rename(path, directory.join(NO_LOCK))?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Removes a directory with everything in it, the lock file last.
///
/// # Errors
///
/// Returns the error of the first entry that can't be removed. All other
/// entries are removed as far as possible, but the lock file is kept.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    remove_with(directory, |entry| {
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())
        } else {
            fs::remove_file(entry.path())
        }
    })
}

fn remove_with(
    directory: &Path,
    remove: impl Fn(&fs::DirEntry) -> io::Result<()>,
) -> io::Result<()> {
    let mut outcome = Ok(());
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name() != LOCK {
            outcome = outcome.and(unless_gone(remove(&entry)));
        }
    }
    outcome?;
    unless_gone(fs::remove_file(directory.join(LOCK)))?;
    let removed = fs::remove_dir(directory);
    if removed.is_err() {
        // A process that is ending has meanwhile written something. The new
        // lock file lets a later sweep remove the directory.
        let _ = lock(directory);
    }
    removed
}

/// Ignores the error of an entry that is already gone.
fn unless_gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes the directories in `parent` whose names begin with `prefix`, if the
/// processes that made them are dead. Directories that can't be removed stay.
pub(super) fn sweep(parent: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let path = entry.path();
        // The lock is held until the directory is gone, so that another sweep
        // leaves the directory alone.
        let Some(_lock) = lock_of_dead_owner(&path) else { continue };
        match remove(&path) {
            Ok(()) => {
                log::debug!(target: "scape::process", "removed {}, which a killed program left", path.display());
            }
            Err(error) => {
                log::debug!(target: "scape::process", "cannot remove {}: {error}", path.display());
            }
        }
    }
}

/// Returns the lock file, locked, if this library made the directory and the
/// process that made it is dead. Returns `None` otherwise. If the directory is
/// abandoned and empty, removes it and returns `None`.
fn lock_of_dead_owner(directory: &Path) -> Option<File> {
    let user = rustix::process::geteuid().as_raw();
    let metadata = fs::symlink_metadata(directory).ok()?;
    if !metadata.is_dir() || metadata.uid() != user || metadata.mode() & 0o777 != 0o700 {
        return None;
    }
    let mut path = directory.join(LOCK);
    if is_abandoned(directory, &metadata) {
        path = directory.join(NEW_LOCK);
        if fs::symlink_metadata(&path).is_err() {
            // The directory is empty. remove_dir removes only empty
            // directories.
            let _ = fs::remove_dir(directory);
            return None;
        }
    }
    // NONBLOCK is set, because opening a FIFO would wait for a writer.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file =
        OpenOptions::new().read(true).custom_flags(i32::try_from(flags).ok()?).open(&path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.uid() != user {
        return None;
    }
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    // Another sweep may have removed the directory meanwhile, and somebody else
    // may have made a new one.
    let now = fs::symlink_metadata(&path).ok()?;
    ((now.dev(), now.ino()) == (metadata.dev(), metadata.ino())).then_some(file)
}

/// Returns true if a directory hasn't changed for [`ABANDONED`], and is empty
/// or contains only [`NEW_LOCK`], the first file in a new directory.
fn is_abandoned(directory: &Path, metadata: &fs::Metadata) -> bool {
    let is_old = metadata.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED));
    is_old
        && fs::read_dir(directory).is_ok_and(|mut entries| {
            entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == NEW_LOCK))
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    const PREFIX: &str = "scape-";

    /// Creates a directory with an unlocked lock file, as a killed program
    /// leaves it.
    fn left_behind(parent: &Path, name: &str) -> PathBuf {
        let path = parent.join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir(path.join("data")).unwrap();
        fs::write(path.join("data/state"), "x").unwrap();
        drop(lock(&path).unwrap());
        path
    }

    #[test]
    fn directory_of_a_dead_owner_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let dead = left_behind(parent.path(), "scape-dead");
        sweep(parent.path(), PREFIX);
        assert!(!dead.exists());
        sweep(&parent.path().join("nowhere"), PREFIX);
    }

    #[test]
    fn lock_file_is_removed_last() {
        let parent = tempfile::tempdir().unwrap();
        let path = left_behind(parent.path(), "scape-half");
        for name in ["a", "torrc", "zzz"] {
            fs::write(path.join(name), "x").unwrap();
        }
        let error = remove_with(&path, |entry| match entry.file_name().to_str() {
            Some("data") => Err(io::ErrorKind::DirectoryNotEmpty.into()),
            _ => fs::remove_file(entry.path()),
        });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::DirectoryNotEmpty);
        let left = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, ["data", LOCK]);
        sweep(parent.path(), PREFIX);
        assert!(!path.exists());
    }

    #[test]
    fn directory_is_usable_on_a_file_system_without_locks() {
        let parent = tempfile::tempdir().unwrap();
        for error in [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL] {
            assert!(lock_with(parent.path(), |_| Err(error)).unwrap().is_none(), "{error}");
            fs::remove_file(parent.path().join(NO_LOCK)).unwrap();
            assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        }
        assert!(lock_with(parent.path(), |_| Err(Errno::IO)).is_err());
    }

    #[test]
    fn directory_whose_owner_was_killed_while_it_was_made_is_removed_after_an_hour() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        let all = ["scape-empty", "scape-unlocked", "scape-locked", "scape-full", "scape-young"];
        for name in all {
            fs::create_dir(path(name)).unwrap();
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
        for name in ["scape-unlocked", "scape-locked"] {
            fs::write(path(name).join(NEW_LOCK), "").unwrap();
        }
        fs::write(path("scape-full/file"), "x").unwrap();
        let locked = File::open(path("scape-locked").join(NEW_LOCK)).unwrap();
        flock(&locked, FlockOperation::NonBlockingLockExclusive).unwrap();
        sweep(parent.path(), PREFIX);
        assert!(all.iter().all(|name| path(name).exists()));
        let before = std::time::SystemTime::now() - ABANDONED * 2;
        for name in &all[..4] {
            File::open(path(name)).unwrap().set_modified(before).unwrap();
        }
        sweep(parent.path(), PREFIX);
        let left: Vec<_> = all.into_iter().filter(|name| path(name).exists()).collect();
        assert_eq!(left, ["scape-locked", "scape-full", "scape-young"]);
    }

    #[test]
    fn directory_of_a_living_owner_stays() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("scape-alive");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        // A sweep leaves the directory alone, before it is locked and while it
        // is locked.
        sweep(parent.path(), PREFIX);
        let held = lock(&path).unwrap();
        sweep(parent.path(), PREFIX);
        assert!(path.join(LOCK).exists() && !path.join(NEW_LOCK).exists());
        drop(held);
        sweep(parent.path(), PREFIX);
        assert!(!path.exists());
    }

    #[test]
    fn directory_that_is_not_provably_ours_stays() {
        let parent = tempfile::tempdir().unwrap();
        let other_name = left_behind(parent.path(), "other-dead");
        let other_mode = left_behind(parent.path(), "scape-mode");
        fs::set_permissions(&other_mode, fs::Permissions::from_mode(0o755)).unwrap();
        let no_lock = left_behind(parent.path(), "scape-no-lock");
        fs::remove_file(no_lock.join(LOCK)).unwrap();
        let lock_is_link = left_behind(parent.path(), "scape-link");
        fs::rename(lock_is_link.join(LOCK), lock_is_link.join("lock")).unwrap();
        std::os::unix::fs::symlink("lock", lock_is_link.join(LOCK)).unwrap();
        let lock_is_directory = left_behind(parent.path(), "scape-directory");
        fs::remove_file(lock_is_directory.join(LOCK)).unwrap();
        fs::create_dir(lock_is_directory.join(LOCK)).unwrap();
        let target = left_behind(parent.path(), "target");
        let link = parent.path().join("scape-symlink");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        sweep(parent.path(), PREFIX);
        for path in [other_name, other_mode, no_lock, lock_is_link, lock_is_directory, target, link]
        {
            assert!(path.exists(), "{} was removed", path.display());
        }
    }
}
