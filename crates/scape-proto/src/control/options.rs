//! Lines of tor's configuration, and options whose values are secrets.

use std::fmt;

/// The text that replaces a secret.
pub const REDACTED: &str = "[redacted]";

/// Options whose values are secrets.
const SECRET_OPTIONS: &[&str] = &[
    "HashedControlPassword",
    "__HashedControlSessionPassword",
    "Socks5ProxyPassword",
    "HTTPProxyAuthenticator",
    "HTTPSProxyAuthenticator",
    "BridgePassword",
];

/// Options whose values aren't secrets, although each name is the beginning of
/// a secret option's name. An example is `Bridge`, because of `BridgePassword`.
const NO_SECRETS: &[&str] = &["Socks5Proxy", "HTTPProxy", "HTTPSProxy", "Bridge"];

/// Returns true if the option's values are secrets.
///
/// Case is ignored. An abbreviation of a secret option's name counts, because
/// tor accepts abbreviations. The full name of another option doesn't count.
/// For example, `HTTPProxy` doesn't count, although the name of the secret
/// option `HTTPProxyAuthenticator` begins with it.
///
/// A secret option's name with additional characters, such as a plural, counts
/// as well: tor rejects that name, but the value is still a secret.
///
/// ```
/// use scape_proto::control::is_secret_option;
///
/// assert!(is_secret_option("hashedcontrolpassword"));
/// assert!(!is_secret_option("Nickname"));
/// ```
pub fn is_secret_option(name: &str) -> bool {
    let is_same_up_to_the_shorter_end = |option: &&str| {
        let length = option.len().min(name.len());
        let (option, name) = (option.as_bytes().get(..length), name.as_bytes().get(..length));
        option.zip(name).is_some_and(|(option, name)| option.eq_ignore_ascii_case(name))
    };
    !name.is_empty()
        && SECRET_OPTIONS.iter().any(is_same_up_to_the_shorter_end)
        && !NO_SECRETS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Returns the part of a name that may be shown: up to the first byte that no
/// option's name contains. In a mistyped line such as
/// `HashedControlPassword=16:AB`, the rest of the name is the secret value.
pub(crate) fn shown_name(name: &str) -> &str {
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '%';
    name.split(|c| !is_of_a_name(c)).next().unwrap_or_default()
}

/// A line of the answer to GETCONF, or of a CONF_CHANGED event: an option's
/// name, in tor's spelling, and its value.
///
/// `Debug` and `Display` don't show the values of secret options, such as
/// `HashedControlPassword`.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConfLine {
    /// The option's name in tor's spelling. In the answer for a group such as
    /// `HiddenServiceOptions`, the name is that of a member, such as
    /// `HiddenServiceDir`.
    pub name: String,
    /// The value, without quotes and escapes. `None` if the option is unset; an
    /// empty value is `Some` with an empty text.
    pub value: Option<String>,
}

impl ConfLine {
    /// Creates a line from an option's name and value. `None` stands for an
    /// unset option.
    ///
    /// ```
    /// use scape_proto::control::ConfLine;
    ///
    /// let line = ConfLine::new("Nickname", Some("relay01".into()));
    /// assert_eq!(line.to_string(), "Nickname relay01");
    /// let secret = ConfLine::new("BridgePassword", Some("sesame".into()));
    /// assert_eq!(secret.to_string(), "BridgePassword [redacted]");
    /// ```
    pub fn new(name: impl Into<String>, value: Option<String>) -> Self {
        ConfLine { name: name.into(), value }
    }

    /// Returns the value, or `[redacted]` if the option's values are secrets.
    /// Returns `None` if the option is unset.
    pub(super) fn shown(&self) -> Option<&str> {
        let value = self.value.as_deref()?;
        let is_secret = is_secret_option(&self.name) || is_secret_option(shown_name(&self.name));
        Some(if is_secret { REDACTED } else { value })
    }
}

impl fmt::Display for ConfLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(shown_name(&self.name))?;
        self.shown().map_or(Ok(()), |value| write!(f, " {value}"))
    }
}

impl fmt::Debug for ConfLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfLine")
            .field("name", &shown_name(&self.name))
            .field("value", &self.shown())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_option_values_are_not_shown() {
        let line = ConfLine::new("hashedcontrolpassword", Some("16:ABCDEF".into()));
        assert!(!format!("{line} {line:?}").contains("ABCDEF"));
        assert_eq!(line.value.as_deref(), Some("16:ABCDEF"));
        for name in ["Socks5ProxyPass", "SOCKS5PROXYP", "HTTPProxyAuthenticators", "BridgePassw"] {
            let line = ConfLine::new(name, Some("s3cret".into()));
            assert!(!format!("{line} {line:?}").contains("s3cret"), "{name}");
        }
        for name in [
            "Socks5Proxy",
            "socks5proxy",
            "Bridge",
            "HTTPProxy",
            "Socks5ProxyUsername",
            "Nickname",
            "",
        ] {
            assert!(!is_secret_option(name), "{name}");
        }
        let line = ConfLine::new("ContactInfo", Some("me".into()));
        assert_eq!(line.to_string(), "ContactInfo me");
        assert_eq!(format!("{line:?}"), r#"ConfLine { name: "ContactInfo", value: Some("me") }"#);
        assert_eq!(ConfLine::new("ContactInfo", None).to_string(), "ContactInfo");
    }
}
