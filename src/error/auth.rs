//! Why tor could not be convinced.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Closed, Refusal};

/// Authentication failed. control-spec, sections AUTHENTICATE, AUTHCHALLENGE and PROTOCOLINFO.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// tor offers only methods that this library does not know.
    #[error("tor offers no authentication method that is known here (it offers: {offered})")]
    NoKnownMethod {
        /// The methods that tor offers, separated by commas.
        offered: String,
    },
    /// tor wants a password, and none was given.
    #[error(
        "tor wants a password (HashedControlPassword), and none was given{}",
        .cookie.as_ref().map(|e| format!("; its cookie was tried first: {e}")).unwrap_or_default()
    )]
    PasswordMissing {
        /// What happened to the cookie, where tor offers one as well.
        cookie: Option<Box<AuthError>>,
    },
    /// The password is not the one whose hash tor has in HashedControlPassword.
    #[error("tor refused the password: {}", .0.text())]
    PasswordWrong(Box<Refusal>),
    /// The cookie file cannot be read.
    #[error(
        "cannot read tor's cookie file {path:?}; the user must be in the group that owns it \
         (with CookieAuthFileGroupReadable 1), or a password must be given"
    )]
    CookieUnreadable {
        /// The file, as tor names it.
        path: PathBuf,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
    /// The cookie file has not exactly 32 bytes, so it is no cookie and is not sent to anyone.
    #[error("tor's cookie file {path:?} has {length} bytes instead of 32; it was not sent")]
    CookieSize {
        /// The file, as tor names it.
        path: PathBuf,
        /// Its length.
        length: u64,
    },
    /// tor offers cookie authentication without naming a file, and none was given.
    #[error("tor offers cookie authentication but names no cookie file; give its path")]
    CookieUnnamed,
    /// tor refused the cookie: the file is not, or no longer, this tor's.
    #[error("tor refused the cookie of {path:?}: {}; is this the cookie of the tor that was connected to?", .refusal.text())]
    CookieRejected {
        /// The file, as tor names it.
        path: PathBuf,
        /// tor's answer.
        refusal: Box<Refusal>,
    },
    /// The peer does not know the cookie that it asks for (SAFECOOKIE): it is not the tor that wrote
    /// the file, and nothing was revealed to it.
    #[error(
        "the peer does not know the content of {path:?}: it is not the tor that wrote this file; \
         nothing was revealed to it"
    )]
    ServerHashWrong {
        /// The file that the peer named.
        path: PathBuf,
    },
    /// The peer is not a control port.
    #[error("this is not a control port: {what}")]
    NotAControlPort {
        /// What it seems to be, from what it said.
        what: String,
    },
    /// tor refused for another reason.
    #[error("tor refused: {}", .0.text())]
    Refused(Box<Refusal>),
    /// The connection ended while authenticating.
    #[error("the connection ended while authenticating")]
    Closed(#[source] Closed),
    /// Several methods were tried, and all failed.
    #[error("every authentication method failed: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    All(Vec<AuthError>),
}
