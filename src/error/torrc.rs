//! Files of tor's configuration that cannot be read.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A text that tor would not read as a torrc. What it says is not in here: it
/// may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {problem}", named(.name))]
#[non_exhaustive]
pub struct ParseTorrcError {
    /// The number of the line; the first is 1.
    pub line: usize,
    /// The name of the option, where there is one.
    pub name: String,
    /// What is wrong.
    pub problem: TorrcProblem,
}

/// What is wrong with a line of a torrc.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TorrcProblem {
    /// The value begins with a quote, and is no quoted string: it has no other
    /// quote on the line, or an escape that tor does not know.
    #[error(
        "the value in quotes has no end on this line, or an escape other than \\n, \\r, \\t, \\', \\\", \\\\, \\x41 and \\101"
    )]
    Quotes,
    /// Something other than a comment follows a value in quotes.
    #[error("something follows the value in quotes that is no comment")]
    AfterQuotes,
}

fn named(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" ({name})") }
}

impl ParseTorrcError {
    pub(crate) fn new(line: usize, name: impl Into<String>, problem: TorrcProblem) -> Self {
        ParseTorrcError { line, name: name.into(), problem }
    }
}

/// A torrc, or a file that it includes, cannot be read. Nothing was read then.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TorrcError {
    /// The file, or what was looked for: for
    /// [`Pattern`](TorrcFileProblem::Pattern) as it stands behind `%include`.
    pub path: PathBuf,
    /// The file and line that include it; `None` for the torrc itself.
    pub included_by: Option<(PathBuf, usize)>,
    /// What is wrong.
    pub problem: TorrcFileProblem,
}

/// What is wrong with a file of tor's configuration.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TorrcFileProblem {
    /// The operating system would not give it: it is not there, or may not be
    /// read.
    Io(Arc<io::Error>),
    /// It is neither a file nor, where it is included, a folder.
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

impl TorrcError {
    pub(super) fn io_kind(&self) -> io::ErrorKind {
        match &self.problem {
            TorrcFileProblem::Io(source) | TorrcFileProblem::Pattern(source) => source.kind(),
            TorrcFileProblem::Syntax(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::InvalidInput,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
