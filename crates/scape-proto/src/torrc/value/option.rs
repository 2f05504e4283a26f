//! Values of options that may be unset.

use super::{ConfigValueProblem, FromConfigValue, ToConfigValue};
use crate::info::ConfigType;

/// `None` unsets the option. tor can't unset an option that is a number, so it
/// sets the option to 0, not to the default.
impl<T: ToConfigValue> ToConfigValue for Option<T> {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        match self {
            Some(value) => value.to_config(ty),
            None if *ty == ConfigType::Virtual => Err(ConfigValueProblem::Virtual),
            None => Ok(Vec::new()),
        }
    }
}

/// An unset option becomes `None`. An option is unset if it has no lines, or
/// only empty lines.
impl<T: FromConfigValue> FromConfigValue for Option<T> {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        match lines.iter().all(String::is_empty) {
            true => Ok(None),
            false => T::from_config(ty, lines).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_an_unset_option() {
        assert_eq!(None::<u8>.to_config(&ConfigType::Integer), Ok(vec![]));
        assert_eq!(Some(5).to_config(&ConfigType::Integer), Ok(vec!["5".to_owned()]));
        assert_eq!(Option::<u8>::from_config(&ConfigType::Integer, &[]), Ok(None));
        assert_eq!(
            Option::<String>::from_config(&ConfigType::CommaList, &[String::new()]),
            Ok(None)
        );
        assert_eq!(Option::<u8>::from_config(&ConfigType::Integer, &["5".to_owned()]), Ok(Some(5)));
        assert!(Option::<u8>::from_config(&ConfigType::Integer, &["x".to_owned()]).is_err());
        assert_eq!(
            None::<String>.to_config(&ConfigType::Virtual),
            Err(ConfigValueProblem::Virtual)
        );
    }
}
