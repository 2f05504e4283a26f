//! Reading a file that a user, a configuration or a peer has named.
//!
//! Any path may lead to a pipe, a device, a file without an end, or a file in
//! `/proc` that waits for data. All files that are named by others are read
//! with this module. So no read blocks, runs out of memory, or returns more
//! bytes than the file's size says.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use zeroize::Zeroizing;

/// A regular file that is open for reading, with the length that it had when it
/// was opened.
#[derive(Debug)]
pub(crate) struct RegularFile {
    file: File,
    length: u64,
    modified: Option<SystemTime>,
}

impl RegularFile {
    /// Opens a regular file without blocking.
    ///
    /// Pipes, devices, sockets and directories are not opened. Symbolic links
    /// are followed. The type and the length are those of the open descriptor,
    /// so it does no harm if the file is exchanged in the meantime.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error, or [`io::ErrorKind::InvalidInput`]
    /// if the path leads to something other than a regular file.
    pub(crate) fn open(path: &Path) -> io::Result<RegularFile> {
        Self::open_with(path, true)
    }

    /// Opens a regular file like [`open`](Self::open), but not through a
    /// symbolic link at the end of the path.
    ///
    /// # Errors
    ///
    /// Same errors as [`open`](Self::open). A symbolic link is not a regular
    /// file.
    pub(crate) fn open_without_following(path: &Path) -> io::Result<RegularFile> {
        Self::open_with(path, false)
    }

    fn open_with(path: &Path, follow: bool) -> io::Result<RegularFile> {
        // Opening a device may have side effects.
        let metadata = if follow { path.metadata()? } else { path.symlink_metadata()? };
        if !metadata.is_file() {
            return Err(not_regular());
        }
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            // The path may lead elsewhere by now, and opening a pipe would
            // block.
            let mut flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
            flags.set(rustix::fs::OFlags::NOFOLLOW, !follow);
            std::os::unix::fs::OpenOptionsExt::custom_flags(
                &mut options,
                flags.bits().cast_signed(),
            );
        }
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(not_regular());
        }
        let modified = metadata.modified().ok();
        Ok(RegularFile { file, length: metadata.len(), modified })
    }

    /// Returns the length in bytes at the time of opening.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the modification time at the time of opening, if the system
    /// reports it.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// Returns a reader of the content, up to the length at the time of
    /// opening.
    pub(crate) fn into_reader(self) -> io::Take<File> {
        self.file.take(self.length)
    }

    /// Reads the content, up to the length at the time of opening. A file that
    /// claims to be empty, as files in `/proc` do, isn't read.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error, or [`io::ErrorKind::FileTooLarge`]
    /// if the file is longer than `limit` bytes.
    pub(crate) fn read(mut self, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        let too_large = || {
            let why = format!("the file has {} bytes, more than the {limit} expected", self.length);
            io::Error::new(io::ErrorKind::FileTooLarge, why)
        };
        let length = if self.length > limit { None } else { usize::try_from(self.length).ok() };
        let mut content = Zeroizing::new(vec![0; length.ok_or_else(too_large)?]);
        let mut filled = 0;
        while let Some(rest) = content.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        content.truncate(filled);
        Ok(content)
    }
}

/// Reads a regular file of at most `limit` bytes, without blocking on anything
/// else that `path` may lead to. The content is wiped when it is dropped.
///
/// # Errors
///
/// Same errors as [`RegularFile::open`] and [`RegularFile::read`], most often
/// that there is no such file.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    RegularFile::open(path)?.read(limit)
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"secret").unwrap();
        assert_eq!(read(&path, 6).unwrap().as_slice(), b"secret");
        let error = read(&path, 5).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(error.to_string().contains("6 bytes"), "{error}");
        std::fs::write(&path, b"").unwrap();
        assert_eq!(read(&path, 5).unwrap().as_slice(), b"");
        // A file with a hole of a tebibyte takes no memory.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path, 4096).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        let missing = read(&folder.path().join("none"), 5).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn pipe_device_and_directory_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&fifo, &link).unwrap();
        let devices = ["/dev/zero", "/dev/tty", "/dev/stdin"].map(Path::new);
        let file = folder.path().join("file");
        std::fs::write(&file, b"x").unwrap();
        assert!(RegularFile::open_without_following(&file).is_ok());
        let to_file = folder.path().join("link to file");
        std::os::unix::fs::symlink(&file, &to_file).unwrap();
        assert!(
            RegularFile::open_without_following(&to_file).is_err() && read(&to_file, 9).is_ok()
        );
        for path in [&*fifo, &*link, folder.path()].into_iter().chain(devices) {
            if std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
                // Standard input may be a file.
                continue;
            }
            assert!(read(path, 4096).is_err(), "{}", path.display());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn proc_file_without_a_length_is_not_read() {
        assert_eq!(read(Path::new("/proc/self/status"), 4096).unwrap().as_slice(), b"");
        // The kernel's log blocks its readers. Only root may open it.
        if let Ok(kernel_log) = RegularFile::open(Path::new("/proc/kmsg")) {
            assert_eq!(kernel_log.read(4096).unwrap().as_slice(), b"");
        }
    }
}
