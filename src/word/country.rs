//! Countries, as tor's GeoIP data names them.

use std::fmt;
use std::str::FromStr;

/// A country by its two letters, as in ISO 3166-1. tor's data has a few codes
/// of its own besides, such as `a1`.
///
/// `Display` writes it in lower case, as tor does.
///
/// ```
/// use scape::word::CountryCode;
///
/// let country: CountryCode = "DE".parse()?;
/// assert_eq!(country.to_string(), "de");
/// assert!("??".parse::<CountryCode>().is_err()); // tor's word for "unknown"
/// # Ok::<(), scape::word::ParseCountryCodeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// The code, in lower case.
    pub fn as_str(&self) -> &str {
        // They are ASCII, as parsing has made sure.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for CountryCode {
    type Err = ParseCountryCodeError;

    /// Two letters or digits, in either case.
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

/// A text that is no country code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no country code: it must be two letters or digits")]
pub struct ParseCountryCodeError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_letters_and_nothing_else() {
        for bad in ["", "d", "deu", "??", "d ", "ü"] {
            assert!(bad.parse::<CountryCode>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_code_goes_there_and_back(text in "[a-zA-Z0-9]{2}") {
            let code: CountryCode = text.parse().unwrap();
            prop_assert_eq!(code.to_string(), text.to_ascii_lowercase());
            prop_assert_eq!(code.as_str().parse(), Ok(code));
        }
    }
}
