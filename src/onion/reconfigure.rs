//! Changes to tor's configuration. If tor refuses one, its log explains the
//! refusal.

use crate::control::{Controller, Warnings};
use crate::error::Result;
use crate::onion::disk::DiskOnionError;
use scape_proto::control::{Command, Refusal};
use scape_proto::word::OnionAddress;

/// Sends a change to tor's configuration. The client keys that tor has in
/// memory are kept ([`Controller::reconfigure_without`]), except the one for
/// `forget`.
///
/// # Errors
///
/// Returns an error with a [`DiskOnionError`], which contains tor's refusal and
/// log lines, if tor refuses.
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
