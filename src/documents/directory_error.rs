//! [`DirectoryError`]: a document that no directory server sent.

use std::fmt;
use std::net::SocketAddr;

use crate::error::{Cause, ErrorKind};

/// The error for a document that no directory server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryError {
    path: Box<str>,
    failures: Vec<DirectoryFailure>,
    is_timeout: bool,
}

/// A failed request to one directory server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectoryFailure {
    /// The server that was asked.
    pub server: SocketAddr,
    /// The reason why the request failed.
    pub problem: DirectoryProblem,
}

/// The reason why a directory server sent no document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectoryProblem {
    /// The server answered with this HTTP status. 404 means that it doesn't
    /// have the document.
    Status(u16),
    /// The request failed. The text says why.
    Request(Box<str>),
    /// The answer isn't the document that was asked for. The text says why.
    Document(Box<str>),
}

impl DirectoryError {
    pub(super) fn new(path: &str, failures: Vec<DirectoryFailure>, is_timeout: bool) -> Self {
        DirectoryError { path: path.into(), failures, is_timeout }
    }

    /// Returns the path of the document in the directory protocol, such as
    /// `/tor/keys/all`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the failed requests, in the order in which they were made.
    pub fn failures(&self) -> &[DirectoryFailure] {
        &self.failures
    }

    /// Returns true if all servers were asked, and none has the document.
    pub(super) fn is_missing(&self) -> bool {
        let is_404 = |failure: &DirectoryFailure| failure.problem == DirectoryProblem::Status(404);
        !self.is_timeout && !self.failures.is_empty() && self.failures.iter().all(is_404)
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no directory server sent {}", self.path)?;
        if self.failures.is_empty() {
            return f.write_str(": no server was asked in time");
        }
        for (position, failure) in self.failures.iter().enumerate() {
            f.write_str(if position == 0 { ": " } else { "; " })?;
            write!(f, "{failure}")?;
        }
        Ok(())
    }
}

impl fmt::Display for DirectoryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.server)?;
        match &self.problem {
            DirectoryProblem::Status(404) => f.write_str("it doesn't have the document (404)"),
            DirectoryProblem::Status(status) => write!(f, "HTTP status {status}"),
            DirectoryProblem::Request(text) | DirectoryProblem::Document(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for DirectoryError {}

impl Cause for DirectoryError {
    fn kind(&self) -> ErrorKind {
        if self.is_missing() {
            ErrorKind::NotFound
        } else if self.is_timeout {
            ErrorKind::Timeout
        } else {
            ErrorKind::Network
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_error_names_each_server_and_its_answer() {
        let failure = |port: u16, problem| DirectoryFailure {
            server: ([127, 0, 0, 1], port).into(),
            problem,
        };
        let missing = vec![failure(1, DirectoryProblem::Status(404))];
        let error = DirectoryError::new("/tor/keys/all", missing.clone(), false);
        assert_eq!(error.kind(), ErrorKind::NotFound);
        // The deadline has passed, and a server that wasn't asked might have
        // the document.
        let error = DirectoryError::new("/tor/keys/all", missing.clone(), true);
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let both =
            [missing, vec![failure(2, DirectoryProblem::Request("refused".into()))]].concat();
        let error = DirectoryError::new("/tor/keys/all", both, false);
        assert_eq!(error.kind(), ErrorKind::Network);
        assert_eq!(
            error.to_string(),
            "no directory server sent /tor/keys/all: 127.0.0.1:1: it doesn't have the document (404); \
             127.0.0.1:2: refused"
        );
        let error = DirectoryError::new("/tor/keys/all", Vec::new(), true);
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
}
