//! SIGNAL RELOAD without loss of the onion service client keys that tor has in
//! memory.
//!
//! tor takes the signal at once and acts on it later, when it also forgets the
//! keys. So they can't be given back in the same write, as
//! [`client_keys`](super::client_keys) does for SETCONF: this module waits for
//! the event `650 SIGNAL RELOAD`, which tor sends when it has read its
//! configuration again.

use std::thread;
use std::time::Duration;

use super::Controller;
use super::client_keys::{self, Kept};
use crate::connection::Subscription;
use crate::error::{Error, Phase, Result};
use crate::event::EventBody;
use crate::protocol::{Command, Reply};
use crate::transport::Deadline;
use crate::types::{EventKind, Signal};

/// How long a reload that is late is waited for, to give the keys back then.
const LATE: Duration = Duration::from_secs(120);

/// Returns true if the command has tor read its configuration again.
pub(super) fn is_reload(command: &Command) -> bool {
    let line = String::from_utf8_lossy(command.line());
    let mut words = line.split_ascii_whitespace();
    words.next().is_some_and(|keyword| keyword.eq_ignore_ascii_case("SIGNAL"))
        && words.next().is_some_and(|name| Signal::from(name).canonical() == Signal::Reload)
}

impl Controller {
    /// Sends a SIGNAL RELOAD. If tor has client keys in memory, waits until tor
    /// has acted on it and gives them back. Returns tor's reply to the signal,
    /// whatever it says.
    pub(super) fn reload(&self, command: Command) -> Result<Reply> {
        let deadline = self.deadline();
        let tor = self.until(deadline);
        let events = match tor.subscribe([EventKind::Signal]) {
            Ok(events) => Some(events),
            // Behind a filter, nobody tells when tor has acted on it.
            Err(Error::Refused(refusal)) => {
                log::debug!(target: "scape::connection", "clients' keys may be lost: {refusal}");
                None
            }
            Err(error) => return Err(error),
        };
        let send = |commands| tor.send_all(commands);
        // In one write, so that few keys of others are added in between.
        let mut replies = send(vec![client_keys::view()?, command])?.into_iter();
        let kept = replies.next().map(Kept::from).transpose()?.unwrap_or_default();
        let Some(signal) = replies.next() else {
            return Err(Error::answer("SIGNAL RELOAD", "nothing was sent"));
        };
        let reply = signal.wait()?;
        let own = self.inner.session.ledger.client_auths();
        if reply.is_ok()
            && kept.has_any(&own)
            && let Some(events) = events
        {
            match wait_reloaded(&events, deadline) {
                Err(error) if error.is_unanswered() => {
                    self.give_back_late(events, kept, own);
                    return Err(error);
                }
                reloaded => reloaded?,
            }
            // What was begun is done to its end, also after a cancellation.
            let tor = self.undoing();
            kept.give_back(&|commands| tor.send_all(commands), own)?;
        }
        Ok(reply)
    }

    /// Goes on to wait for the reload after the call has ended, on a thread
    /// that ends with it, with the connection, or after [`LATE`].
    fn give_back_late(&self, events: Subscription, kept: Kept, own: Vec<Command>) {
        let tor = self.downgrade();
        let wait = move || {
            let reloaded = wait_reloaded(&events, Deadline::after(LATE));
            if let (Ok(()), Some(tor)) = (reloaded, tor.upgrade()) {
                let tor = tor.undoing();
                if let Err(error) = kept.give_back(&|commands| tor.send_all(commands), own) {
                    log::warn!(target: "scape::connection", "clients' keys are lost: {error}");
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("scape-undo".into()).spawn(wait) {
            log::warn!(target: "scape::connection", "clients' keys will be lost: {error}");
        }
    }
}

fn wait_reloaded(events: &Subscription, deadline: Deadline) -> Result<()> {
    let mut events = events.wait(deadline, Phase::Signal);
    while !matches!(events.next()?.body(), EventBody::Signal(Signal::Reload)) {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reload_is_recognized_under_each_of_its_names() {
        let is = |line: &str| is_reload(&Command::raw(line, None).unwrap());
        assert!(is("SIGNAL RELOAD") && is("signal hup") && is("Signal  Reload"));
        assert!(!is("SIGNAL NEWNYM") && !is("SIGNAL") && !is("GETINFO RELOAD"));
    }
}
