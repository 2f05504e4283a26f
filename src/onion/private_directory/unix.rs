//! Directories on Unix: each operation is relative to an open directory.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::super::private_file::own_user;

/// The flags with which directories are opened.
const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// The flags with which new files are created.
const CREATE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// An open directory. Clones are handles to the same open directory.
#[derive(Debug, Clone)]
pub(in super::super) struct PrivateDirectory {
    file: Arc<File>,
}

impl PrivateDirectory {
    /// Opens a directory. Symbolic links are followed. The empty path is the
    /// current directory.
    pub(in super::super) fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Ok(Self::of(rustix::fs::open(path, OPEN, Mode::empty())?))
    }

    fn of(file: impl Into<File>) -> Self {
        PrivateDirectory { file: Arc::new(file.into()) }
    }

    pub(in super::super) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Creates a directory of mode 0700 in this one, and opens it. The new
    /// directory belongs to the user `owner`. If `owner` is `None`, it belongs
    /// to the owner of this directory. After an error, no directory is left.
    pub(super) fn make(&self, name: &OsStr, owner: Option<u32>) -> io::Result<PrivateDirectory> {
        let owner = owner.map_or_else(|| self.owner(), Ok)?;
        rustix::fs::mkdirat(&*self.file, name, Mode::RWXU)?;
        self.open_new(name, owner).inspect_err(|_| drop(self.remove_directory(name)))
    }

    /// Opens a directory that was just created, and gives it to `owner`.
    fn open_new(&self, name: &OsStr, owner: u32) -> io::Result<PrivateDirectory> {
        let opened =
            rustix::fs::openat(&*self.file, name, OPEN.union(OFlags::NOFOLLOW), Mode::empty())?;
        let directory = Self::of(opened);
        if owner != own_user() {
            // The owner of this directory may have put another directory in the
            // place of the new one. Nobody but this program's user can add
            // anything to the new one.
            if directory.owner()? != own_user() || !directory.is_empty()? {
                return Err(io::Error::other("another directory has taken its place"));
            }
            fchown(&*directory.file, Some(owner), None)?;
        }
        Ok(directory)
    }

    /// Writes a new file of mode 0600, completely or not at all. The file
    /// belongs to the owner of this directory.
    ///
    /// If the file exists already, it isn't overwritten, and the kind of the
    /// error is [`io::ErrorKind::AlreadyExists`].
    pub(super) fn write_new(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let temporary = format!(".scape-{:016x}", rand::random::<u64>());
        let mode = Mode::RUSR | Mode::WUSR;
        let mut file = File::from(rustix::fs::openat(&*self.file, &temporary, CREATE, mode)?);
        let written = self.fill(&mut file, content).and_then(|()| self.place(&temporary, name));
        written.inspect_err(|_| drop(self.remove_file(temporary.as_ref())))
    }

    fn fill(&self, file: &mut File, content: &[u8]) -> io::Result<()> {
        file.write_all(content)?;
        let owner = self.owner()?;
        if owner != own_user() {
            fchown(&*file, Some(owner), None)?;
        }
        file.sync_all()
    }

    /// Renames a temporary file. Returns an error if a file with the new name
    /// exists already.
    fn place(&self, temporary: &str, name: &str) -> io::Result<()> {
        let here = &*self.file;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        match rustix::fs::renameat_with(
            here,
            temporary,
            here,
            name,
            rustix::fs::RenameFlags::NOREPLACE,
        ) {
            // The file system or the kernel can't do this.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            renamed => return Ok(renamed?),
        }
        rustix::fs::linkat(here, temporary, here, name, AtFlags::empty())?;
        // The file is in its place, even if its temporary name stays.
        let _ = rustix::fs::unlinkat(here, temporary, AtFlags::empty());
        Ok(())
    }

    pub(in super::super) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&*self.file, name, AtFlags::empty())?)
    }

    /// Removes the empty directory `name` in this one.
    pub(super) fn remove_directory(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&*self.file, name, AtFlags::REMOVEDIR)?)
    }

    /// Locks the directory against other programs. Returns false if it is
    /// locked already. Returns true without a lock if the file system can't
    /// lock directories.
    pub(super) fn try_lock(&self) -> bool {
        let locked = rustix::fs::flock(&*self.file, FlockOperation::NonBlockingLockExclusive);
        !matches!(locked, Err(Errno::WOULDBLOCK | Errno::INTR))
    }

    pub(super) fn unlock(&self) {
        // Closing the directory would unlock it, too.
        let _ = rustix::fs::flock(&*self.file, FlockOperation::Unlock);
    }

    fn owner(&self) -> io::Result<u32> {
        Ok(self.metadata()?.uid())
    }

    fn is_empty(&self) -> io::Result<bool> {
        for entry in Dir::read_from(&*self.file)? {
            if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::{fs, thread};

    use super::*;

    /// The id of another user. A test that runs as root gives files to this
    /// user.
    const OTHER: u32 = 65534;

    /// Returns a directory of another user, or `None` if this program can't
    /// give files to other users.
    fn directory_of_another_user() -> Option<tempfile::TempDir> {
        let folder = tempfile::tempdir().unwrap();
        let given = std::os::unix::fs::chown(folder.path(), Some(OTHER), None);
        (own_user() == 0 && given.is_ok()).then_some(folder)
    }

    #[test]
    fn key_file_and_directory_are_private_to_the_owner_of_their_directory() {
        let other = directory_of_another_user();
        let own = tempfile::tempdir().unwrap();
        for folder in other.iter().chain([&own]) {
            let owner = fs::metadata(folder.path()).unwrap().uid();
            let directory = PrivateDirectory::open(folder.path()).unwrap();
            let inner = directory.make("inner".as_ref(), None).unwrap();
            inner.write_new("key", b"secret").unwrap();
            for (path, mode) in [("inner", 0o700), ("inner/key", 0o600)] {
                let found = fs::metadata(folder.path().join(path)).unwrap();
                assert_eq!((found.uid(), found.permissions().mode() & 0o777), (owner, mode));
            }
            assert!(directory.make("inner".as_ref(), None).is_err());
        }
    }

    #[test]
    fn nothing_is_left_of_a_directory_that_cannot_be_given_away() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PrivateDirectory::open(folder.path()).unwrap();
        // Only root may give a directory to another user.
        let made = directory.make("inner".as_ref(), Some(own_user() + 1));
        assert_eq!(folder.path().join("inner").exists(), made.is_ok());
        assert!(made.is_err() || own_user() == 0);
    }

    /// The owner of the directory replaces each new name in it by a symbolic
    /// link to a file of root.
    #[test]
    fn file_behind_a_symbolic_link_is_not_given_away() {
        let Some(folder) = directory_of_another_user() else { return };
        let victims = tempfile::tempdir().unwrap();
        let victim = victims.path().join("victim");
        fs::create_dir(&victim).unwrap();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    for entry in fs::read_dir(folder.path()).unwrap().flatten() {
                        let away = victims.path().join("away");
                        if fs::rename(entry.path(), &away).is_ok() {
                            let _ = symlink(&victim, entry.path());
                            let _ = fs::remove_file(&away).or_else(|_| fs::remove_dir(&away));
                        }
                    }
                }
            });
            let directory = PrivateDirectory::open(folder.path()).unwrap();
            for _ in 0..150 {
                let _ = directory.write_new("key", b"secret");
                let _ = directory.remove_file("key".as_ref());
                let _ = directory.make("inner".as_ref(), None);
                let _ = directory.remove_directory("inner".as_ref());
                let _ = directory.remove_file("inner".as_ref());
            }
            is_over.store(true, Ordering::SeqCst);
        });
        assert_eq!(fs::metadata(&victim).unwrap().uid(), 0);
    }
}
