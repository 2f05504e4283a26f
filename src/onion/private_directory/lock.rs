//! The lock of a directory with key files, which prevents two changes at once.

use std::io;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::PrivateDirectory;

/// The maximum time to wait for the lock of a directory, if another thread or
/// program has the lock.
const LOCK_WITHIN: Duration = Duration::from_secs(10);
/// The pause between two attempts to lock a directory that another program has
/// locked.
const TICK: Duration = Duration::from_millis(5);

/// The lock with which the threads of this program take turns. There is one
/// lock for all directories, because one directory may be known by several
/// paths. The lock of the file system isn't enough, because not every file
/// system can lock a directory.
static TURN: Mutex<()> = Mutex::new(());

/// The lock of a directory. Dropping this value unlocks the directory.
#[derive(Debug)]
#[must_use = "dropping this unlocks the directory at once"]
pub(in super::super) struct Lock<'a> {
    directory: &'a PrivateDirectory,
    _turn: MutexGuard<'static, ()>,
}

/// Waits until no other thread, and no other program that uses this library,
/// changes the directory. Waits for at most ten seconds. The lock doesn't keep
/// tor out, but tor only reads such directories.
///
/// # Errors
///
/// Returns an error of the kind [`io::ErrorKind::TimedOut`] if another thread
/// or program has the lock for too long.
pub(in super::super) fn lock(directory: &PrivateDirectory) -> io::Result<Lock<'_>> {
    lock_until(directory, Instant::now() + LOCK_WITHIN)
}

fn lock_until(directory: &PrivateDirectory, end: Instant) -> io::Result<Lock<'_>> {
    let late = || {
        io::Error::new(
            io::ErrorKind::TimedOut,
            "another thread or program is changing such a directory",
        )
    };
    let turn = TURN.try_lock_until(end).ok_or_else(late)?;
    while !directory.try_lock() {
        if Instant::now() >= end {
            return Err(late());
        }
        std::thread::sleep(TICK);
    }
    Ok(Lock { directory, _turn: turn })
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        self.directory.unlock();
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use rustix::fs::{FlockOperation, flock};

    use super::*;

    #[test]
    fn directory_that_another_program_has_locked_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PrivateDirectory::open(folder.path()).unwrap();
        // The lock belongs to the open file, so this is like another program.
        let other = std::fs::File::open(folder.path()).unwrap();
        flock(&other, FlockOperation::LockExclusive).unwrap();
        let error = lock_until(&directory, Instant::now() + TICK).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        flock(&other, FlockOperation::Unlock).unwrap();
        let ours = lock(&directory).unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
        drop(ours);
        flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
    }
}
