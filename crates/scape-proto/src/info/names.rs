//! `GETINFO info/names`, `config/names` and `config/defaults`: the keys and
//! options that a running tor knows.

use std::fmt;

use crate::control::{ConfLine, Words};
use crate::info::ConfigType;

/// A key of GETINFO, from `GETINFO info/names`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct InfoName {
    /// The key, such as `version`. The `*` that tor writes at the end of a
    /// prefix is left out. A few keys contain a placeholder, such as `<name>`.
    pub key: String,
    /// True if the key is a prefix that the caller must complete, such as
    /// `ip-to-country/` with an address.
    pub is_prefix: bool,
    /// A description of the key in English.
    pub description: String,
}

impl InfoName {
    /// Parses a line of `GETINFO info/names`. Returns `None` if the key or the
    /// description is missing.
    ///
    /// ```
    /// use scape_proto::info::InfoName;
    ///
    /// let name = InfoName::parse(b"ip-to-country/* -- Perform a GEOIP lookup").expect("it has both");
    /// assert_eq!((name.key.as_str(), name.is_prefix), ("ip-to-country/", true));
    /// ```
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(line);
        let (key, description) = line.split_once(" -- ")?;
        let prefix = key.strip_suffix('*');
        let key = prefix.unwrap_or(key);
        if key.is_empty() {
            return None;
        }
        Some(InfoName {
            key: key.into(),
            is_prefix: prefix.is_some(),
            description: description.into(),
        })
    }
}

impl fmt::Display for InfoName {
    /// Writes the key as tor does, without the description.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.key, if self.is_prefix { "*" } else { "" })
    }
}

/// A configuration option, from `GETINFO config/names`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ConfigName {
    /// The option's name, in tor's spelling.
    pub name: String,
    /// The option's type.
    pub ty: ConfigType,
}

impl ConfigName {
    /// Creates an option from its name and type.
    ///
    /// ```
    /// use scape_proto::info::{ConfigName, ConfigType};
    ///
    /// let option = ConfigName::new("BandwidthRate", ConfigType::DataSize);
    /// assert_eq!(option.to_string(), "BandwidthRate DataSize");
    /// ```
    pub fn new(name: impl Into<String>, ty: ConfigType) -> Self {
        ConfigName { name: name.into(), ty }
    }

    /// Parses a line of `GETINFO config/names`. Returns `None` if the name or
    /// the type is missing.
    ///
    /// ```
    /// use scape_proto::info::ConfigName;
    /// use scape_proto::info::ConfigType;
    ///
    /// let name = ConfigName::parse(b"BandwidthRate DataSize").expect("it has both");
    /// assert_eq!(name.ty, ConfigType::DataSize);
    /// ```
    pub fn parse(line: &[u8]) -> Option<Self> {
        let mut words = Words::new(line);
        let mut word = || Some(words.next_text()).filter(|word| !word.is_empty());
        let (name, ty) = (word()?, word()?);
        Some(ConfigName { name: name.into_owned(), ty: (&*ty).into() })
    }
}

impl fmt::Display for ConfigName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.ty)
    }
}

/// Parses a line of `GETINFO config/defaults`: an option's name and the default
/// value in quotes. Returns `None` if the line is malformed.
///
/// ```
/// use scape_proto::info::parse_config_default;
///
/// let line = parse_config_default(br#"MaxMemInQueues "1 GB""#).expect("it is well-formed");
/// assert_eq!((line.name.as_str(), line.value.as_deref()), ("MaxMemInQueues", Some("1 GB")));
/// ```
pub fn parse_config_default(line: &[u8]) -> Option<ConfLine> {
    let mut words = Words::new(line);
    let (name, value) = (words.next_text(), words.next_value());
    if name.is_empty() || !value.is_quoted() || !words.rest().is_empty() {
        return None;
    }
    Some(ConfLine::new(name, Some(value.text().into_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn info_names_are_parsed() {
        let name =
            InfoName::parse(b"hs/client/desc/id* -- Descriptor -- in client's cache").unwrap();
        assert_eq!((name.key.as_str(), name.is_prefix), ("hs/client/desc/id", true));
        assert_eq!(name.description, "Descriptor -- in client's cache");
        assert_eq!(name.to_string(), "hs/client/desc/id*");
        for bad in ["", "version", "* -- all", " -- nothing"] {
            assert_eq!(InfoName::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn config_names_and_defaults_are_parsed() {
        let name = ConfigName::parse(b"Tea Leaves A description").unwrap();
        assert_eq!((name.name.as_str(), name.ty.as_str()), ("Tea", "Leaves"));
        assert_eq!(ConfigName::parse(b"Tea"), None);
        assert_eq!(ConfigName::parse(b" Leaves"), None);

        let line = parse_config_default(br#"Log "notice \"x\" y""#).unwrap();
        assert_eq!((line.name.as_str(), line.value.as_deref()), ("Log", Some("notice \"x\" y")));
        assert_eq!(parse_config_default(br#"ExitNodes """#).unwrap().value.as_deref(), Some(""));
        for bad in ["", "Log", "Log notice", r#" "x""#, r#"Log "x" y"#] {
            assert_eq!(parse_config_default(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn name_parsers_never_panic(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            InfoName::parse(&line);
            ConfigName::parse(&line);
            parse_config_default(&line);
        }

        #[test]
        fn config_default_round_trip(name in "[A-Za-z]{1,12}", value in "\\PC{0,20}") {
            let line = format!("{name} {}", crate::control::c_string(&value));
            prop_assert_eq!(
                parse_config_default(line.as_bytes()),
                Some(ConfLine::new(name, Some(value)))
            );
        }

        #[test]
        fn info_name_round_trip(key in "[a-z/-]{1,20}", is_prefix: bool, description in "[a-zA-Z ?]{0,20}") {
            let name = InfoName { key, is_prefix, description };
            let line = format!("{name} -- {}", name.description);
            prop_assert_eq!(InfoName::parse(line.as_bytes()), Some(name));
        }
    }
}
