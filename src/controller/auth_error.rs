//! Authentication that failed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Cause, ErrorKind};

use crate::connection::Closed;
use crate::protocol::{Refusal, excerpt};

/// Authentication failed. control-spec, sections AUTHENTICATE, AUTHCHALLENGE
/// and PROTOCOLINFO.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// tor offers only methods that this library does not know.
    #[error("tor offers no authentication method that is known here (it offers: {})", excerpt(.offered))]
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
        /// The error of the cookie, if tor offers one as well.
        cookie: Option<Box<AuthError>>,
    },
    /// The password is not the one whose hash tor has in HashedControlPassword.
    #[error("tor refused the password: {}", without_quoting_advice(&.0.excerpt()))]
    PasswordWrong(Box<Refusal>),
    /// The cookie file cannot be read.
    #[error("cannot read tor's cookie file {}: {}", shown(.path), cookie_advice(.source))]
    CookieUnreadable {
        /// The file, as tor names it.
        path: PathBuf,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
    /// The cookie file has not exactly 32 bytes, so it is no cookie and is not
    /// sent to anyone.
    #[error("tor's cookie file {} has {length} bytes instead of 32; it was not sent", shown(.path))]
    CookieSize {
        /// The file, as tor names it.
        path: PathBuf,
        /// The length.
        length: u64,
    },
    /// tor offers cookie authentication without naming a file, and none was
    /// given.
    #[error("tor offers cookie authentication but names no cookie file; give its path")]
    CookieUnnamed,
    /// tor offers cookie authentication only in the form that sends it the
    /// content of a file, and only tor itself has named that file. Nothing was
    /// sent, because any program could name any file.
    #[error(
        "tor wants the content of {}, which only tor itself has named, so it was not sent; \
         if this is its cookie file, give the path (Connect::cookie_file), or use a tor that offers SAFECOOKIE",
        shown(.path)
    )]
    CookieFromPeer {
        /// The file, as tor names it.
        path: PathBuf,
    },
    /// The peer offers SAFECOOKIE, and does not answer AUTHCHALLENGE as tor
    /// does. It is not the tor that wrote the file, and nothing was revealed to
    /// it, also no password.
    #[error(
        "the peer offers SAFECOOKIE for {} but answered AUTHCHALLENGE with {answer:?}: it is not a tor, \
         or something between changes its answers; nothing was revealed to it",
        shown(.path)
    )]
    NoChallenge {
        /// The file that the peer named, or the one that was given.
        path: PathBuf,
        /// The answer, or its beginning.
        answer: String,
    },
    /// tor refused the cookie: the file is not, or no longer, this tor's.
    #[error("tor refused the cookie of {}: {}; is this the cookie of the tor that was connected to?", shown(.path), .refusal.excerpt())]
    CookieRejected {
        /// The file, as tor names it.
        path: PathBuf,
        /// tor's answer.
        refusal: Box<Refusal>,
    },
    /// The peer does not know the cookie that it asks for (SAFECOOKIE): it is
    /// not the tor that wrote the file, and nothing was revealed to it.
    #[error(
        "the peer does not know the content of {}: it is not the tor that wrote this file; \
         nothing was revealed to it",
        shown(.path)
    )]
    ServerHashWrong {
        /// The file that the peer named.
        path: PathBuf,
    },
    /// The peer is not a control port.
    #[error("this is not a control port: {what}")]
    NotAControlPort {
        /// The kind of peer that it seems to be, from its answer.
        what: String,
    },
    /// tor refused for another reason.
    #[error("tor refused: {}", .0.excerpt())]
    Refused(Box<Refusal>),
    /// The connection ended while authenticating.
    #[error("the connection ended while authenticating")]
    Closed(#[source] Closed),
    /// A method failed, and this one could not be tried, because tor hangs up
    /// after a failure and the transport can't be opened again.
    #[error(
        "another method was not tried: tor hangs up after a failure, and Connect::authenticate_over has one transport; use Connect::through"
    )]
    NotTried,
    /// Several methods were tried, and all failed.
    #[error("every authentication method failed: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    All(Vec<AuthError>),
}

/// Returns a path that a peer may have named, as it is shown.
fn shown(path: &Path) -> String {
    excerpt(&format!("{path:?}"))
}

/// tor's text without its advice for those who type AUTHENTICATE themselves.
fn without_quoting_advice(text: &str) -> &str {
    text.split_once(". Maybe you tried").map_or(text, |(before, _)| before)
}

/// Returns advice for a cookie file that can't be read.
fn cookie_advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file here; if tor runs in a container, a chroot or on another machine, give the path \
             of its cookie file (Connect::cookie_file) or a password"
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not read it; add the user to the file's group (on Debian: adduser USER debian-tor; needs \
             CookieAuthFileGroupReadable 1) and log in again, or give a password"
        }
        _ => "give the path of tor's cookie file (Connect::cookie_file) or a password",
    }
}

impl Cause for AuthError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Auth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_that_a_peer_gives_are_shown_on_one_page() {
        let long = "x".repeat(1 << 20);
        let path = PathBuf::from(&long);
        let source = Arc::new(io::Error::from(io::ErrorKind::NotFound));
        for error in [
            AuthError::NoKnownMethod { offered: long },
            AuthError::CookieUnreadable { path: path.clone(), source },
            AuthError::CookieSize { path: path.clone(), length: 3 },
            AuthError::CookieFromPeer { path: path.clone() },
            AuthError::NoChallenge { path: path.clone(), answer: "250 OK".into() },
            AuthError::CookieRejected {
                path: path.clone(),
                refusal: Box::new(Refusal::new("x", Vec::new())),
            },
            AuthError::ServerHashWrong { path },
        ] {
            assert!(error.to_string().len() < 4096, "{:.200}", error.to_string());
        }
    }
}
