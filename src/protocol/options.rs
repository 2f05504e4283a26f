//! Lines of tor's configuration.

use std::fmt;

/// What is shown instead of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// The options whose values are secrets.
const SECRET_OPTIONS: &[&str] = &[
    "HashedControlPassword",
    "__HashedControlSessionPassword",
    "Socks5ProxyPassword",
    "HTTPProxyAuthenticator",
    "HTTPSProxyAuthenticator",
    "BridgePassword",
];

/// Options that aren't secrets, though their names begin as those of secrets.
const NO_SECRETS: &[&str] = &["Socks5Proxy", "HTTPProxy", "HTTPSProxy", "Bridge"];

/// Returns true if the option's values are secrets.
///
/// tor takes every abbreviation of an option, in any case, unless it is the
/// name of another one. A secret's name with more behind it, such as a plural,
/// counts as well: tor refuses it, but its value is a secret all the same.
pub(crate) fn is_secret_option(name: &str) -> bool {
    let is_same_up_to_the_shorter_end = |option: &&str| {
        let length = option.len().min(name.len());
        let (option, name) = (option.as_bytes().get(..length), name.as_bytes().get(..length));
        option.zip(name).is_some_and(|(option, name)| option.eq_ignore_ascii_case(name))
    };
    !name.is_empty()
        && SECRET_OPTIONS.iter().any(is_same_up_to_the_shorter_end)
        && !NO_SECRETS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// One line of GETCONF's answer: an option's name, in tor's spelling, and its
/// value.
///
/// `Debug` and `Display` do not show the values of options that are secrets,
/// such as `HashedControlPassword`.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConfLine {
    /// The option's name as tor spells it; for a group such as
    /// `HiddenServiceOptions` the member's name.
    pub name: String,
    /// The value; `None` where the option is unset (which is not the same as an
    /// empty value).
    pub value: Option<String>,
}

impl ConfLine {
    /// The line `name value`, or an unset option.
    pub fn new(name: impl Into<String>, value: Option<String>) -> Self {
        ConfLine { name: name.into(), value }
    }

    /// The value, as it may be shown.
    fn shown(&self) -> Option<&str> {
        let value = self.value.as_deref()?;
        Some(if is_secret_option(&self.name) { REDACTED } else { value })
    }
}

impl fmt::Display for ConfLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown() {
            Some(value) => write!(f, "{} {}", self.name, value),
            None => f.write_str(&self.name),
        }
    }
}

impl fmt::Debug for ConfLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfLine").field("name", &self.name).field("value", &self.shown()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
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
