//! The place of a document: a file, and the member of an archive.

use std::fmt;
use std::path::{Path, PathBuf};

/// The place of a document: the path of its file or the name of its stream. If
/// the file or stream is an archive, also the path of the member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    path: PathBuf,
    member: Option<PathBuf>,
}

impl Place {
    pub(super) fn file(path: impl Into<PathBuf>) -> Self {
        Place { path: path.into(), member: None }
    }

    /// Returns the place of a member of the archive at this place. The archive
    /// may itself be a member of another archive.
    pub(super) fn inside(&self, member: &Path) -> Self {
        let member = match &self.member {
            // With `join`, a member's absolute path would replace the archive's
            // path.
            Some(archive) => archive.components().chain(member.components()).collect(),
            None => member.to_path_buf(),
        };
        Place { path: self.path.clone(), member: Some(member) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn member(&self) -> Option<&Path> {
        self.member.as_deref()
    }

    /// Returns the path of the member, or of the file if there is no member.
    pub(super) fn innermost(&self) -> &Path {
        self.member.as_deref().unwrap_or(&self.path)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            Some(member) => write!(f, "{} in {}", member.display(), self.path.display()),
            None => write!(f, "{}", self.path.display()),
        }
    }
}
