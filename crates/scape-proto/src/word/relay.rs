//! Names of relays on the control port.

use std::fmt;

use crate::word::Fingerprint;

/// A relay's name as tor writes it: `$FINGERPRINT~nickname` or `$FINGERPRINT`.
/// Older versions of tor also write `$FINGERPRINT=nickname` or only a nickname.
/// See control-spec, "LongName".
///
/// ```
/// use scape_proto::word::RelayName;
///
/// let relay = RelayName::from("$9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1");
/// assert_eq!(relay.nickname(), Some("moria1"));
/// assert!(relay.fingerprint().is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelayName {
    fingerprint: Option<Fingerprint>,
    nickname: Option<Box<str>>,
}

impl RelayName {
    /// Returns the fingerprint, or `None` if tor gave only a nickname.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Returns the nickname, or `None` if tor gave only a fingerprint. The
    /// relay's operator chooses the nickname, so several relays may have the
    /// same nickname.
    pub fn nickname(&self) -> Option<&str> {
        self.nickname.as_deref()
    }
}

impl From<&str> for RelayName {
    /// Reads a name. Never fails: text without a valid fingerprint is kept as a
    /// nickname.
    fn from(text: &str) -> Self {
        if text.starts_with('$')
            && let Some((id, rest)) = text.split_at_checked(1 + 2 * 20)
            && let nickname = rest.strip_prefix(['~', '='])
            && (nickname.is_some() || rest.is_empty())
            && let Ok(fingerprint) = id.parse()
        {
            return RelayName {
                fingerprint: Some(fingerprint),
                nickname: nickname.map(Into::into),
            };
        }
        RelayName { fingerprint: None, nickname: Some(text.into()) }
    }
}

impl From<Fingerprint> for RelayName {
    fn from(fingerprint: Fingerprint) -> Self {
        RelayName { fingerprint: Some(fingerprint), nickname: None }
    }
}

impl fmt::Display for RelayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.fingerprint, &self.nickname) {
            (Some(fingerprint), Some(nickname)) => write!(f, "${fingerprint}~{nickname}"),
            (Some(fingerprint), None) => write!(f, "${fingerprint}"),
            (None, nickname) => f.write_str(nickname.as_deref().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relay_name_in_every_form() {
        let fp = "9695DFC35FFEB861329B9F1AB04C46397020CE31";
        for (text, has_fp, nickname) in [
            (format!("${fp}~moria1"), true, Some("moria1")),
            (format!("${fp}=moria1"), true, Some("moria1")),
            (format!("${fp}"), true, None),
            ("moria1".to_string(), false, Some("moria1")),
            ("$short~x".to_string(), false, Some("$short~x")),
            (format!("${fp}x"), false, Some("$9695DFC35FFEB861329B9F1AB04C46397020CE31x")),
            (fp.replacen('9', "$é", 1), false, Some("$é695DFC35FFEB861329B9F1AB04C46397020CE31")),
        ] {
            let name = RelayName::from(text.as_str());
            assert_eq!(
                (name.fingerprint().is_some(), name.nickname()),
                (has_fp, nickname),
                "{text}"
            );
            assert_eq!(name.to_string(), text.replace('=', "~"));
        }
    }
}
