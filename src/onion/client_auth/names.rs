//! Names of client authorization files, and the files that tor can't use.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::super::private_directory::{self, Lock, Made, PrivateDirectory};
use super::super::private_file;
use super::line::ParseAuthLineError;
use crate::error::{Error, Result};
use scape_proto::control::{ArgumentError, ArgumentProblem};
use zeroize::Zeroizing;

/// The longest file name on nearly all systems, in bytes.
const LONGEST: usize = 255;

/// A client authorization file that tor skips or that this program can't read
/// or parse.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BadAuthFile {
    /// The file's name with its ending. Bytes that aren't UTF-8 are replaced by
    /// U+FFFD.
    pub file: String,
    /// The problem with the file.
    pub problem: BadAuthFileProblem,
}

/// The problem with a client authorization file.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BadAuthFileProblem {
    /// The name doesn't have the required ending (`.auth` or `.auth_private`),
    /// or nothing precedes the ending. tor doesn't read the file.
    #[error("its name does not have the ending that tor requires")]
    Name,
    /// The name isn't UTF-8, so this library doesn't read the file. tor reads
    /// it anyway.
    #[error("its name is not UTF-8 (tor reads it anyway)")]
    NameEncoding,
    /// This program can't read the file.
    #[error("it cannot be read: {0}")]
    Io(Arc<io::Error>),
    /// The file's content is malformed.
    #[error(transparent)]
    Line(#[from] ParseAuthLineError),
    /// Another file is for the same service. With both files, tor refuses every
    /// configuration change.
    #[error(
        "it is for the same service as {other}.auth_private; with both, tor refuses every configuration change"
    )]
    SameService {
        /// The other file's name, without its ending.
        other: String,
    },
}

impl fmt::Display for BadAuthFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.problem)
    }
}

/// Returns `name` with `ending` after it. Returns an error if the result isn't
/// a plain file name without a path. `what` is the method or type that the
/// error names.
pub(super) fn file_name(what: &str, name: &str, ending: &str) -> Result<String> {
    let bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
    let error = if name.is_empty() {
        ArgumentError::new(what, "name", ArgumentProblem::Empty)
    } else if let Some((position, character)) = name.char_indices().find(|(_, c)| bad(*c)) {
        ArgumentError::new(what, "name", ArgumentProblem::Character { character, position })
    } else if name.starts_with('.') {
        ArgumentError::invalid(what, "name", "begins with a dot")
    } else if name.len() + ending.len() > LONGEST {
        ArgumentError::invalid(
            what,
            "name",
            format!("has {} bytes, too many for a file name", name.len()),
        )
    } else {
        return Ok(format!("{name}{ending}"));
    };
    Err(error.into())
}

/// A file's name without its ending, and its content.
pub(super) type AuthFile = (String, Zeroizing<String>);

/// Reads all files of a directory. Returns the files whose names have this
/// ending and, in a second list, the files that can't be used. Both lists are
/// sorted by name. Both lists are empty if the directory doesn't exist.
pub(super) fn read_all(
    directory: &Path,
    ending: &str,
) -> Result<(Vec<AuthFile>, Vec<BadAuthFile>)> {
    let (mut files, mut bad) = (Vec::new(), Vec::new());
    let failed = |error| Error::io(format!("read {}", directory.display()), error);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((files, bad)),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let file = entry.map_err(failed)?.file_name();
        match read_one(directory, file.to_str(), ending) {
            Ok(read) => files.push(read),
            Err(problem) => {
                bad.push(BadAuthFile { file: file.to_string_lossy().into_owned(), problem });
            }
        }
    }
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    bad.sort_by(|one, other| one.file.cmp(&other.file));
    Ok((files, bad))
}

fn read_one(
    directory: &Path,
    file: Option<&str>,
    ending: &str,
) -> Result<AuthFile, BadAuthFileProblem> {
    let file = file.ok_or(BadAuthFileProblem::NameEncoding)?;
    let name = file
        .strip_suffix(ending)
        .filter(|name| !name.is_empty())
        .ok_or(BadAuthFileProblem::Name)?;
    let content = private_file::read(&directory.join(file))
        .map_err(|e| BadAuthFileProblem::Io(Arc::new(e)))?;
    Ok((name.to_owned(), Zeroizing::new(String::from_utf8_lossy(&content).into_owned())))
}

/// Opens a directory. If it doesn't exist, creates it, but not its parent. If
/// the directory was created, also returns a value that can remove it again.
pub(super) fn open_or_make(directory: &Path) -> Result<(PrivateDirectory, Option<Made>)> {
    match open(directory)? {
        Some(open) => Ok((open, None)),
        None => make(directory),
    }
}

fn make(directory: &Path) -> Result<(PrivateDirectory, Option<Made>)> {
    let failed = |error| Error::io(format!("create {}", directory.display()), error);
    let (Some(parent), Some(name)) = (directory.parent(), directory.file_name()) else {
        return Err(failed(io::ErrorKind::InvalidInput.into()));
    };
    match PrivateDirectory::open(parent).and_then(|parent| Made::directory(&parent, name, None)) {
        Ok((open, made)) => Ok((open, Some(made))),
        // Another thread or program was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Ok((PrivateDirectory::open(directory).map_err(failed)?, None))
        }
        Err(error) => Err(failed(error)),
    }
}

/// Opens a directory. Returns `None` if it doesn't exist.
pub(super) fn open(directory: &Path) -> Result<Option<PrivateDirectory>> {
    match PrivateDirectory::open(directory) {
        Ok(open) => Ok(Some(open)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(format!("open {}", directory.display()), error)),
    }
}

/// Locks an open directory against changes by other threads and programs.
/// Callers take this lock before they read the files that their change depends
/// on. `path` is for the error message.
pub(super) fn lock<'a>(open: &'a PrivateDirectory, path: &Path) -> Result<Lock<'a>> {
    private_directory::lock(open)
        .map_err(|error| Error::io(format!("lock {}", path.display()), error))
}

/// Removes a file from an open directory. `path` is the directory's path.
/// Returns false if the directory lists no file with this name.
///
/// On a file system that ignores case, the name could also lead to the file of
/// another key, so the list of files decides.
pub(super) fn remove(open: &PrivateDirectory, path: &Path, file: &str) -> Result<bool> {
    let failed = |error| Error::io(format!("remove {}", path.join(file).display()), error);
    let mut is_listed = false;
    for entry in fs::read_dir(path).map_err(failed)? {
        is_listed |= entry.map_err(failed)?.file_name() == file;
    }
    if !is_listed {
        return Ok(false);
    }
    match open.remove_file(file.as_ref()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// Writes a new file to an open directory. `path` is the directory's path, for
/// the error message. Returns an error if the file exists already.
pub(super) fn write(
    open: &PrivateDirectory,
    path: &Path,
    file: &str,
    content: &str,
) -> Result<Made> {
    Made::file(open, file, content.as_bytes())
        .map_err(|error| Error::io(format!("write {}", path.join(file).display()), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn pipe_among_the_authorization_files_is_a_bad_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("alice.auth"), "descriptor:x25519:x").unwrap();
        // Nobody writes to the pipe, so reading it would block.
        let fifo = folder.path().join("bob.auth");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let (files, bad) = read_all(folder.path(), ".auth").unwrap();
        assert_eq!(files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["alice"]);
        assert_eq!(bad.len(), 1, "{bad:?}");
        assert_eq!(bad[0].file, "bob.auth");
        assert!(matches!(bad[0].problem, BadAuthFileProblem::Io(_)), "{bad:?}");
    }

    #[test]
    fn client_name_must_be_a_plain_file_name() {
        assert_eq!(file_name("X", "bob", ".auth").unwrap(), "bob.auth");
        assert_eq!(file_name("X", "bób the 2nd", ".auth").unwrap(), "bób the 2nd.auth");
        for bad in [
            "",
            ".",
            "..",
            ".bob",
            "../bob",
            "a/b",
            "/bob",
            "a\\b",
            "C:bob",
            "a\nb",
            "a\0b",
            &"a".repeat(251),
        ] {
            assert!(
                file_name("X", bad, ".auth").as_ref().is_err_and(Error::is::<ArgumentError>),
                "{bad:?}"
            );
        }
        assert!(file_name("X", &"a".repeat(250), ".auth").is_ok());
    }
}
