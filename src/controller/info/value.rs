//! What the values of GETINFO have in common.

use crate::Controller;
use crate::error::{Error, Result};
use crate::protocol::Refusal;

/// How much of a value is shown in an error.
const SHOWN: usize = 200;

impl Controller {
    /// The value of a key as what `parse` makes of it.
    pub(super) fn read_info<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T> {
        let value = self.get_info(key)?;
        parse(&value).ok_or_else(|| malformed(key, &value))
    }

    /// The lines of a key's value as what `parse` makes of each.
    pub(in crate::controller) fn read_lines<T>(
        &self,
        key: &str,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>> {
        let lines = self.get_info_lines(key)?;
        lines.iter().map(|line| parse(line).ok_or_else(|| malformed(key, line))).collect()
    }

    /// The values of several keys, with one command.
    pub(super) fn read_many<const N: usize>(&self, keys: [&str; N]) -> Result<[String; N]> {
        let values = self.get_info_many(keys)?;
        values.try_into().map_err(|values: Vec<_>| {
            Error::answer(format!("GETINFO {}", keys.join(" ")), format!("{} values", values.len()))
        })
    }

    /// The value of a key that is `0` or `1`.
    pub(super) fn read_flag(&self, key: &str) -> Result<bool> {
        self.read_info(key, flag)
    }
}

/// `0` or `1`.
pub(super) fn flag(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// tor's answer has not the form that it should have.
pub(super) fn malformed(key: &str, value: impl AsRef<[u8]>) -> Error {
    let value = value.as_ref();
    let shown = String::from_utf8_lossy(value.get(..SHOWN).unwrap_or(value));
    let more = if value.len() > SHOWN { " and more" } else { "" };
    Error::answer(format!("GETINFO {key}"), format!("{shown:?}{more}"))
}

/// What tor does not know now (551) is nothing.
pub(super) fn unless_unknown<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == Some(551) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What tor has no document of (`552 Unrecognized key`) is nothing. Other texts
/// of 552 say more, and stay errors.
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
    use crate::protocol::Refusal;

    fn refused(code: u16, text: &str) -> Result<()> {
        Err(Refusal::new("GETINFO x", vec![(code, text.into())]).into())
    }

    #[test]
    fn what_is_nothing_and_what_is_an_error() {
        assert!(matches!(unless_unknown(refused(551, "Address unknown")), Ok(None)));
        assert!(unless_unknown(refused(552, "Unrecognized key \"x\"")).is_err());
        assert!(matches!(unless_unrecognized(refused(552, "Unrecognized key \"x\"")), Ok(None)));
        assert!(unless_unrecognized(refused(552, "We fetch microdescriptors")).is_err());
        assert!(unless_unrecognized(refused(551, "Unrecognized key \"x\"")).is_err());
        assert!(unless_unknown(Err::<(), _>(malformed("x", "y"))).is_err());
    }

    #[test]
    fn a_long_value_is_not_shown_whole() {
        let error = malformed("ns/all", vec![b'x'; 1000]).to_string();
        assert!(error.contains("GETINFO ns/all") && error.len() < 300, "{error}");
    }
}
