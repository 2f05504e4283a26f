//! `GETINFO address-mappings/…`: the addresses that tor replaces by others.

use std::fmt;

use crate::control::Words;
use crate::word::{Expiry, InOneLine};

/// An address mapping from `GETINFO address-mappings/…`: tor connects to `to`
/// when it is asked for `from`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AddressMapping {
    /// The name or address that tor is asked for. If it begins with `*.`, it
    /// means the name after `*.` and all names below that name.
    pub from: String,
    /// The name or address that tor connects to instead.
    pub to: String,
    /// The time at which the mapping ends.
    pub expires: Expiry,
}

impl AddressMapping {
    /// Creates a mapping from one name or address to another.
    ///
    /// ```
    /// use scape_proto::info::AddressMapping;
    /// use scape_proto::word::Expiry;
    ///
    /// let mapping = AddressMapping::new("a.example", "192.0.2.1", Expiry::Never);
    /// assert_eq!(mapping.to_string(), "a.example -> 192.0.2.1");
    /// ```
    pub fn new(from: impl Into<String>, to: impl Into<String>, expires: Expiry) -> Self {
        AddressMapping { from: from.into(), to: to.into(), expires }
    }

    /// Parses a line of `GETINFO address-mappings/…`. Returns `None` if one of
    /// the two addresses or the expiry time is missing.
    ///
    /// ```
    /// use scape_proto::info::AddressMapping;
    /// use scape_proto::word::Expiry;
    ///
    /// let mapping = AddressMapping::parse(b"*.e.example f.example NEVER").expect("it has all three");
    /// assert_eq!((mapping.from.as_str(), mapping.expires), ("*.e.example", Expiry::Never));
    /// ```
    pub fn parse(line: &[u8]) -> Option<Self> {
        let mut words = Words::new(line);
        let mut word = || Some(words.next_value()).filter(|word| !word.is_empty());
        let (from, to, expires) = (word()?, word()?, word()?);
        Some(AddressMapping {
            from: from.text().into_owned(),
            to: to.text().into_owned(),
            expires: Expiry::from(&*expires.text()),
        })
    }
}

impl fmt::Display for AddressMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{} -> {}", self.from, self.to)?;
        match &self.expires {
            Expiry::Never => Ok(()),
            expires => write!(f, ", until {expires}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn address_mapping_with_and_without_expiry() {
        let mapping =
            AddressMapping::parse(b"a.example 192.0.2.1 \"2026-11-21 02:12:34\"").unwrap();
        assert_eq!(
            mapping.expires,
            Expiry::At(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_227_154))
        );
        assert_eq!(mapping.to_string(), "a.example -> 192.0.2.1, until 2026-11-21 02:12:34");
        let odd = AddressMapping::parse(br#""a\n" "b\t" NEVER"#).unwrap();
        assert_eq!(odd.to_string(), "a\\n -> b\\t");
        for bad in ["", "a", "a b", "a b ", "a  NEVER"] {
            assert_eq!(AddressMapping::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn address_mapping_parser_never_panics(
            line in proptest::collection::vec(any::<u8>(), 0..60)
        ) {
            AddressMapping::parse(&line);
        }

        #[test]
        fn address_mapping_round_trip(from in "[a-z.*]{1,9}", to in "[a-z0-9.]{1,9}", seconds in 0_u64..1 << 32) {
            let expires = Expiry::At(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            let line = format!("{from} {to} \"{expires}\"");
            let mapping = AddressMapping::parse(line.as_bytes());
            prop_assert_eq!(mapping, Some(AddressMapping { from, to, expires }));
        }
    }
}
