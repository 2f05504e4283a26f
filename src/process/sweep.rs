//! Removing the temporary directories of programs that were killed.
//!
//! A directory is removed only if it is provably ours and its owner is dead:
//!
//! * its name begins with [`PREFIX`](super::private_dir::PREFIX), it is a directory of this user and has mode 0700;
//! * it contains the lock file, a regular file of this user, and no process holds the lock.
//!
//! The lock is an flock(2), which the system releases when its owner ends, however that happens. The lock file gets its
//! name after it was locked, so that nobody ever sees an unlocked one of a living owner.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};

use super::private_dir::{PREFIX, create_private};

/// The name of the lock file.
const LOCK: &str = "scape.lock";
/// The lock file's name until it is locked.
const NEW_LOCK: &str = "scape.lock-new";

/// Creates the lock file in `directory` and locks it, as long as the returned file is open.
pub(super) fn lock(directory: &Path) -> io::Result<File> {
    let file = create_private(&directory.join(NEW_LOCK))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    fs::rename(directory.join(NEW_LOCK), directory.join(LOCK))?;
    Ok(file)
}

/// Removes the directories of dead owners in `parent`. What can't be removed stays.
pub(super) fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        // Locked until the directory is gone, so that another sweep leaves it alone.
        let Some(_lock) = lock_of_dead_owner(&path) else { continue };
        match fs::remove_dir_all(&path) {
            Ok(()) => {
                log::debug!(target: "scape::process", "removed {}, which a killed program left", path.display());
            }
            Err(error) => {
                log::debug!(target: "scape::process", "cannot remove {}: {error}", path.display());
            }
        }
    }
}

/// Returns the lock of a directory that is ours and whose owner is dead.
fn lock_of_dead_owner(directory: &Path) -> Option<File> {
    let user = rustix::process::geteuid().as_raw();
    let metadata = fs::symlink_metadata(directory).ok()?;
    if !metadata.is_dir() || metadata.uid() != user || metadata.mode() & 0o777 != 0o700 {
        return None;
    }
    let path = directory.join(LOCK);
    // NONBLOCK, because opening a FIFO would wait for a writer.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(i32::try_from(flags).ok()?).open(&path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.uid() != user {
        return None;
    }
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    // Another sweep may have removed the directory meanwhile, and somebody else may have made another one.
    let now = fs::symlink_metadata(&path).ok()?;
    ((now.dev(), now.ino()) == (metadata.dev(), metadata.ino())).then_some(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    /// A directory with a lock file that nobody holds.
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
        sweep(parent.path());
        assert!(!dead.exists());
        sweep(&parent.path().join("nowhere"));
    }

    #[test]
    fn directory_of_a_living_owner_stays() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("scape-alive");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        // Before it is locked, and afterwards.
        sweep(parent.path());
        let held = lock(&path).unwrap();
        sweep(parent.path());
        assert!(path.join(LOCK).exists() && !path.join(NEW_LOCK).exists());
        drop(held);
        sweep(parent.path());
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
        sweep(parent.path());
        for path in [other_name, other_mode, no_lock, lock_is_link, lock_is_directory, target, link] {
            assert!(path.exists(), "{} was removed", path.display());
        }
    }
}
