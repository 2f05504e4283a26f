//! Telling tor which events are wanted, with SETEVENTS. The
//! [interest](super::interest) is what tor was told.

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

/// The time for which dropping a subscription may wait for room to write.
const FORGET_WITHIN: Duration = Duration::from_millis(500);

/// The certainty that a caller needs about a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// It is enough that the list was written.
    Written,
    /// tor must have accepted the list. A list whose answer is on the way may
    /// be refused, so it is sent again.
    Agreed,
}

impl Hub {
    /// Adds an entry and tells tor. When this returns, tor has accepted the
    /// list.
    pub(super) fn register_interest(
        &self,
        kinds: &[EventKind],
        target: Target,
        deadline: Deadline,
    ) -> Result<RouteId> {
        if !kinds.is_empty() {
            // If tor was told of these kinds already, nothing would be sent,
            // and the end of the connection would go unnoticed.
            self.link()?;
        }
        let id = self.outlets.routes.add(kinds.to_vec(), target)?;
        if kinds.is_empty() {
            // The caller only wants to know of the connection's end, which tor
            // need not be told.
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

    /// Removes an entry and tells tor, without waiting for the answer.
    pub(super) fn forget_interest(&self, id: RouteId) {
        self.outlets.routes.remove(id);
        self.stale.0.store(true, Ordering::SeqCst);
        // A thread that holds the lock now looks at `stale` after releasing it.
        if let Some(interest) = self.interest.try_lock() {
            let _ = self.tell(interest, Certainty::Written, Deadline::after(FORGET_WITHIN));
        }
        self.tell_if_stale();
    }

    /// Removes an entry and waits for tor's answer. Returns false if there is
    /// no connection on which events could come.
    pub(super) fn end_interest(&self, id: RouteId, deadline: Deadline) -> Result<bool> {
        self.outlets.routes.remove(id);
        if self.closed().is_some() {
            // A new connection is told which events are wanted then.
            self.forget_interest(id);
            return Ok(false);
        }
        match self.settle_interest(&[], deadline) {
            Ok(()) => Ok(true),
            Err(error) if error.is::<Closed>() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends the whole list on a link to which no list was sent yet.
    ///
    /// # Errors
    ///
    /// Returns a refusal even if tor accepted a part of the list. It has the
    /// names that tor doesn't know.
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

    /// Sends the list. Sends it again without names that others asked for and
    /// that tor doesn't know. `own` are the names that the caller asks for.
    fn settle_interest(&self, own: &[EventKind], deadline: Deadline) -> Result<()> {
        loop {
            let mut interest = self.lock_interest(deadline)?;
            for kind in own {
                // This caller must get the refusal itself, even if others got
                // it before.
                interest.refused.remove(kind);
            }
            let told = self.tell(interest, Certainty::Agreed, deadline);
            self.tell_if_stale();
            let Some((wanted, pending)) = told? else { return Ok(()) };
            let error = match pending.wait_ok() {
                Ok(_) => {
                    self.lock_interest(deadline)?.agreed = wanted;
                    // A thread that found the lock taken just now relies on
                    // this.
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

    /// Writes SETEVENTS if the list differs from the one that tor was told
    /// last. Returns the list and the pending reply.
    fn tell(
        &self,
        mut interest: MutexGuard<'_, Interest>,
        certainty: Certainty,
        deadline: Deadline,
    ) -> Result<Option<(BTreeSet<EventKind>, PendingReply)>> {
        self.stale.0.store(false, Ordering::SeqCst);
        let wanted: BTreeSet<_> =
            self.outlets.routes.union().difference(&interest.refused).cloned().collect();
        // At the beginning, tor sends no events.
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

    /// Does the work of a thread that found the lock taken.
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

/// Returns the names in `552 Unrecognized event "X"`.
fn unrecognized(refusal: &Refusal) -> Vec<EventKind> {
    let texts = refusal.lines().iter().filter(|(code, _)| *code == 552).map(|(_, text)| text);
    texts.filter_map(|text| Some(EventKind::from(text.split('"').nth(1)?))).collect()
}
