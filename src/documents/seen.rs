//! [`SeenFiles`]: the files that an earlier run has read.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::path_text;
use crate::error::{Cause, Error, ErrorKind, Result};
use crate::io::regular_file;

/// A record of files that were read, so that the next run skips them. A file
/// whose length or modification time has changed since then is read again.
///
/// The record is a plain text: see the implementation of `Display`. It can be
/// stored with [`save`](Self::save).
///
/// ```
/// use scape::documents::{DocumentReader, SeenFiles};
///
/// # let directory = tempfile::tempdir()?;
/// # let archive = directory.path().join("archive");
/// # std::fs::create_dir(&archive)?;
/// # std::fs::write(archive.join("a"), "router a 127.0.0.1 1 0 0\n")?;
/// # let record = directory.path().join("seen");
/// for new_documents in [1, 0] {
///     let seen = SeenFiles::load(&record)?;
///     let mut reader = DocumentReader::new().path(&archive).skip_seen(seen);
///     assert_eq!(reader.by_ref().count(), new_documents);
///     reader.into_seen().save(&record)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenFiles {
    files: BTreeMap<PathBuf, Stamp>,
}

/// The properties that show whether a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The modification time in nanoseconds since 1970.
    modified: i128,
    /// The length in bytes.
    length: u64,
}

impl Stamp {
    pub(super) fn new(modified: Option<SystemTime>, length: u64) -> Self {
        let nanoseconds = |time: SystemTime| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_nanos().cast_signed(),
            Err(before) => -before.duration().as_nanos().cast_signed(),
        };
        Stamp { modified: modified.map_or(0, nanoseconds), length }
    }

    pub(super) fn of(metadata: &Metadata) -> Self {
        Stamp::new(metadata.modified().ok(), metadata.len())
    }
}

/// The maximum size of a stored record in bytes, which suffices for about
/// 300,000 files.
const LONGEST_RECORD: u64 = 64 << 20;

impl SeenFiles {
    /// Creates an empty record.
    ///
    /// ```
    /// assert!(scape::documents::SeenFiles::new().is_empty());
    /// ```
    pub fn new() -> Self {
        SeenFiles::default()
    }

    /// Returns the number of files in the record.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Returns true if there are no files in the record.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns true if the file was read and hasn't changed since then. Returns
    /// false if the file's properties can't be read.
    ///
    /// ```
    /// use scape::documents::SeenFiles;
    ///
    /// assert!(!SeenFiles::new().contains("Cargo.toml"));
    /// ```
    pub fn contains(&self, path: impl AsRef<Path>) -> bool {
        let path = path.as_ref();
        fs::metadata(path).is_ok_and(|metadata| self.has(path, Stamp::of(&metadata)))
    }

    /// Removes the files that don't exist any more, so that the record doesn't
    /// grow without end.
    ///
    /// ```
    /// use scape::documents::SeenFiles;
    ///
    /// let mut seen: SeenFiles = "1793157365000000000 300 /nowhere/at/all\n".parse()?;
    /// seen.forget_missing();
    /// assert!(seen.is_empty());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn forget_missing(&mut self) {
        // A file that can't be looked up for another reason may come back, so
        // it stays.
        let is_missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        self.files.retain(|path, _| !fs::symlink_metadata(path).is_err_and(is_missing));
    }

    /// Loads a record that [`save`](Self::save) has stored. Returns an empty
    /// record if the file doesn't exist.
    ///
    /// ```
    /// use scape::documents::SeenFiles;
    ///
    /// assert!(SeenFiles::load("/nowhere/seen")?.is_empty());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an [`IoError`](crate::error::IoError) if the file can't be read
    /// or has more than 64 MiB, and a [`ParseSeenFilesError`] if the file isn't
    /// such a record.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = match regular_file::read(path, LONGEST_RECORD) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SeenFiles::new()),
            Err(error) => return Err(Error::io(format!("read {}", path.display()), error)),
        };
        String::from_utf8_lossy(&bytes).parse()
    }

    /// Stores the record in a file. The file is replaced at once: other
    /// programs see the old record or the new one. An existing file keeps its
    /// mode, and a new file can only be read by its owner (mode 0600). If the
    /// path is a symbolic link to a file, that file is replaced.
    ///
    /// ```
    /// use scape::documents::SeenFiles;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("seen");
    /// let seen: SeenFiles = "1793157365000000000 300 /archive/a.tar.xz\n".parse()?;
    /// seen.save(&path)?;
    /// assert_eq!(SeenFiles::load(&path)?, seen);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an [`IoError`](crate::error::IoError) if the file can't be
    /// written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let failed = |error| Error::io(format!("write {}", path.display()), error);
        let old = fs::metadata(path).ok().filter(Metadata::is_file);
        let real = old.as_ref().map(|_| fs::canonicalize(path)).transpose().map_err(failed)?;
        let path = real.as_deref().unwrap_or(path);
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut file = tempfile::Builder::new()
            .prefix(".scape-")
            .tempfile_in(directory.unwrap_or(Path::new(".")))
            .map_err(failed)?;
        file.write_all(self.to_string().as_bytes()).map_err(failed)?;
        if let Some(old) = old {
            file.as_file().set_permissions(old.permissions()).map_err(failed)?;
        }
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    pub(super) fn has(&self, path: &Path, stamp: Stamp) -> bool {
        self.files.get(&absolute(path)) == Some(&stamp)
    }

    pub(super) fn add(&mut self, path: &Path, stamp: Stamp) {
        self.files.insert(absolute(path), stamp);
    }
}

/// Makes a path absolute, because the next run may have another working
/// directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Writes a line for each file: the modification time in nanoseconds since
/// 1970, the length in bytes, and the path. In the path, control characters,
/// percent signs and bytes that aren't UTF-8 are written as `%` and two
/// hexadecimal digits.
impl fmt::Display for SeenFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, stamp) in &self.files {
            if let Some(path) = path_text::write(path) {
                writeln!(f, "{} {} {path}", stamp.modified, stamp.length)?;
            }
        }
        Ok(())
    }
}

/// Parses the text that `Display` writes. The error is a
/// [`ParseSeenFilesError`].
impl FromStr for SeenFiles {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut files = BTreeMap::new();
        for (number, line) in text.split('\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let (path, stamp) = parse_line(line).ok_or(ParseSeenFilesError { line: number + 1 })?;
            files.insert(path, stamp);
        }
        Ok(SeenFiles { files })
    }
}

fn parse_line(line: &str) -> Option<(PathBuf, Stamp)> {
    let (modified, rest) = line.split_once(' ')?;
    let (length, path) = rest.split_once(' ')?;
    let stamp = Stamp { modified: modified.parse().ok()?, length: length.parse().ok()? };
    Some((path_text::parse(path)?, stamp))
}

/// The error for a text that isn't a valid record of [`SeenFiles`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseSeenFilesError {
    line: usize,
}

impl ParseSeenFilesError {
    /// Returns the number of the invalid line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for ParseSeenFilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the record of read files is invalid: remove the file", self.line)
    }
}

impl std::error::Error for ParseSeenFilesError {}

impl Cause for ParseSeenFilesError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Malformed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn changed_file_is_not_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "a").unwrap();
        let mut seen = SeenFiles::new();
        seen.add(&path, Stamp::of(&fs::metadata(&path).unwrap()));
        assert!(seen.contains(&path));
        let earlier = UNIX_EPOCH + Duration::from_secs(1);
        fs::File::options().append(true).open(&path).unwrap().set_modified(earlier).unwrap();
        assert!(!seen.contains(&path));
        seen.add(&path, Stamp::of(&fs::metadata(&path).unwrap()));
        fs::write(&path, "ab").unwrap();
        fs::File::options().append(true).open(&path).unwrap().set_modified(earlier).unwrap();
        assert!(!seen.contains(&path));
        fs::remove_file(&path).unwrap();
        assert!(!seen.contains(&path));
        seen.forget_missing();
        assert!(seen.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn saved_record_keeps_its_mode_and_its_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("seen"), folder.path().join("link"));
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        SeenFiles::new().save(&path).unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("seen", &link).unwrap();
        let seen: SeenFiles = "1 2 /a\n".parse().unwrap();
        seen.save(&link).unwrap();
        assert!(link.is_symlink());
        assert_eq!((SeenFiles::load(&path).unwrap(), mode()), (seen, 0o640));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn record_names_its_invalid_line() {
        for bad in ["1 2", "1  /a", "x 2 /a", "1 -2 /a", "1 2 /%", "1 2 /%0", "1 2 /%zz", "1 2 "] {
            let error = format!("1 2 /a\n{bad}\n").parse::<SeenFiles>().unwrap_err();
            assert_eq!(error.get::<ParseSeenFilesError>().unwrap().line(), 2, "{bad:?}");
            assert_eq!(error.kind(), ErrorKind::Malformed);
        }
    }

    #[test]
    fn time_before_1970_is_kept() {
        let mut seen = SeenFiles::new();
        let time = UNIX_EPOCH - Duration::from_nanos(1);
        seen.add(Path::new("/a"), Stamp::new(Some(time), 7));
        assert_eq!(seen.to_string(), "-1 7 /a\n");
        assert_eq!(seen.to_string().parse::<SeenFiles>().unwrap(), seen);
    }

    proptest! {
        #[cfg(unix)]
        #[test]
        fn record_round_trips(
            files in prop::collection::btree_map(
                prop::collection::vec(1..=255u8, 1..20),
                (any::<i64>(), any::<u64>()),
                0..5,
            ),
        ) {
            use std::os::unix::ffi::OsStringExt;

            let files = files.into_iter().map(|(path, (modified, length))| {
                let path = PathBuf::from(std::ffi::OsString::from_vec(path));
                (path, Stamp { modified: modified.into(), length })
            });
            let seen = SeenFiles { files: files.collect() };
            prop_assert_eq!(seen.to_string().parse::<SeenFiles>().unwrap(), seen);
        }

        #[test]
        fn parsing_a_record_never_panics(text: String) {
            let _ = text.parse::<SeenFiles>();
        }
    }
}
