//! The error for a document whose signatures are not valid.

use std::fmt;

/// The error for a document whose signatures can't be trusted.
///
/// ```
/// use std::time::SystemTime;
/// use scape_proto::netdoc::{ServerDescriptor, VerifyProblem};
///
/// let relay = ServerDescriptor::parse(b"router relay04 127.0.0.14 9004 0 0\n")?;
/// let error = relay.verify(SystemTime::UNIX_EPOCH).expect_err("nothing is signed");
/// assert_eq!((error.line(), error.problem()), ("signing-key", VerifyProblem::Missing));
/// assert_eq!(error.to_string(), "signing-key: the line is missing or malformed");
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyError {
    line: &'static str,
    problem: VerifyProblem,
}

error_debug!(VerifyError);

impl VerifyError {
    pub(super) fn new(line: &'static str, problem: VerifyProblem) -> Self {
        VerifyError { line, problem }
    }

    /// Returns the keyword of the line that has the problem.
    pub fn line(&self) -> &'static str {
        self.line
    }

    /// Returns the problem with the line.
    pub fn problem(&self) -> VerifyProblem {
        self.problem
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.problem)
    }
}

impl std::error::Error for VerifyError {}

/// The reason why a document can't be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyProblem {
    /// A line that the check needs is missing or malformed.
    #[error("the line is missing or malformed")]
    Missing,
    /// The key isn't a valid key of the required type and size.
    #[error("the key is not valid")]
    Key,
    /// The certificate is malformed or has the wrong type.
    #[error("the certificate is malformed or has the wrong type")]
    Certificate,
    /// The value contradicts another line of the document.
    #[error("the value contradicts another line")]
    Mismatch,
    /// The document or the certificate isn't valid at the given time.
    #[error("not valid at the given time")]
    Expired,
    /// The signature was not made by the key, or the signed text was changed.
    #[error("the signature is wrong")]
    Signature,
    /// The document has lines that the signature doesn't cover, such as lines
    /// after the signature.
    #[error("the document has lines that are not signed")]
    Unsigned,
    /// Fewer than the required number of trusted authorities signed.
    #[error("{valid} valid signatures of known authorities, and {required} are required")]
    TooFewSignatures {
        /// The number of authorities whose signature is valid.
        valid: usize,
        /// The number of authorities that must have signed.
        required: usize,
    },
}
