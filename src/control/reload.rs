//! SIGNAL RELOAD without losing the onion service client keys in tor's memory.
//!
//! tor acknowledges the signal at once, but forgets the keys later, when it
//! acts on the signal. So the keys can't be added again in the same write.
//! (After a SETCONF they can: see [`client_keys`](super::client_keys).)
//! Instead, this module waits for the event `650 SIGNAL RELOAD`, which tor
//! sends when it has read its configuration again.

use std::thread;
use std::time::Duration;

use super::Controller;
use super::client_keys::{self, Kept};
use crate::error::{Error, Phase, Result};
use crate::io::connection::{PendingReply, Subscription};
use crate::io::transport::Deadline;
use scape_proto::control::{Command, Refusal, Reply, Signal};
use scape_proto::event::{EventBody, EventKind};

/// The time to wait for tor's reload after the call that sent SIGNAL RELOAD has
/// timed out. If tor reloads within this time, the client keys are still added
/// again.
const LATE: Duration = Duration::from_secs(120);

/// Returns true if the command makes tor read its configuration again.
pub(super) fn is_reload(command: &Command) -> bool {
    let line = String::from_utf8_lossy(command.line());
    let mut words = line.split_ascii_whitespace();
    words.next().is_some_and(|keyword| keyword.eq_ignore_ascii_case("SIGNAL"))
        && words.next().is_some_and(|name| Signal::from(name).canonical() == Signal::Reload)
}

/// A SIGNAL RELOAD that was sent, with the replies that have come so far.
struct Reload {
    /// The pending reply to ONION_CLIENT_AUTH_VIEW, which lists the keys that
    /// tor has.
    asked: PendingReply,
    kept: Option<Kept>,
    signal: PendingReply,
    reply: Option<Reply>,
    /// The SIGNAL events. `None` if a filter on the control port refuses them.
    events: Option<Subscription>,
    /// The commands that add this controller's client keys. They are used if
    /// tor doesn't list its keys.
    own: Vec<Command>,
}

impl Reload {
    /// Waits until tor has acted on the signal, if there are keys to add again.
    /// `answer` waits for a pending reply. After an error, another call
    /// continues where this one stopped.
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

    /// Returns true if there are keys to add again: tor has accepted the
    /// signal, and had keys before that.
    fn has_any(&self) -> bool {
        self.reply.as_ref().is_some_and(Reply::is_ok)
            && self.kept.as_ref().is_some_and(|kept| kept.has_any(&self.own))
    }

    /// Adds the client keys again. `tor` must send on the socket that the
    /// signal was sent on: at the end of another socket, there may be a tor
    /// with other keys.
    fn give_back(self, tor: &Controller) -> Result<()> {
        let due = self.has_any() && self.events.is_some();
        match self.kept {
            Some(kept) if due => kept.give_back(&|commands| tor.send_all(commands), self.own),
            _ => Ok(()),
        }
    }
}

impl Controller {
    /// Sends a SIGNAL RELOAD. If tor has client keys in its memory, waits until
    /// tor has acted on the signal, and adds the keys again. Returns tor's
    /// reply to the signal, even a refusal.
    pub(super) fn reload(&self, command: Command) -> Result<Reply> {
        let deadline = self.deadline();
        let tor = self.on_this_link()?.until(deadline);
        let events = match tor.subscribe([EventKind::Signal]) {
            Ok(events) => Some(events),
            // A filter refuses the event, so the time when tor has acted on the
            // signal is unknown.
            Err(refusal) if refusal.is::<Refusal>() => {
                log::debug!(target: "scape::connection", "client keys may be lost after the reload: {refusal}");
                None
            }
            Err(error) => return Err(error),
        };
        // Both commands are sent in one write, so that other controllers have
        // little time to add keys in between.
        let mut replies = tor.send_all(vec![client_keys::view()?, command])?.into_iter();
        let (Some(asked), Some(signal)) = (replies.next(), replies.next()) else {
            return Err(Error::answer("SIGNAL RELOAD", "nothing was sent"));
        };
        let own = self.inner.session.restorables.client_auths();
        let mut reload = Reload { asked, kept: None, signal, reply: None, events, own };
        match reload.wait(PendingReply::wait_until_deadline, deadline) {
            Err(error) if error.is_unanswered() => {
                tor.give_back_late(reload);
                return Err(error);
            }
            reloaded => reloaded?,
        }
        let reply = reload.reply.clone();
        // The keys are added again even if the call was cancelled.
        reload.give_back(&tor.undoing())?;
        reply.ok_or_else(|| Error::answer("SIGNAL RELOAD", "nothing"))
    }

    /// Continues to wait for the reload on another thread, after the call of
    /// [`reload`](Self::reload) has ended. The thread ends with the reload,
    /// with the connection, or after [`LATE`].
    fn give_back_late(&self, mut reload: Reload) {
        let (tor, link) = (self.internal(), self.link);
        let wait = move || {
            let deadline = Deadline::after(LATE);
            let reloaded = reload.wait(|asked| asked.wait_late(deadline.left()), deadline);
            if let (Ok(()), Some(tor)) = (reloaded, tor.get()) {
                let tor = Controller { link, ..tor }.undoing();
                if let Err(error) = reload.give_back(&tor) {
                    log::warn!(target: "scape::connection", "client keys are lost: {error}");
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("scape-undo".into()).spawn(wait) {
            log::warn!(target: "scape::connection", "client keys will be lost: {error}");
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
