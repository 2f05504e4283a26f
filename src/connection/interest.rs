//! What tor is told of who wants which events.
//!
//! SETEVENTS replaces the whole list, and tor refuses the whole list for one
//! name that it does not know. So the list is always the union of what is
//! wanted, it is sent again when that changes, and a name that tor refused is
//! left out of it, so that one subscriber's mistake is not another's.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::MutexGuard;

use super::hub::Hub;
use super::routes::{RouteId, Target};
use super::waiters::PendingReply;
use crate::connection::Closed;
use crate::error::{Phase, Result};
use crate::event::EventKind;
use crate::protocol::{Command, Refusal};
use crate::transport::Deadline;

/// How long the drop of a subscription may wait for room to write.
const FORGET_WITHIN: Duration = Duration::from_millis(500);

/// What tor was told. Its lock is held while SETEVENTS is written, so that the
/// last one on the wire is the newest; never while its answer is waited for.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// The list that tor has, or will have once it has read what was written.
    /// `None` after a refusal.
    told: Option<BTreeSet<EventKind>>,
    /// The list that tor last agreed to, as far as its answers were waited for.
    agreed: BTreeSet<EventKind>,
    /// What tor does not know.
    refused: BTreeSet<EventKind>,
}

/// What the caller needs to know of a list that tor was told already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// That it was written is enough.
    Written,
    /// tor must have answered: what is on the way may be refused. Else it is
    /// sent once more.
    Agreed,
}

/// Set when an entry was removed while the lock was taken: whoever has the lock
/// then does the work.
#[derive(Debug, Default)]
pub(super) struct Stale(AtomicBool);

impl Hub {
    /// Adds an entry, and tells tor. When this returns, tor has agreed.
    pub(super) fn register_interest(
        &self,
        kinds: &[EventKind],
        target: Target,
        deadline: Deadline,
    ) -> Result<RouteId> {
        if !kinds.is_empty() {
            // tor may have been told of these kinds already, so that nothing
            // would be sent.
            self.link()?;
        }
        let id = self.routes.add(kinds.to_vec(), target)?;
        if kinds.is_empty() {
            // Only the connection's end is wanted, which tor need not be told.
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

    /// Removes an entry. tor is told, its answer is not waited for.
    pub(super) fn forget_interest(&self, id: RouteId) {
        self.routes.remove(id);
        self.stale.0.store(true, Ordering::SeqCst);
        // Who holds the lock now looks at `stale` after letting go.
        if let Some(interest) = self.interest.try_lock() {
            let _ = self.tell(interest, Certainty::Written, Deadline::after(FORGET_WITHIN));
        }
        self.tell_if_stale();
    }

    /// Removes an entry, and waits for tor's answer. Returns false if there is
    /// no connection that events could come on.
    pub(super) fn end_interest(&self, id: RouteId, deadline: Deadline) -> Result<bool> {
        self.routes.remove(id);
        if self.closed().is_some() {
            // A new connection is told of what is wanted then.
            self.forget_interest(id);
            return Ok(false);
        }
        match self.settle_interest(&[], deadline) {
            Ok(()) => Ok(true),
            Err(error) if error.is::<Closed>() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends the whole list, to a link that knows nothing yet.
    ///
    /// # Errors
    ///
    /// Returns a refusal also if tor agreed to only a part of the list, with
    /// the names that it doesn't know.
    pub(super) fn tell_again(&self, deadline: Deadline) -> Result<()> {
        self.settle_interest(&[], deadline)?;
        let interest = self.lock_interest(deadline)?;
        let unknown: Vec<_> =
            self.routes.union().intersection(&interest.refused).cloned().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = unknown.iter().map(EventKind::as_str).collect();
        let lines = names.iter().map(|name| (552, format!("Unrecognized event \"{name}\"")));
        Err(Refusal::new(format!("SETEVENTS {}", names.join(" ")), lines.collect()).into())
    }

    /// Sends the list, and again without what others asked for and tor does not
    /// know.
    fn settle_interest(&self, own: &[EventKind], deadline: Deadline) -> Result<()> {
        loop {
            let mut interest = self.lock_interest(deadline)?;
            for kind in own {
                // Whatever others were told: this caller must hear of it by
                // itself.
                interest.refused.remove(kind);
            }
            let told = self.tell(interest, Certainty::Agreed, deadline);
            self.tell_if_stale();
            let Some((wanted, pending)) = told? else { return Ok(()) };
            let error = match pending.wait_ok() {
                Ok(_) => {
                    self.lock_interest(deadline)?.agreed = wanted;
                    // Whoever found the lock taken just now relies on this.
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

    /// Writes SETEVENTS, where the list is not what tor was told last. Gives
    /// the list, and what to wait for.
    fn tell(
        &self,
        mut interest: MutexGuard<'_, Interest>,
        certainty: Certainty,
        deadline: Deadline,
    ) -> Result<Option<(BTreeSet<EventKind>, PendingReply)>> {
        self.stale.0.store(false, Ordering::SeqCst);
        let wanted: BTreeSet<_> =
            self.routes.union().difference(&interest.refused).cloned().collect();
        // At the beginning, tor sends nothing.
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

    /// Does what somebody left undone who found the lock taken.
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

/// The names in `552 Unrecognized event "X"`.
fn unrecognized(refusal: &Refusal) -> Vec<EventKind> {
    let texts = refusal.lines().iter().filter(|(code, _)| *code == 552).map(|(_, text)| text);
    texts.filter_map(|text| Some(EventKind::from(text.split('"').nth(1)?))).collect()
}
