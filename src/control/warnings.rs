//! The warnings that tor logs about a refused SETCONF.
//!
//! Some of tor's replies only say that something failed ("See logs for
//! details"). The reason comes as WARN events right after the reply.

use std::time::Duration;

use super::Controller;
use crate::error::{Error, Phase, Result};
use crate::io::connection::Subscription;
use crate::io::transport::Deadline;
use scape_proto::control::Refusal;
use scape_proto::event::{EventBody, EventKind};

/// The maximum time to wait for all warnings after tor's refusal.
const SOON: Duration = Duration::from_millis(500);
/// The maximum number of warnings to return. There is a limit because tor may
/// log any number of unrelated warnings at the same time.
const MOST: usize = 20;
/// The beginning of the last warning about a refused SETCONF. The rest of that
/// warning repeats the reply, so the warning isn't returned.
const LAST: &str = "Controller gave us config lines that didn't validate";

/// The warnings that tor has logged since [`Warnings::listen`] was called.
/// Callers begin to listen before they send a command.
pub(crate) struct Warnings(Option<Subscription>);

impl Warnings {
    /// Subscribes to warnings. If a filter on the control port refuses WARN
    /// events, [`lines`](Self::lines) returns no warnings.
    ///
    /// # Errors
    ///
    /// Returns the errors of the control connection, except for a refusal.
    pub(crate) fn listen(controller: &Controller) -> Result<Warnings> {
        match controller.subscribe([EventKind::Warn]) {
            Ok(events) => Ok(Warnings(Some(events))),
            Err(error) if error.is::<Refusal>() => Ok(Warnings(None)),
            Err(error) => Err(error),
        }
    }

    /// Returns the warnings about a command that was just refused. Waits for
    /// them for at most half a second. Returns no warnings if a filter on the
    /// control port refuses WARN events.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.as_ref().map(logged).unwrap_or_default()
    }

    /// Adds tor's warnings to `error` if it is a refusal. Waits for the
    /// warnings for at most half a second.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match error.exact::<Refusal>() {
            Some(refusal) => refusal.clone().with_log(self.lines()).into(),
            None => error,
        }
    }
}

/// Returns true if tor refused a SETCONF because it couldn't open a port. tor
/// may have closed another port before, although it has changed no option.
pub(crate) fn may_have_closed_ports(refusal: &Refusal) -> bool {
    refusal.text().contains("listener")
}

/// Returns tor's warnings. Stops at the warning that begins with [`LAST`],
/// because tor logs it last. That warning is left out.
fn logged(events: &Subscription) -> Vec<String> {
    let mut events = events.wait(Deadline::after(SOON), Phase::Event);
    let mut lines = Vec::new();
    while lines.len() < MOST
        && let Ok(event) = events.next()
    {
        let redacted = event.redacted();
        let body = redacted.as_ref().unwrap_or(&event).body();
        let EventBody::Log(event) = body else { continue };
        if event.message.starts_with(LAST) {
            break;
        }
        lines.push(event.message.clone());
    }
    lines
}
