//! Changes to tor's configuration. If tor refuses a change, the error contains
//! tor's log, which explains the refusal.

use crate::control::{Controller, Warnings};
use crate::error::Result;
use crate::onion::disk::DiskOnionError;
use scape_proto::control::{Command, Refusal};
use scape_proto::word::OnionAddress;

/// Sends a command that changes tor's configuration. The client keys that tor
/// has in memory only are kept ([`Controller::reconfigure_without`]), except
/// the key for the service `forget`.
///
/// # Errors
///
/// Returns an error with a [`DiskOnionError`] if tor refuses. The error
/// contains tor's refusal and log lines.
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
