//! Changes of the configuration that do not take clients' keys with them, and that tell why they were refused.

use std::time::Duration;

use crate::connection::Subscription;
use crate::controller::{ClientAuth, Controller};
use crate::error::{DiskOnionError, Error, Phase, Result};
use crate::event::EventBody;
use crate::protocol::Command;
use crate::transport::Deadline;
use crate::types::{EventKind, OnionAddress};

/// How long is waited for what tor logs of a refusal, which it sends right after it.
const SOON: Duration = Duration::from_millis(500);
/// What tor logs last of a refusal; what it says besides is in the reply.
const LAST: &str = "Controller gave us config lines that didn't validate";

/// Sends a SETCONF. tor 0.4.9 forgets at every SETCONF, whatever it is about, the clients' keys that it has in memory only:
/// so these are given to it again at once, but for the one for `forget`.
///
/// # Errors
///
/// [`Error::DiskOnion`] with tor's refusal and what it logged.
pub(super) fn reconfigure(
    controller: &Controller,
    command: Command,
    forget: Option<&OnionAddress>,
) -> Result<()> {
    let controller = controller.in_one_call();
    // A filter in front of tor may allow none of both: then there is nothing to give back, and less to tell.
    let log = unless_refused(controller.subscribe([EventKind::Warn]))?;
    let mut commands = vec![command];
    for auth in unless_refused(controller.onion_client_auth_view())?.unwrap_or_default() {
        if !auth.permanent && Some(&auth.address) != forget {
            commands.push(add(&auth)?);
        }
    }
    // In one write, so that tor is without them for as short as can be.
    let mut replies = controller.send_all(commands)?.into_iter();
    let Some(changed) = replies.next() else { return Ok(()) };
    match changed.wait_ok() {
        Err(Error::Refused(refusal)) => {
            let log = log.map(|log| logged(&log)).unwrap_or_default();
            return Err(DiskOnionError::refused(*refusal, log).into());
        }
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    replies.try_for_each(|added| added.wait_ok().map(drop))
}

fn unless_refused<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// As ONION_CLIENT_AUTH_VIEW told of it. (It may be another controller's: ours remembers only what it was told itself.)
fn add(auth: &ClientAuth) -> Result<Command> {
    let mut command = Command::build("ONION_CLIENT_AUTH_ADD");
    command.word("address", &auth.address.service_id()).secret_word("key", &auth.key.to_blob());
    if let Some(name) = &auth.name {
        command.pair("ClientName", name);
    }
    Ok(command.finish()?)
}

/// tor's warnings, up to the one that ends a refusal.
fn logged(log: &Subscription) -> Vec<String> {
    let mut lines = Vec::new();
    let mut events = log.wait(Deadline::after(SOON), Phase::Event);
    while let Ok(event) = events.next() {
        let EventBody::Log(event) = event.body() else { continue };
        if event.message.starts_with(LAST) {
            break;
        }
        lines.push(event.message.clone());
    }
    lines
}
