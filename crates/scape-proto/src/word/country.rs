//! Country codes, as tor's GeoIP data spells them.

use std::fmt;
use std::str::FromStr;

/// A two-letter country code, as in ISO 3166-1. tor's GeoIP data also has a few
/// codes of its own, such as `a1`.
///
/// `Display` writes the code in lower case, as tor does.
///
/// ```
/// use scape_proto::word::CountryCode;
///
/// let country: CountryCode = "DE".parse()?;
/// assert_eq!(country.to_string(), "de");
/// assert!("??".parse::<CountryCode>().is_err()); // tor's word for "unknown"
/// # Ok::<(), scape_proto::word::ParseCountryCodeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// Returns the code in lower case.
    pub fn as_str(&self) -> &str {
        // `from_str` accepts only ASCII, so this is always UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for CountryCode {
    type Err = ParseCountryCodeError;

    /// Reads two ASCII letters or digits, in either case.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is anything else, including tor's `??` for
    /// an unknown country.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match *text.as_bytes() {
            [a, b] if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() => {
                Ok(CountryCode([a.to_ascii_lowercase(), b.to_ascii_lowercase()]))
            }
            _ => Err(ParseCountryCodeError { text: text.into() }),
        }
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CountryCode({self})")
    }
}

/// The error for a text that isn't a country code.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a country code: it must be two letters or digits")]
pub struct ParseCountryCodeError {
    text: String,
}

error_debug!(ParseCountryCodeError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn country_code_is_two_letters_or_digits() {
        for bad in ["", "d", "deu", "??", "d ", "ü"] {
            assert!(bad.parse::<CountryCode>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn country_code_round_trip(text in "[a-zA-Z0-9]{2}") {
            let code: CountryCode = text.parse().unwrap();
            prop_assert_eq!(code.to_string(), text.to_ascii_lowercase());
            prop_assert_eq!(code.as_str().parse(), Ok(code));
        }
    }
}
