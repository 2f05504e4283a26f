//! Changes of the configuration whose refusal is explained by what tor logs.

use crate::controller::{Controller, Warnings};
use crate::error::{DiskOnionError, Error, Result};
use crate::protocol::Command;
use crate::types::OnionAddress;

/// Sends a change of the configuration. The client keys that tor has in memory
/// are kept ([`Controller::reconfigure_without`]), except the one for `forget`.
///
/// # Errors
///
/// [`Error::DiskOnion`] with tor's refusal and what it logged.
pub(super) fn reconfigure(
    controller: &Controller,
    command: Command,
    forget: Option<&OnionAddress>,
) -> Result<()> {
    let controller = &controller.in_one_call();
    let warnings = Warnings::listen(controller)?;
    match controller.reconfigure_without(command, forget) {
        Err(Error::Refused(refusal)) => {
            Err(DiskOnionError::refused(*refusal, warnings.lines()).into())
        }
        changed => changed,
    }
}
