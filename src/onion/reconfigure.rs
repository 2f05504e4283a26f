//! Changes of the configuration whose refusal is explained by what tor logs.

use crate::controller::{Controller, Warnings};
use crate::error::Result;
use crate::onion::disk::DiskOnionError;
use crate::protocol::{Command, Refusal};
use crate::word::OnionAddress;

/// Sends a change of the configuration. The client keys that tor has in memory
/// are kept ([`Controller::reconfigure_without`]), except the one for `forget`.
///
/// # Errors
///
/// Returns an error with a [`DiskOnionError`], which has tor's refusal and what
/// it logged, if tor refuses.
pub(super) fn reconfigure(
    controller: &Controller,
    command: Command,
    forget: Option<&OnionAddress>,
) -> Result<()> {
    let controller = &controller.in_one_call();
    let warnings = Warnings::listen(controller)?;
    match controller.reconfigure_without(command, forget) {
        Err(error) => Err(match error.exact::<Refusal>() {
            Some(refusal) => DiskOnionError::refused(refusal.clone(), warnings.lines()).into(),
            None => error,
        }),
        changed => changed,
    }
}
