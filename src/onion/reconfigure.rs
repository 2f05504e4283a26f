//! Changes of the configuration whose refusal is explained by what tor logs.

use std::time::Duration;

use crate::connection::Subscription;
use crate::controller::Controller;
use crate::error::{DiskOnionError, Error, Phase, Result};
use crate::event::EventBody;
use crate::protocol::Command;
use crate::transport::Deadline;
use crate::types::{EventKind, OnionAddress};

/// How long is waited for what tor logs of a refusal, which it sends right after it.
const SOON: Duration = Duration::from_millis(500);
/// What tor logs last of a refusal; what it says besides is in the reply.
const LAST: &str = "Controller gave us config lines that didn't validate";

/// Sends a change of the configuration. The client keys that tor has in memory are kept
/// ([`Controller::reconfigure_without`]), except the one for `forget`.
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
    // A filter in front of tor may not allow these events: then there is less to tell.
    let log = unless_refused(controller.subscribe([EventKind::Warn]))?;
    match controller.reconfigure_without(command, forget) {
        Err(Error::Refused(refusal)) => {
            let log = log.map(|log| logged(&log)).unwrap_or_default();
            Err(DiskOnionError::refused(*refusal, log).into())
        }
        changed => changed,
    }
}

fn unless_refused<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
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
