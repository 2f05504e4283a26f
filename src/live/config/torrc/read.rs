//! Reading a torrc and the files that it includes.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::glob::{self, Part};
use crate::error::Result;
use crate::io::regular_file;
use crate::live::config::{TorrcError, TorrcFileProblem};
use scape_proto::torrc::{Torrc, TorrcEntry};
use scape_proto::word::path_of;

/// The maximum length of a chain of files that include each other, as in tor.
/// The torrc itself counts.
const DEEPEST: usize = 31;

/// The maximum number of files in total. Without it, two files that include
/// each other twice would be read millions of times.
const MOST: usize = 10_000;

/// The maximum size of one file in bytes: 16 MiB.
const LARGEST: u64 = 16 << 20;

/// A torrc and the files that it includes, each with its path. Created by
/// [`TorrcFiles::read`].
///
/// Iterating over a reference yields the entries of all files in the order in
/// which tor reads them. The `%include` entries are among them, before the
/// entries that they include.
///
/// ```no_run
/// let files = scape::config::TorrcFiles::read("/etc/tor/torrc")?;
/// for entry in &files {
///     println!("line {}: {entry}", entry.line());
/// }
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorrcFiles {
    /// The files in the order in which they are read.
    files: Vec<TorrcFile>,
}

/// A file of tor's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TorrcFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The file and line that include this file. `None` for the torrc itself.
    pub included_by: Option<(PathBuf, usize)>,
    /// The text of the file.
    pub torrc: Torrc,
    /// For each `%include` of this file, the files that it includes, as indexes
    /// into the files of [`TorrcFiles`].
    includes: Vec<Vec<usize>>,
}

/// Reads one file, without the files that it includes.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("torrc");
/// # std::fs::write(&path, "SocksPort 9052\n%include torrc.d\n")?;
/// let torrc = scape::config::read_torrc(&path)?;
/// assert_eq!(torrc.entries().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Same errors as [`TorrcFiles::read`], most often a file that doesn't exist.
pub fn read_torrc(path: impl AsRef<Path>) -> Result<Torrc> {
    Ok(read_one(path.as_ref(), None)?)
}

impl TorrcFiles {
    /// Reads a torrc and all files that it includes, as tor does.
    ///
    /// `%include` names a file, a folder, or a pattern with `*`, `?` and `[…]`,
    /// which may match nothing. For a folder, the files in it are included, but
    /// neither its subfolders nor files whose names begin with a dot. Files are
    /// included in the order of their names, and empty ones are left out. A
    /// chain of files that include each other may have at most 31 files. At
    /// most 10,000 files are read in total.
    ///
    /// Relative paths are looked up in the current directory of this program,
    /// which may differ from that of tor.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("torrc");
    /// # std::fs::write(folder.path().join("ports"), "SocksPort 9052\n")?;
    /// # let include = folder.path().join("ports").display().to_string();
    /// # std::fs::write(&path, format!("Nickname me\n%include {include}\n"))?;
    /// use scape::config::TorrcFiles;
    ///
    /// let files = TorrcFiles::read(&path)?;
    /// for entry in &files {
    ///     println!("{entry}");
    /// }
    /// assert_eq!(files.files().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`TorrcError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)), which has the path, in
    /// these cases:
    ///
    /// * A file can't be read, or has more than 16 MiB.
    /// * A file has text that tor couldn't parse.
    /// * Too many files are included.
    /// * A path leads to a pipe, although tor would read it.
    ///
    /// Either all files are returned or none.
    pub fn read(path: impl AsRef<Path>) -> Result<TorrcFiles> {
        let mut reader = Reader { files: Vec::new() };
        reader.read(path.as_ref(), None, 1)?;
        Ok(TorrcFiles { files: reader.files })
    }

    /// Returns the torrc itself, without the files that it includes.
    pub fn torrc(&self) -> &Torrc {
        // There is always a first file.
        &self.files[0].torrc
    }

    /// Returns all files in the order in which tor reads them. The first is the
    /// torrc itself. A file that is included twice occurs twice.
    pub fn files(&self) -> &[TorrcFile] {
        &self.files
    }

    /// Returns the entries of all files in the order in which tor reads them.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("torrc");
    /// # let include = folder.path().join("ports").display().to_string();
    /// # std::fs::write(folder.path().join("ports"), "SocksPort 9052\n")?;
    /// # std::fs::write(&path, format!("Nickname me\n%include {include}\n"))?;
    /// use scape::config::TorrcFiles;
    ///
    /// let files = TorrcFiles::read(&path)?;
    /// let names: Vec<&str> = files.entries().into_iter().map(|entry| entry.name()).collect();
    /// assert_eq!(names, ["Nickname", "%include", "SocksPort"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entries(&self) -> Vec<&TorrcEntry> {
        let mut entries = Vec::new();
        self.collect_entries(&self.files[0], &mut entries);
        entries
    }

    /// Returns all files as one text, in which each `%include` is replaced by
    /// the text that it includes. Comments are kept.
    ///
    /// ```no_run
    /// use scape::config::TorrcFiles;
    ///
    /// let torrc = TorrcFiles::read("/etc/tor/torrc")?.to_single();
    /// println!("{}", torrc.to_text());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn to_single(&self) -> Torrc {
        self.with_included(&self.files[0])
    }

    /// Returns the text of `file`. Each `%include` in it is replaced by the
    /// texts of the files that the line includes.
    fn with_included(&self, file: &TorrcFile) -> Torrc {
        let mut includes = file.includes.iter();
        file.torrc.replace_includes(|_| {
            let included = includes.next().into_iter().flatten();
            included
                .filter_map(|i| self.files.get(*i))
                .map(|file| self.with_included(file))
                .collect()
        })
    }

    /// Adds the entries of `file` to `entries`. The entries of included files
    /// follow their `%include`.
    fn collect_entries<'a>(&'a self, file: &'a TorrcFile, entries: &mut Vec<&'a TorrcEntry>) {
        let mut includes = file.includes.iter();
        for entry in file.torrc.entries() {
            entries.push(entry);
            if entry.is_include() {
                let included = includes.next().into_iter().flatten();
                for file in included.filter_map(|i| self.files.get(*i)) {
                    self.collect_entries(file, entries);
                }
            }
        }
    }
}

impl<'a> IntoIterator for &'a TorrcFiles {
    type Item = &'a TorrcEntry;
    type IntoIter = std::vec::IntoIter<&'a TorrcEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries().into_iter()
    }
}

struct Reader {
    files: Vec<TorrcFile>,
}

impl Reader {
    /// Reads a file and the files that it includes. Returns the index of the
    /// file. `included_by` is the file with the `%include` and the number of
    /// its line. `depth` is the length of the chain of files that led to the
    /// file, including the file: 1 for the torrc itself.
    fn read(
        &mut self,
        path: &Path,
        included_by: Option<(PathBuf, usize)>,
        depth: usize,
    ) -> Result<usize, TorrcError> {
        if depth > DEEPEST {
            return Err(error(path, &included_by, TorrcFileProblem::TooDeep));
        }
        if self.files.len() >= MOST {
            return Err(error(path, &included_by, TorrcFileProblem::TooMany));
        }
        let torrc = read_one(path, included_by.as_ref())?;
        let number = self.files.len();
        let wanted: Vec<(PathBuf, usize)> = torrc
            .entries()
            .filter(|entry| entry.is_include())
            .map(|entry| (path_of(entry.value_bytes()), entry.line()))
            .collect();
        self.files.push(TorrcFile {
            path: path.to_owned(),
            included_by,
            torrc,
            includes: Vec::new(),
        });
        for (pattern, line) in wanted {
            let by = Some((path.to_owned(), line));
            let mut included = Vec::new();
            for file in included_files(&pattern, &by)? {
                included.push(self.read(&file, by.clone(), depth + 1)?);
            }
            if let Some(file) = self.files.get_mut(number) {
                file.includes.push(included);
            }
        }
        Ok(number)
    }
}

fn error(
    path: &Path,
    included_by: &Option<(PathBuf, usize)>,
    problem: TorrcFileProblem,
) -> TorrcError {
    TorrcError { path: path.to_owned(), included_by: included_by.clone(), problem }
}

fn read_one(path: &Path, included_by: Option<&(PathBuf, usize)>) -> Result<Torrc, TorrcError> {
    let error = |problem| error(path, &included_by.cloned(), problem);
    let io = |source| error(TorrcFileProblem::Io(Arc::new(source)));
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(error(TorrcFileProblem::NotAFile));
    }
    let mut text = regular_file::read(path, LARGEST).map_err(io)?;
    Torrc::parse(std::mem::take(&mut *text))
        .map_err(|problem| error(TorrcFileProblem::Syntax(problem)))
}

/// Returns the files that the path after `%include` stands for.
fn included_files(
    pattern: &Path,
    by: &Option<(PathBuf, usize)>,
) -> Result<Vec<PathBuf>, TorrcError> {
    let named =
        expand(pattern).map_err(|e| error(pattern, by, TorrcFileProblem::Pattern(Arc::new(e))))?;
    let mut files = Vec::new();
    for path in named {
        let io = |source| error(&path, by, TorrcFileProblem::Io(Arc::new(source)));
        let found = fs::metadata(&path).map_err(io)?;
        if found.is_dir() {
            files.extend(folder(&path).map_err(io)?);
        } else if !found.is_file() {
            return Err(error(&path, by, TorrcFileProblem::NotAFile));
        } else if found.len() > 0 {
            files.push(path);
        }
    }
    Ok(files)
}

/// Returns the files of a folder, in the order of their names. Empty files and
/// files whose names begin with a dot are left out.
fn folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = names(path)?;
    names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
    names.sort_unstable();
    let paths = names.into_iter().map(|name| path.join(name));
    Ok(paths
        .filter(|path| fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() > 0))
        .collect())
}

fn names(path: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// Returns the paths that match a pattern, sorted. A path that is not a pattern
/// stands for itself.
fn expand(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let text = pattern.as_os_str().as_encoded_bytes();
    if !glob::is_pattern(text) {
        return Ok(vec![pattern.to_owned()]);
    }
    let mut paths = vec![if text.starts_with(b"/") { PathBuf::from("/") } else { PathBuf::new() }];
    for part in glob::parts(text) {
        let mut next = Vec::new();
        for path in &paths {
            match &part {
                Part::Name(name) => next.extend(
                    iter::once(path.join(path_of(name)))
                        .filter(|path| path.symlink_metadata().is_ok()),
                ),
                Part::Pattern(part) => next.extend(matching(path, part)?),
            }
        }
        paths = next;
    }
    if text.ends_with(b"/") {
        paths.retain(|path| path.is_dir());
    }
    paths.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok(paths)
}

/// Returns the entries of a folder whose names match `part` of a pattern. The
/// result is empty if the folder doesn't exist.
fn matching(folder: &Path, part: &[u8]) -> io::Result<Vec<PathBuf>> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let names = match names(place) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        names => names?,
    };
    let matches = |name: &OsString| glob::matches(part, name.as_encoded_bytes());
    Ok(names.into_iter().filter(matches).map(|name| folder.join(name)).collect())
}
