//! Files of tor's configuration that cannot be read.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::ParseTorrcError;
use crate::error::{Cause, ErrorKind};

/// A torrc, or a file that it includes, cannot be read. Nothing was read then.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TorrcError {
    /// The file, or what was looked for: for
    /// [`Pattern`](TorrcFileProblem::Pattern) as it stands behind `%include`.
    pub path: PathBuf,
    /// The file and line that include it; `None` for the torrc itself.
    pub included_by: Option<(PathBuf, usize)>,
    /// The problem.
    pub problem: TorrcFileProblem,
}

/// The problem of a [`TorrcError`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TorrcFileProblem {
    /// The operating system refused: the file is not there, or may not be read.
    Io(Arc<io::Error>),
    /// It is neither a file nor, if it is included, a folder.
    NotAFile,
    /// A folder that a pattern with `*` or `?` leads to cannot be read.
    Pattern(Arc<io::Error>),
    /// tor would not read it.
    Syntax(ParseTorrcError),
    /// Files include each other more than 31 deep, themselves maybe, and tor
    /// reads no more.
    TooDeep,
    /// There are more than 10,000 files, or the same ones again and again.
    TooMany,
}

impl fmt::Display for TorrcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            TorrcFileProblem::Io(_) => write!(f, "{path} cannot be read")?,
            TorrcFileProblem::NotAFile => write!(f, "{path} is no file")?,
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
                    "{path} is not read any more, after 10000 files (is it included again and again?)"
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
    use crate::config::TorrcProblem;

    #[test]
    fn it_says_where_and_what() {
        let syntax = ParseTorrcError::new(3, "Nickname", TorrcProblem::AfterQuotes);
        assert!(syntax.to_string().starts_with("line 3 (Nickname): something follows"), "{syntax}");
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
