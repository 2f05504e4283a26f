//! What tor takes, as far as can be told without it.

use super::ConfigValueProblem;
use crate::types::ConfigType;

/// Whether tor takes such a value, as far as can be told without tor.
pub fn check(ty: &ConfigType, line: &str) -> Result<(), ConfigValueProblem> {
    if let Some(position) = line.find('\0') {
        return Err(ConfigValueProblem::Nul { position });
    }
    match ty {
        ConfigType::Virtual => Err(ConfigValueProblem::Virtual),
        _ => Ok(()),
    }
}

/// Whether two lines mean the same to tor, as `1 GB` and `1073741824` do for a [`DataSize`](ConfigType::DataSize).
pub fn means_the_same(ty: &ConfigType, a: &str, b: &str) -> bool {
    a == b || normal(ty, a).is_some_and(|a| normal(ty, b) == Some(a))
}

/// The line as GETCONF gives it, where that can be told.
pub fn normal(ty: &ConfigType, line: &str) -> Option<String> {
    check(ty, line).ok()?;
    Some(line.to_owned())
}
