//! Values of `Boolean` and `Boolean+Auto` options.

use std::fmt;
use std::str::FromStr;

use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, holds_anything, only};
use crate::info::ConfigType;

/// Supports `Boolean` and `Boolean+Auto` options.
impl ToConfigValue for bool {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        match ty {
            ConfigType::Boolean | ConfigType::BooleanAuto => {}
            ty if holds_anything(ty) => {}
            _ => return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "a bool" }),
        }
        Ok(vec![if *self { "1" } else { "0" }.to_owned()])
    }
}

/// Supports `Boolean` options. Also supports `Boolean+Auto` options, but `auto`
/// is an error.
impl FromConfigValue for bool {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        match ty {
            ConfigType::Boolean | ConfigType::BooleanAuto => {}
            ty if holds_anything(ty) => {}
            _ => return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "a bool" }),
        }
        match only(lines)? {
            "0" => Ok(false),
            "1" => Ok(true),
            line if line.eq_ignore_ascii_case("auto") => Err(ConfigValueProblem::Unreadable {
                rust: "a bool: it is auto, for which there is AutoBool",
            }),
            _ => Err(ConfigValueProblem::Unreadable { rust: "a bool" }),
        }
    }
}

/// The value of a `Boolean+Auto` option, in which `auto` lets tor decide.
///
/// ```
/// use scape_proto::torrc::value::AutoBool;
///
/// assert_eq!("auto".parse(), Ok(AutoBool::Auto));
/// assert_eq!(AutoBool::from(true).to_string(), "1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum AutoBool {
    /// `0`: the option is off.
    Off,
    /// `1`: the option is on.
    On,
    /// `auto`: tor decides.
    #[default]
    Auto,
}

impl AutoBool {
    /// Returns true for [`On`](Self::On), false for [`Off`](Self::Off), and
    /// `None` for [`Auto`](Self::Auto).
    ///
    /// ```
    /// use scape_proto::torrc::value::AutoBool;
    ///
    /// assert_eq!(AutoBool::On.as_bool(), Some(true));
    /// assert_eq!(AutoBool::Auto.as_bool(), None);
    /// ```
    pub fn as_bool(self) -> Option<bool> {
        match self {
            AutoBool::Off => Some(false),
            AutoBool::On => Some(true),
            AutoBool::Auto => None,
        }
    }
}

impl From<bool> for AutoBool {
    fn from(on: bool) -> Self {
        if on { AutoBool::On } else { AutoBool::Off }
    }
}

impl fmt::Display for AutoBool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            AutoBool::Off => "0",
            AutoBool::On => "1",
            AutoBool::Auto => "auto",
        })
    }
}

impl FromStr for AutoBool {
    type Err = ParseAutoBoolError;

    /// Reads `0`, `1`, or `auto`, ignoring case.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is anything else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "0" => Ok(AutoBool::Off),
            "1" => Ok(AutoBool::On),
            text if text.eq_ignore_ascii_case("auto") => Ok(AutoBool::Auto),
            _ => Err(ParseAutoBoolError { text: text.to_owned() }),
        }
    }
}

/// The error for a text other than `0`, `1` and `auto`.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not 0, 1 or auto")]
pub struct ParseAutoBoolError {
    text: String,
}

error_debug!(ParseAutoBoolError);

/// Supports `Boolean+Auto` options.
impl ToConfigValue for AutoBool {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        match ty {
            ConfigType::BooleanAuto => Ok(vec![self.to_string()]),
            ty if holds_anything(ty) => Ok(vec![self.to_string()]),
            _ => Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "an AutoBool" }),
        }
    }
}

/// Supports `Boolean+Auto` options, and `Boolean` options, which are never
/// `auto`.
impl FromConfigValue for AutoBool {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        match ty {
            ConfigType::Boolean | ConfigType::BooleanAuto => {}
            ty if holds_anything(ty) => {}
            _ => return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "an AutoBool" }),
        }
        only(lines)?.parse().map_err(|_| ConfigValueProblem::Unreadable { rust: "an AutoBool" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boolean_round_trip() {
        for ty in [ConfigType::Boolean, ConfigType::BooleanAuto, ConfigType::Dependent] {
            for on in [false, true] {
                assert_eq!(bool::from_config(&ty, &on.to_config(&ty).unwrap()), Ok(on));
            }
        }
        for value in [AutoBool::Off, AutoBool::On, AutoBool::Auto] {
            let ty = ConfigType::BooleanAuto;
            assert_eq!(AutoBool::from_config(&ty, &value.to_config(&ty).unwrap()), Ok(value));
            assert_eq!(value.to_string().parse(), Ok(value));
            assert_eq!(value.as_bool().map_or(AutoBool::Auto, AutoBool::from), value);
        }
        assert_eq!("AUTO".parse(), Ok(AutoBool::Auto));
        assert!("yes".parse::<AutoBool>().is_err());
    }

    #[test]
    fn boolean_errors_name_the_problem() {
        let auto = ["auto".to_owned()];
        let problem = bool::from_config(&ConfigType::BooleanAuto, &auto).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "it cannot be read as a bool: it is auto, for which there is AutoBool"
        );
        let problem = true.to_config(&ConfigType::Integer).unwrap_err();
        assert_eq!(
            problem,
            ConfigValueProblem::WrongType { ty: ConfigType::Integer, rust: "a bool" }
        );
        assert!(AutoBool::On.to_config(&ConfigType::Boolean).is_err());
        assert!(AutoBool::from_config(&ConfigType::Float, &auto).is_err());
        assert!(bool::from_config(&ConfigType::Integer, &["1".to_owned()]).is_err());
    }
}
