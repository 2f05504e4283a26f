//! A torrc and the files that it includes: the part that reads files.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{Piece, Torrc};
use super::entry::TorrcEntry;
use super::glob::{self, Part};
use crate::config::{TorrcError, TorrcFileProblem};
use crate::error::Result;
use crate::regular_file;
use crate::word::path_of;

/// How many files may include each other, the torrc itself counted, as in tor.
const DEEPEST: usize = 31;

/// How many files there may be in all: two that include each other twice would
/// be millions otherwise.
const MOST: usize = 10_000;

/// The most bytes that one file may have: 16 MiB.
const LARGEST: u64 = 16 << 20;

/// A torrc and the files that it includes, each with its path. Made by
/// [`Torrc::read`].
///
/// Iterating over it gives the entries of all files in the order in which tor
/// reads them; `%include` is among them, before what is included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorrcFiles {
    /// In the order in which they are read.
    files: Vec<TorrcFile>,
}

/// A file of tor's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TorrcFile {
    /// Where it is.
    pub path: PathBuf,
    /// The file and line that include it; `None` for the torrc itself.
    pub included_by: Option<(PathBuf, usize)>,
    /// What it says.
    pub torrc: Torrc,
    /// The files that each `%include` stands for, by their numbers.
    includes: Vec<Vec<usize>>,
}

impl Torrc {
    /// Reads a torrc and all that it includes, as tor does: `%include` names a
    /// file, a folder (its files, not those of its folders, and not those whose
    /// names begin with a dot), or a pattern with `*`, `?` and `[…]`, in the
    /// order of the names; empty files are left out, and a pattern may match
    /// nothing. Names that are not absolute are looked for in the current
    /// directory, which may be another for tor. At most 31 files may include
    /// each other, and 10,000 be read in all.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`TorrcError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)), which has the path, if
    /// a file can't be read or tor wouldn't read it. (A pipe, which tor would
    /// read, can't be read here.) Either all files are returned or none.
    pub fn read(path: impl AsRef<Path>) -> Result<TorrcFiles> {
        let mut reader = Reader { files: Vec::new() };
        reader.read(path.as_ref(), None, 1)?;
        Ok(TorrcFiles { files: reader.files })
    }

    /// Reads one file, without those that it includes.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn read_file(path: impl AsRef<Path>) -> Result<Torrc> {
        Ok(read_one(path.as_ref(), None)?)
    }
}

impl TorrcFiles {
    /// The torrc itself.
    pub fn torrc(&self) -> &Torrc {
        // There is always one.
        &self.files[0].torrc
    }

    /// All files, in the order in which tor reads them; the first is the torrc
    /// itself. One that is included twice is there twice.
    pub fn files(&self) -> &[TorrcFile] {
        &self.files
    }

    /// The entries of all files, in the order in which tor reads them.
    pub fn entries(&self) -> Vec<&TorrcEntry> {
        let mut entries = Vec::new();
        self.visit(0, &mut |piece| entries.extend(piece.entry()));
        entries
    }

    /// All files as one text, with what is included in the place of `%include`.
    /// Comments stay.
    pub fn to_single(&self) -> Torrc {
        let mut pieces: Vec<Piece> = Vec::new();
        self.visit(0, &mut |piece| {
            if piece.entry().is_none_or(|entry| !entry.is_include()) {
                pieces.push(piece.clone());
            }
        });
        let mut torrc = Torrc { pieces, tail: Vec::new() };
        torrc.renumber();
        torrc
    }

    /// Every part of a file, with those of the files that it includes behind
    /// their `%include`.
    fn visit<'a>(&'a self, file: usize, see: &mut impl FnMut(&'a Piece)) {
        let Some(file) = self.files.get(file) else { return };
        let mut includes = file.includes.iter();
        for piece in &file.torrc.pieces {
            see(piece);
            if piece.entry().is_some_and(TorrcEntry::is_include) {
                includes
                    .next()
                    .into_iter()
                    .flatten()
                    .for_each(|included| self.visit(*included, see));
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
    /// Reads a file and what it includes; its number.
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

/// The files that a name behind `%include` stands for.
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

/// The files of a folder, in the order of their names.
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

/// The paths that match a pattern, in their order. One that is no pattern
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

/// What is in a folder and matches.
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
