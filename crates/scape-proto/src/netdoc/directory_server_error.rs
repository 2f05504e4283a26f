//! The error for a directory authority or a fallback directory that can't be
//! parsed, and the parsers that both have in common.

use std::net::SocketAddrV6;

use super::LineProblem;
use super::value::{decode_hex, fraction};
use crate::word::Fingerprint;

/// The error for a text that can't be parsed as a
/// [`DirectoryAuthority`](super::DirectoryAuthority) or as a
/// [`FallbackDirectory`](super::FallbackDirectory).
///
/// ```
/// use scape_proto::netdoc::{DirectoryAuthority, LineProblem};
///
/// let error = "auth orport=443".parse::<DirectoryAuthority>().expect_err("it has no address");
/// assert_eq!(error.problem(), LineProblem::Words);
/// assert_eq!(error.to_string(), r#""auth orport=443" is not a directory: too few words"#);
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a directory: {problem}")]
pub struct ParseDirectoryServerError {
    text: Box<str>,
    problem: LineProblem,
}

error_debug!(ParseDirectoryServerError);

impl ParseDirectoryServerError {
    pub(super) fn new(text: &str, problem: LineProblem) -> Self {
        ParseDirectoryServerError { text: text.into(), problem }
    }

    /// Returns the reason why the text can't be parsed.
    pub fn problem(&self) -> LineProblem {
        self.problem
    }
}

/// Parses a port from 1 to 65535. Like tor, this function accepts the sign `+`.
pub(super) fn port_of(value: &str) -> Result<u16, LineProblem> {
    let port = value.parse().ok().filter(|port| *port > 0);
    port.ok_or(LineProblem::Value("the port must be a number from 1 to 65535"))
}

/// Parses an IPv6 address in brackets with a port.
pub(super) fn ipv6_of(value: &str) -> Result<SocketAddrV6, LineProblem> {
    const FORM: &str = "the address must be an IPv6 address in brackets with a port";
    value.parse().map_err(|_| LineProblem::Value(FORM))
}

/// Parses a fingerprint of 40 hexadecimal digits.
pub(super) fn digits_of(value: &str) -> Result<Fingerprint, LineProblem> {
    const FORM: &str = "the fingerprint must be 40 hexadecimal digits";
    let bytes = decode_hex(value.as_bytes()).ok_or(LineProblem::Value(FORM))?;
    Ok(Fingerprint::from_bytes(bytes))
}

/// Parses a weight, which must not be negative.
pub(super) fn weight_of(value: &str) -> Result<f64, LineProblem> {
    const FORM: &str = "the weight must be a number that is not negative";
    fraction(value).ok_or(LineProblem::Value(FORM))
}
