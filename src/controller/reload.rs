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
use crate::connection::{PendingReply, Subscription};
use crate::error::{Error, Phase, Result};
use crate::event::{EventBody, EventKind};
use crate::protocol::{Command, Refusal, Reply, Signal};
use crate::transport::Deadline;

/// The time for which a late reload is waited for, to give the keys back then.
const LATE: Duration = Duration::from_secs(120);

/// Returns true if the command has tor read its configuration again.
pub(super) fn is_reload(command: &Command) -> bool {
    let line = String::from_utf8_lossy(command.line());
    let mut words = line.split_ascii_whitespace();
    words.next().is_some_and(|keyword| keyword.eq_ignore_ascii_case("SIGNAL"))
        && words.next().is_some_and(|name| Signal::from(name).canonical() == Signal::Reload)
}

/// A reload that was asked for, and how far it has come.
struct Reload {
    /// Was asked which keys there are.
    asked: PendingReply,
    kept: Option<Kept>,
    signal: PendingReply,
    reply: Option<Reply>,
    /// `None` if nobody tells when tor has acted on the signal.
    events: Option<Subscription>,
    /// The commands that add this controller's keys.
    own: Vec<Command>,
}

impl Reload {
    /// Waits until tor has acted on the signal, if keys are to be given back
    /// then. After an error it may be called again, and goes on.
    fn wait(
        &mut self,
        answer: impl Fn(&PendingReply) -> Result<Reply>,
        deadline: Deadline,
    ) -> Result<()> {
        if self.kept.is_none() {
            self.kept = Some(Kept::read(&answer(&self.asked)?, self.asked.command()));
        }
        if self.reply.is_none() {
            self.reply = Some(answer(&self.signal)?);
        }
        match &self.events {
            Some(events) if self.has_any() => wait_reloaded(events, deadline),
            _ => Ok(()),
        }
    }

    /// Returns true if tor has been told, and forgets keys.
    fn has_any(&self) -> bool {
        self.reply.as_ref().is_some_and(Reply::is_ok)
            && self.kept.as_ref().is_some_and(|kept| kept.has_any(&self.own))
    }

    /// Gives the keys back. `tor` is a handle on the socket that the signal was
    /// sent on: another tor has other keys.
    fn give_back(self, tor: &Controller) -> Result<()> {
        let due = self.has_any() && self.events.is_some();
        match self.kept {
            Some(kept) if due => kept.give_back(&|commands| tor.send_all(commands), self.own),
            _ => Ok(()),
        }
    }
}

impl Controller {
    /// Sends a SIGNAL RELOAD. If tor has client keys in memory, waits until tor
    /// has acted on it and gives them back. Returns tor's reply to the signal,
    /// whatever it says.
    pub(super) fn reload(&self, command: Command) -> Result<Reply> {
        let deadline = self.deadline();
        let tor = self.on_this_link()?.until(deadline);
        let events = match tor.subscribe([EventKind::Signal]) {
            Ok(events) => Some(events),
            // Behind a filter, nobody tells when tor has acted on it.
            Err(refusal) if refusal.is::<Refusal>() => {
                log::debug!(target: "scape::connection", "clients' keys may be lost: {refusal}");
                None
            }
            Err(error) => return Err(error),
        };
        // In one write, so that few keys of others are added in between.
        let mut replies = tor.send_all(vec![client_keys::view()?, command])?.into_iter();
        let (Some(asked), Some(signal)) = (replies.next(), replies.next()) else {
            return Err(Error::answer("SIGNAL RELOAD", "nothing was sent"));
        };
        let own = self.inner.session.ledger.client_auths();
        let mut reload = Reload { asked, kept: None, signal, reply: None, events, own };
        match reload.wait(PendingReply::wait_until_deadline, deadline) {
            Err(error) if error.is_unanswered() => {
                tor.give_back_late(reload);
                return Err(error);
            }
            reloaded => reloaded?,
        }
        let reply = reload.reply.clone();
        // What was begun is done to its end, also after a cancellation.
        reload.give_back(&tor.undoing())?;
        reply.ok_or_else(|| Error::answer("SIGNAL RELOAD", "nothing"))
    }

    /// Goes on to wait for the reload after the call has ended, on a thread
    /// that ends with it, with the connection, or after [`LATE`].
    fn give_back_late(&self, mut reload: Reload) {
        let (tor, link) = (self.internal(), self.link);
        let wait = move || {
            let deadline = Deadline::after(LATE);
            let reloaded = reload.wait(|asked| asked.wait_late(deadline.left()), deadline);
            if let (Ok(()), Some(tor)) = (reloaded, tor.get()) {
                let tor = Controller { link, ..tor }.undoing();
                if let Err(error) = reload.give_back(&tor) {
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
