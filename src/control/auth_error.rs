//! The type [`AuthError`]: the reasons why authentication failed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Cause, ErrorKind};

use crate::io::connection::Closed;
use scape_proto::control::{Refusal, excerpt};

/// The reason why authentication failed. See control-spec, sections
/// AUTHENTICATE, AUTHCHALLENGE and PROTOCOLINFO.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .on("PROTOCOLINFO 1", "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=HASHEDPASSWORD\r\n250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n")
/// #     .start()?;
/// use scape::control::AuthError;
///
/// let error = scape::Connect::new().authenticate_over(tor.transport()?).unwrap_err();
/// assert!(matches!(error.get::<AuthError>(), Some(AuthError::PasswordMissing { .. })));
/// # Ok::<(), scape::Error>(())
/// ```
#[doc(alias = "AuthenticationFailure")]
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// tor offers only methods that this library doesn't support.
    #[doc(alias = "UnrecognizedAuthMethods")]
    #[error("tor offers no authentication method that is known here (it offers: {})", excerpt(.offered))]
    NoKnownMethod {
        /// The methods that tor offers, separated by commas.
        offered: String,
    },
    /// tor wants a password, and the program has set none.
    #[doc(alias = "MissingPassword")]
    #[error(
        "tor wants a password (HashedControlPassword), and none was given{}",
        .cookie.as_ref().map(|e| format!("; its cookie was tried first: {e}")).unwrap_or_default()
    )]
    PasswordMissing {
        /// The error of cookie authentication. `None` if tor doesn't offer
        /// cookie authentication.
        cookie: Option<Box<AuthError>>,
    },
    /// The password is wrong: it doesn't match the hash in tor's option
    /// `HashedControlPassword`.
    #[doc(alias = "IncorrectPassword")]
    #[error("tor refused the password: {}", without_quoting_advice(&.0.excerpt()))]
    PasswordWrong(Box<Refusal>),
    /// The cookie file can't be read.
    #[doc(alias = "UnreadableCookieFile")]
    #[error("cannot read tor's cookie file {}: {}", shown(.path), cookie_advice(.source))]
    CookieUnreadable {
        /// The path of the file: the path that the program set, or else the
        /// path that tor reported (PROTOCOLINFO).
        path: PathBuf,
        /// The operating system's error.
        source: Arc<io::Error>,
    },
    /// The cookie file doesn't have exactly 32 bytes, so it isn't a cookie. The
    /// content was not sent to anyone.
    #[doc(alias = "IncorrectCookieSize")]
    #[error("tor's cookie file {} has {length} bytes instead of 32; it was not sent", shown(.path))]
    CookieSize {
        /// The path of the file: the path that the program set, or else the
        /// path that tor reported (PROTOCOLINFO).
        path: PathBuf,
        /// The length of the file in bytes.
        length: u64,
    },
    /// tor offers cookie authentication but doesn't name the file, and the
    /// program hasn't set [`cookie_file`](crate::Connect::cookie_file).
    #[doc(alias = "NoAuthCookie")]
    #[error(
        "tor offers cookie authentication but names no cookie file; give its path, such as in TOR_CONTROL_COOKIE_AUTH_FILE"
    )]
    CookieUnnamed,
    /// tor offers COOKIE but not SAFECOOKIE, and only tor itself has named the
    /// cookie file. The content of the file was not sent, because a hostile
    /// peer may name any file.
    #[error(
        "tor wants the content of {}, which only tor itself has named, so it was not sent; \
         if this is its cookie file, give the path, such as in TOR_CONTROL_COOKIE_AUTH_FILE, or use a tor that offers SAFECOOKIE",
        shown(.path)
    )]
    CookieFromPeer {
        /// The path of the file, which tor reported (PROTOCOLINFO).
        path: PathBuf,
    },
    /// The peer offers SAFECOOKIE but doesn't answer AUTHCHALLENGE like tor.
    /// Either the peer is not a tor, or a program in between changes tor's
    /// answers. The peer got neither the cookie nor a password.
    #[doc(alias = "AuthChallengeFailed")]
    #[error(
        "the peer offers SAFECOOKIE for {} but answered AUTHCHALLENGE with {answer:?}: it is not a tor, \
         or something between changes its answers; nothing was revealed to it",
        shown(.path)
    )]
    NoChallenge {
        /// The path of the file: the path that the program set, or else the
        /// path that tor reported (PROTOCOLINFO).
        path: PathBuf,
        /// The answer, or the beginning of a long one.
        answer: String,
    },
    /// tor refused the cookie. The file belongs to another tor, or tor has
    /// replaced it.
    #[doc(alias = "IncorrectCookieValue")]
    #[error("tor refused the cookie of {}: {}; is this the cookie of the tor that was connected to?", shown(.path), .refusal.excerpt())]
    CookieRejected {
        /// The path of the file: the path that the program set, or else the
        /// path that tor reported (PROTOCOLINFO).
        path: PathBuf,
        /// tor's refusal of the cookie.
        refusal: Box<Refusal>,
    },
    /// The peer offers SAFECOOKIE but doesn't know the cookie. It is not the
    /// tor that wrote the file. Nothing was revealed to it.
    #[doc(alias = "AuthSecurityFailure")]
    #[error(
        "the peer does not know the content of {}: it is not the tor that wrote this file; \
         nothing was revealed to it",
        shown(.path)
    )]
    ServerHashWrong {
        /// The path of the file: the path that the program set, or else the
        /// path that tor reported (PROTOCOLINFO).
        path: PathBuf,
    },
    /// The peer is not a control port.
    #[doc(alias = "IncorrectSocketType")]
    #[error("this is not a control port: {what}")]
    NotAControlPort {
        /// A description of the peer, derived from its answer.
        what: String,
    },
    /// tor refused a command of the authentication, for a reason that no other
    /// variant describes.
    #[error("tor refused: {}", .0.excerpt())]
    Refused(Box<Refusal>),
    /// The connection ended during authentication.
    #[error("the connection ended while authenticating")]
    Closed(#[source] Closed),
    /// A method could not be tried, because tor hung up after another method
    /// failed, and the transport can't be opened again.
    #[error(
        "another method was not tried: tor hangs up after a failure, and Connect::authenticate_over has one transport; use Connect::through"
    )]
    NotTried,
    /// Several methods were tried, and all of them failed.
    #[error("every authentication method failed: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    All(Vec<AuthError>),
}

/// Returns a path as quoted text for an error message. A long path is cut off,
/// because a hostile peer may have sent it.
fn shown(path: &Path) -> String {
    excerpt(&format!("{path:?}"))
}

/// Returns tor's text of a refusal without the advice at its end, which is for
/// people who type AUTHENTICATE by hand.
fn without_quoting_advice(text: &str) -> &str {
    text.split_once(". Maybe you tried").map_or(text, |(before, _)| before)
}

/// Returns advice for the user whose cookie file can't be read.
fn cookie_advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file here; if tor runs in a container, a chroot or on another machine, give the path \
             of its cookie file, such as in TOR_CONTROL_COOKIE_AUTH_FILE, or a password"
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not read it; add the user to the file's group (on Debian: adduser USER debian-tor; needs \
             CookieAuthFileGroupReadable 1) and log in again, or give a password"
        }
        _ => {
            "give the path of tor's cookie file, such as in TOR_CONTROL_COOKIE_AUTH_FILE, or a password"
        }
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
    fn long_names_from_a_peer_are_shortened_in_errors() {
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
