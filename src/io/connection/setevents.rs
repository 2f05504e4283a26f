//! Telling tor which events are wanted, with SETEVENTS. "The list" is here the
//! list of events in this command. The [interest](super::interest) stores the
//! lists that were sent.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::MutexGuard;

use super::closed::Closed;
use super::hub::Hub;
use super::interest::Interest;
use super::routes::{RouteId, Target};
use super::waiters::PendingReply;
use crate::error::{Phase, Result};
use crate::io::transport::Deadline;
use scape_proto::control::{Command, Refusal};
use scape_proto::event::EventKind;

/// The time for which dropping a subscription may wait until SETEVENTS can be
/// written.
const FORGET_WITHIN: Duration = Duration::from_millis(500);

/// The state that the list of events must have reached before a caller can go
/// on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// The list was written to the socket. tor may still refuse it.
    Written,
    /// tor has accepted the list. If the same list was written before but tor
    /// hasn't answered yet, tor may still refuse it. So the list is sent again.
    Agreed,
}

impl Hub {
    /// Adds a route for `kinds` to `target`, and sends tor the new list of
    /// event kinds (SETEVENTS). On success, tor has accepted the list. On
    /// failure, the route is removed again.
    pub(super) fn register_interest(
        &self,
        kinds: &[EventKind],
        target: Target,
        deadline: Deadline,
    ) -> Result<RouteId> {
        if !kinds.is_empty() {
            // If tor was told of these kinds already, nothing is sent. So the
            // end of the connection must be noticed here.
            self.link()?;
        }
        let id = self.outlets.routes.add(kinds.to_vec(), target)?;
        if kinds.is_empty() {
            // The caller only wants to learn of the connection's end, so the
            // list doesn't change.
            return Ok(id);
        }
        match self.settle_interest(kinds, deadline) {
            Ok(()) => Ok(id),
            Err(error) => {
                self.forget_interest(id);
                Err(error)
            }
        }
    }

    /// Removes an entry from the routes and sends tor the new list, without
    /// waiting for the answer.
    pub(super) fn forget_interest(&self, id: RouteId) {
        self.outlets.routes.remove(id);
        self.stale.0.store(true, Ordering::SeqCst);
        // A thread that holds the lock now looks at `stale` after releasing it.
        if let Some(interest) = self.interest.try_lock() {
            let _ = self.tell(interest, Certainty::Written, Deadline::after(FORGET_WITHIN));
        }
        self.tell_if_stale();
    }

    /// Removes an entry from the routes, sends tor the new list, and waits for
    /// the answer. Returns false if the connection is down or has ended.
    pub(super) fn end_interest(&self, id: RouteId, deadline: Deadline) -> Result<bool> {
        self.outlets.routes.remove(id);
        if self.closed().is_some() {
            // If everything is being restored on a new link, this sends the new
            // list on it.
            self.forget_interest(id);
            return Ok(false);
        }
        match self.settle_interest(&[], deadline) {
            Ok(()) => Ok(true),
            Err(error) if error.is::<Closed>() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends the whole list, unless tor has already accepted the same list on
    /// this link. Used on a new link, on which no list was sent yet.
    ///
    /// # Errors
    ///
    /// Returns a refusal if tor doesn't know some of the wanted events, even if
    /// it has accepted the others. The refusal has the names of the unknown
    /// events.
    pub(super) fn tell_again(&self, deadline: Deadline) -> Result<()> {
        self.settle_interest(&[], deadline)?;
        let interest = self.lock_interest(deadline)?;
        let unknown: Vec<_> =
            self.outlets.routes.union().intersection(&interest.refused).cloned().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = unknown.iter().map(EventKind::as_str).collect();
        let lines = names.iter().map(|name| (552, format!("Unrecognized event \"{name}\"")));
        Err(Refusal::new(format!("SETEVENTS {}", names.join(" ")), lines.collect()).into())
    }

    /// Sends the list and waits until tor has accepted it. If tor doesn't know
    /// names that other entries want, sends the list again without these names.
    /// `own` are the names that the caller wants. If tor doesn't know one of
    /// them, returns the refusal.
    fn settle_interest(&self, own: &[EventKind], deadline: Deadline) -> Result<()> {
        loop {
            let mut interest = self.lock_interest(deadline)?;
            for kind in own {
                // The list must contain this name even if tor has refused it
                // before, so that this caller gets the refusal, too.
                interest.refused.remove(kind);
            }
            let told = self.tell(interest, Certainty::Agreed, deadline);
            self.tell_if_stale();
            let Some((wanted, pending)) = told? else { return Ok(()) };
            let error = match pending.wait_ok() {
                Ok(_) => {
                    self.lock_interest(deadline)?.agreed = wanted;
                    // Another thread may have found the lock taken just now. It
                    // relies on this thread to send its list.
                    self.tell_if_stale();
                    return Ok(());
                }
                Err(error) => error,
            };
            let Some(refusal) = error.exact() else { return Err(error) };
            let unknown = unrecognized(refusal);
            let mut interest = self.lock_interest(deadline)?;
            interest.told = None;
            interest.refused.extend(unknown.iter().cloned());
            drop(interest);
            self.tell_if_stale();
            if unknown.is_empty() || own.iter().any(|kind| unknown.contains(kind)) {
                return Err(error);
            }
        }
    }

    /// Writes SETEVENTS with the wanted list, unless `certainty` is reached
    /// already. Returns the list and the pending reply, or `None` if nothing
    /// was written.
    fn tell(
        &self,
        mut interest: MutexGuard<'_, Interest>,
        certainty: Certainty,
        deadline: Deadline,
    ) -> Result<Option<(BTreeSet<EventKind>, PendingReply)>> {
        self.stale.0.store(false, Ordering::SeqCst);
        let wanted: BTreeSet<_> =
            self.outlets.routes.union().difference(&interest.refused).cloned().collect();
        // Before the first SETEVENTS, tor sends no events. So an empty list
        // need not be sent then.
        let nothing_told =
            interest.told.is_none() && interest.refused.is_empty() && wanted.is_empty();
        let told = nothing_told || interest.told.as_ref() == Some(&wanted);
        if told && (certainty == Certainty::Written || interest.agreed == wanted) {
            return Ok(None);
        }
        let mut command = Command::build("SETEVENTS");
        for kind in &wanted {
            command.word("event", kind.as_str());
        }
        let link = self.link_for_interest()?;
        let pending = match link.try_send(command.finish()?, deadline) {
            Ok(pending) => pending,
            Err(unsent) => {
                drop(interest);
                return Err(link.explain(unsent));
            }
        };
        interest.told = Some(wanted.clone());
        Ok(Some((wanted, pending)))
    }

    /// Sends the list of events to tor if an entry was removed and the list
    /// wasn't sent since. Does nothing if another thread holds the lock of
    /// [`Interest`], because that thread sends the list after releasing the
    /// lock.
    fn tell_if_stale(&self) {
        while self.stale.0.load(Ordering::SeqCst) {
            let Some(interest) = self.interest.try_lock() else { return };
            let _ = self.tell(interest, Certainty::Written, Deadline::after(FORGET_WITHIN));
        }
    }

    fn lock_interest(&self, deadline: Deadline) -> Result<MutexGuard<'_, Interest>> {
        let lock = self.interest.try_lock_until(deadline.instant());
        lock.ok_or_else(|| deadline.error(Phase::Write))
    }
}

/// Returns each name `X` that a refusal reports as `552 Unrecognized event
/// "X"`.
fn unrecognized(refusal: &Refusal) -> Vec<EventKind> {
    let texts = refusal.lines().iter().filter(|(code, _)| *code == 552).map(|(_, text)| text);
    texts.filter_map(|text| Some(EventKind::from(text.split('"').nth(1)?))).collect()
}
