//! The values of tor's options, by the type that `GETINFO config/names` tells.

mod check;
mod problem;
mod text;

pub use check::{check, means_the_same, normal};
pub use problem::ConfigValueProblem;

use crate::types::ConfigType;

/// What can be the value of an option.
pub trait ToConfigValue {
    /// The option's lines, as SETCONF and a torrc take them, but not quoted. One that is no list has one line, or none
    /// to be unset; a [`LineList`](ConfigType::LineList) has one for each element.
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem>;
}

/// What an option's value can be read as.
pub trait FromConfigValue: Sized {
    /// Reads the option's lines, as GETCONF and a torrc have them, without quotes. An unset option has none.
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem>;
}
