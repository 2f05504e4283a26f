//! Strings: values of any type, as they are written.

use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, check};
use crate::info::ConfigType;

/// Supports options of every type. The string is the line as in a torrc,
/// without quotes. It is [checked](check()), and it must not contain line ends.
/// An empty string unsets the option, as in tor. For a list, the string is one
/// line.
impl ToConfigValue for str {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        if let Some(position) = self.find(['\r', '\n']) {
            return Err(ConfigValueProblem::LineEnd { position });
        }
        check(ty, self)?;
        Ok(if self.is_empty() { Vec::new() } else { vec![self.to_owned()] })
    }
}

/// Converts the string in the same way as a `str`.
impl ToConfigValue for String {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        self.as_str().to_config(ty)
    }
}

impl<T: ToConfigValue + ?Sized> ToConfigValue for &T {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        (**self).to_config(ty)
    }
}

/// Supports options of every type, if the option has exactly one line. Returns
/// an error if the option is unset or has several lines.
impl FromConfigValue for String {
    fn from_config(_: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        match lines {
            [] => Err(ConfigValueProblem::Unset),
            [line] => Ok(line.clone()),
            _ => Err(ConfigValueProblem::ManyLines { lines: lines.len() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn string_is_one_line_or_none() {
        assert_eq!("".to_config(&ConfigType::String), Ok(vec![]));
        assert_eq!(
            "yes".to_config(&ConfigType::Boolean),
            Err(ConfigValueProblem::Malformed { ty: ConfigType::Boolean })
        );
        assert_eq!(
            "a\0b".to_config(&ConfigType::String),
            Err(ConfigValueProblem::Nul { position: 1 })
        );
        for (text, position) in [("a\r\n", 1), ("\n", 0)] {
            assert_eq!(
                text.to_config(&ConfigType::String),
                Err(ConfigValueProblem::LineEnd { position })
            );
        }
        assert_eq!(String::from_config(&ConfigType::String, &[]), Err(ConfigValueProblem::Unset));
        let two = ["a".to_owned(), "b".to_owned()];
        assert_eq!(
            String::from_config(&ConfigType::LineList, &two),
            Err(ConfigValueProblem::ManyLines { lines: 2 })
        );
    }

    proptest! {
        #[test]
        fn string_round_trip(text in "[^\0\r\n]+") {
            for ty in [ConfigType::String, ConfigType::Filename, ConfigType::CommaList, ConfigType::LineList, ConfigType::Other("New".into())] {
                let lines = text.to_config(&ty).unwrap();
                prop_assert_eq!(String::from_config(&ty, &lines), Ok(text.clone()));
            }
        }
    }
}
