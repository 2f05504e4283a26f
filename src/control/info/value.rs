//! Helpers that the typed GETINFO methods share.

use std::str::FromStr;

use crate::control::Controller;
use crate::error::{Error, Result};
use scape_proto::control::Refusal;

/// The maximum length of a value in an error's text, in bytes. Longer values
/// are cut off.
const SHOWN: usize = 200;

impl Controller {
    /// Returns a key's value, parsed with `parse`.
    pub(super) fn read_info<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T> {
        let value = self.get_info(key)?;
        parse(&value).ok_or_else(|| malformed(key, &value))
    }

    /// Returns the lines of a key's value, each parsed with `parse`.
    pub(in crate::control) fn read_lines<T>(
        &self,
        key: &str,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>> {
        let lines = self.get_info_lines(key)?;
        lines.iter().map(|line| parse(line).ok_or_else(|| malformed(key, line))).collect()
    }

    /// Returns the values of several keys. Sends one command.
    pub(super) fn read_many<const N: usize>(&self, keys: [&str; N]) -> Result<[String; N]> {
        let values = self.info().get_many(keys)?;
        values.try_into().map_err(|values: Vec<_>| {
            Error::answer(format!("GETINFO {}", keys.join(" ")), format!("{} values", values.len()))
        })
    }

    /// Returns a key's value, which must be `0` or `1`, as a boolean.
    pub(super) fn read_flag(&self, key: &str) -> Result<bool> {
        self.read_info(key, flag)
    }
}

/// Reads `0` or `1`. Returns `None` for any other text.
pub(super) fn flag(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// Creates the error for a value that can't be parsed.
pub(super) fn malformed(key: &str, value: impl AsRef<[u8]>) -> Error {
    let value = value.as_ref();
    let shown = String::from_utf8_lossy(value.get(..SHOWN).unwrap_or(value));
    let more = if value.len() > SHOWN { " and more" } else { "" };
    Error::answer(format!("GETINFO {key}"), format!("{shown:?}{more}"))
}

/// Parses a line as one value. Returns `None` if the line can't be parsed.
pub(super) fn parse_line<T: FromStr>(line: &[u8]) -> Option<T> {
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// Turns the refusal 551 into `None`. tor sends this refusal if the value
/// doesn't exist at the moment.
pub(super) fn unless_unknown<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == Some(551) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Turns the refusal `552 Unrecognized key` into `None`. tor sends this refusal
/// if it doesn't have the document. Refusals with the code 552 and another text
/// have other reasons and stay errors.
pub(super) fn unless_unrecognized<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if error.exact().is_some_and(|refusal: &Refusal| {
                refusal.code() == 552 && refusal.text().starts_with("Unrecognized key")
            }) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scape_proto::control::Refusal;

    fn refused(code: u16, text: &str) -> Result<()> {
        Err(Refusal::new("GETINFO x", vec![(code, text.into())]).into())
    }

    #[test]
    fn only_refusals_for_missing_values_become_none() {
        assert!(matches!(unless_unknown(refused(551, "Address unknown")), Ok(None)));
        assert!(unless_unknown(refused(552, "Unrecognized key \"x\"")).is_err());
        assert!(matches!(unless_unrecognized(refused(552, "Unrecognized key \"x\"")), Ok(None)));
        assert!(unless_unrecognized(refused(552, "We fetch microdescriptors")).is_err());
        assert!(unless_unrecognized(refused(551, "Unrecognized key \"x\"")).is_err());
        assert!(unless_unknown(Err::<(), _>(malformed("x", "y"))).is_err());
    }

    #[test]
    fn long_value_is_cut_in_the_error() {
        let error = malformed("ns/all", vec![b'x'; 1000]).to_string();
        assert!(error.contains("GETINFO ns/all") && error.len() < 300, "{error}");
    }
}
