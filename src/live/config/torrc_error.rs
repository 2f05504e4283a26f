//! The type [`TorrcError`]: a torrc that can't be read.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::ParseTorrcError;
use crate::error::{Cause, ErrorKind};

/// A torrc, or a file that it includes, that can't be read. No part of the
/// torrc was returned.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TorrcError {
    /// The path of the file. If the problem is
    /// [`Pattern`](TorrcFileProblem::Pattern), this is the pattern after
    /// `%include`.
    pub path: PathBuf,
    /// The file and line that include this file. `None` for the torrc itself.
    pub included_by: Option<(PathBuf, usize)>,
    /// The problem with the file or pattern.
    pub problem: TorrcFileProblem,
}

/// The problem of a [`TorrcError`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TorrcFileProblem {
    /// The operating system refused to read the file. For example, the file
    /// doesn't exist, or its permissions don't allow reading it.
    Io(Arc<io::Error>),
    /// The path leads to something other than a file. For a path after
    /// `%include`: to something other than a file or a folder.
    NotAFile,
    /// A folder that a pattern with `*` or `?` leads to can't be read.
    Pattern(Arc<io::Error>),
    /// The text has an error, and tor wouldn't read it either.
    Syntax(ParseTorrcError),
    /// A chain of files that include each other has more than 31 files, which
    /// tor doesn't allow. A common cause is a file that includes itself.
    TooDeep,
    /// More than 10,000 files would have to be read. A common cause is a file
    /// that is included again and again.
    TooMany,
}

impl fmt::Display for TorrcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            TorrcFileProblem::Io(_) => write!(f, "{path} cannot be read")?,
            TorrcFileProblem::NotAFile => write!(f, "{path} is not a file")?,
            TorrcFileProblem::Pattern(_) => write!(f, "the folders of {path} cannot be read")?,
            TorrcFileProblem::Syntax(error) => write!(f, "{path}, {error}")?,
            TorrcFileProblem::TooDeep => {
                write!(
                    f,
                    "{path} is included through more than 30 other files (do they include each other?)"
                )?;
            }
            TorrcFileProblem::TooMany => {
                write!(
                    f,
                    "{path} is not read because 10000 files were read before it (is it included again and again?)"
                )?;
            }
        }
        match &self.included_by {
            Some((path, line)) => write!(f, " (included by {}, line {line})", path.display()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TorrcError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            TorrcFileProblem::Io(source) | TorrcFileProblem::Pattern(source) => Some(&**source),
            _ => None,
        }
    }
}

impl Cause for TorrcError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }

    fn io_kind(&self) -> io::ErrorKind {
        match &self.problem {
            TorrcFileProblem::Io(source) | TorrcFileProblem::Pattern(source) => source.kind(),
            TorrcFileProblem::Syntax(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::InvalidInput,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::config::TorrcProblem;

    #[test]
    fn torrc_error_names_the_file_line_and_include() {
        let syntax = ParseTorrcError::new(3, "Nickname", TorrcProblem::AfterQuotes);
        assert!(
            syntax.to_string().starts_with("line 3 (Nickname): text other than a comment follows"),
            "{syntax}"
        );
        let error = TorrcError {
            path: "/etc/tor/a".into(),
            included_by: Some(("/etc/tor/torrc".into(), 7)),
            problem: TorrcFileProblem::Syntax(syntax),
        };
        let text = error.to_string();
        assert!(text.starts_with("/etc/tor/a, line 3 (Nickname): "), "{text}");
        assert!(text.ends_with("(included by /etc/tor/torrc, line 7)"), "{text}");
    }
}
