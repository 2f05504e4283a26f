//! Texts: the value of any option, as it is written.

use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, check};
use crate::types::ConfigType;

impl ToConfigValue for str {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        check(ty, self)?;
        Ok(if self.is_empty() { Vec::new() } else { vec![self.to_owned()] })
    }
}

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

impl FromConfigValue for String {
    fn from_config(_: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        match lines {
            [] => Err(ConfigValueProblem::Unset),
            [line] => Ok(line.clone()),
            _ => Err(ConfigValueProblem::ManyLines { lines: lines.len() }),
        }
    }
}
