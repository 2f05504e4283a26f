//! The error messages of `scape conf` about options.

use scape::config::{ConfigError, ConfigProblem};

use crate::base::failure::Failure;

/// Converts an error of the library about an option. The library's advice names
/// methods of the library, so advice about commands replaces it.
pub(super) fn explained(error: scape::Error) -> Failure {
    let Some(ConfigError { option, problem, .. }) = error.get::<ConfigError>() else {
        return error.into();
    };
    match problem {
        ConfigProblem::NoList { ty } => Failure::failed(format!(
            "{option} ({ty}) takes a single value and is not a list: give one value, without +"
        )),
        ConfigProblem::InGroup { group } => Failure::failed(format!(
            "{option} belongs to the group {group}, whose options can only be changed together: \
             set {group}, or use `scape conf edit`"
        )),
        ConfigProblem::Conflict => Failure::failed(format!(
            "another program changed {option} at the same time, so nothing was sent: check its \
             value and try again"
        )),
        ConfigProblem::Unknown { similar } if similar.is_empty() => Failure::failed(format!(
            "this tor has no option {option}: `scape conf get --all` lists the options"
        )),
        _ => error.into(),
    }
}
