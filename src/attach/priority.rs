//! Several attachers as one.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::attacher::MAX_CONCURRENT;
use super::{Decision, StreamAttacher, StreamKind, StreamRequest};
use crate::error::Error;
use crate::event::StreamInfo;

/// Asks several attachers in turn: the one with the highest priority first, and
/// of equal ones the one that was added first. The first decision that is not
/// [`Decision::NotMine`] counts, also where it comes [later](Decision::Later).
///
/// Clones are handles on the same.
///
/// ```
/// use scape::attach::{Decision, PriorityAttacher, StreamRequest};
/// use scape::event::EndReason;
///
/// let attachers = PriorityAttacher::new();
/// let _mail = attachers.add(10, |stream: &StreamRequest| match stream.target().port() {
///     Some(25) => Decision::Refuse(EndReason::EXIT_POLICY),
///     _ => Decision::NotMine,
/// });
/// let _rest = attachers.add(0, |_: &StreamRequest| Decision::Tor);
/// assert_eq!(attachers.len(), 2);
/// ```
#[derive(Clone, Default)]
pub struct PriorityAttacher {
    members: Arc<Mutex<Members>>,
}

#[derive(Default)]
struct Members {
    next: u64,
    /// In the order in which they are asked. Nothing else keeps a member, so
    /// one that can be upgraded hasn't been removed.
    list: Vec<Arc<Member>>,
}

pub(super) struct Member {
    priority: i32,
    number: u64,
    attacher: Arc<dyn StreamAttacher>,
}

impl Member {
    /// The attacher, unless it has been removed.
    pub(super) fn of(member: &Weak<Member>) -> Option<Arc<dyn StreamAttacher>> {
        member.upgrade().map(|member| member.attacher.clone())
    }
}

impl PriorityAttacher {
    /// Without any yet.
    pub fn new() -> Self {
        PriorityAttacher::default()
    }

    /// Adds one, as long as what this returns lives. A stream that it is being
    /// asked about when it is removed is still its own. It isn't asked about
    /// another one, also if that waits for its turn already.
    pub fn add(&self, priority: i32, attacher: impl StreamAttacher) -> PriorityMember {
        let mut members = self.members.lock();
        members.next += 1;
        let number = members.next;
        let at = members.list.partition_point(|member| member.priority >= priority);
        let attacher = Arc::new(attacher);
        members.list.insert(at, Arc::new(Member { priority, number, attacher }));
        PriorityMember { number, members: Arc::downgrade(&self.members) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.lock().list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The members that there are now. They don't last longer because of this.
    pub(super) fn now(&self) -> Vec<Weak<Member>> {
        self.members.lock().list.iter().map(Arc::downgrade).collect()
    }

    fn attachers(&self) -> Vec<Arc<dyn StreamAttacher>> {
        self.members.lock().list.iter().map(|member| member.attacher.clone()).collect()
    }
}

impl StreamAttacher for PriorityAttacher {
    fn decide(&self, stream: &StreamRequest) -> Decision {
        stream.ask(&self.now())
    }

    /// Whoever has decided is told.
    fn failed(&self, _: &StreamInfo, _: &Error) {}

    /// Returns true if a member takes it. A member that panics is asked again
    /// about the stream, and if it panics again, the stream is closed.
    fn takes(&self, kind: StreamKind) -> bool {
        let takes = |attacher: &Arc<dyn StreamAttacher>| {
            super::caught("it is asked again", || attacher.takes(kind)).unwrap_or(true)
        };
        self.attachers().iter().any(takes)
    }

    /// The highest number of its members.
    fn max_concurrent(&self) -> usize {
        let of_one = |attacher: &Arc<dyn StreamAttacher>| {
            let most = super::caught("the default limit counts", || attacher.max_concurrent());
            most.unwrap_or(MAX_CONCURRENT)
        };
        self.attachers().iter().map(of_one).max().unwrap_or_default()
    }
}

impl fmt::Debug for PriorityAttacher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let priorities: Vec<i32> =
            self.members.lock().list.iter().map(|member| member.priority).collect();
        f.debug_struct("PriorityAttacher").field("priorities", &priorities).finish()
    }
}

/// One of the attachers of a [`PriorityAttacher`], as long as this lives.
#[derive(Debug)]
#[must_use = "dropping this removes the attacher at once"]
pub struct PriorityMember {
    number: u64,
    members: Weak<Mutex<Members>>,
}

impl PriorityMember {
    /// Removes it, as dropping this does.
    pub fn remove(self) {}
}

impl Drop for PriorityMember {
    fn drop(&mut self) {
        let Some(members) = self.members.upgrade() else { return };
        let mut members = members.lock();
        let found = members.list.iter().position(|member| member.number == self.number);
        let removed = found.map(|at| members.list.remove(at));
        // Without the lock: it is the user's.
        drop(members);
        drop(removed);
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter().map(|member| member.priority)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_comes_first_and_equals_stay_in_order() {
        let attachers = PriorityAttacher::new();
        let order =
            || -> Vec<u64> { attachers.members.lock().list.iter().map(|m| m.number).collect() };
        let add = |priority| attachers.add(priority, |_: &StreamRequest| Decision::NotMine);
        let _a = add(0);
        let b = add(5);
        let _c = add(0);
        let _d = add(5);
        let _e = add(-1);
        let _f = add(7);
        assert_eq!(order(), [6, 2, 4, 1, 3, 5]);
        drop(b);
        assert_eq!(order(), [6, 4, 1, 3, 5]);
    }

    #[test]
    fn a_member_may_outlive_it() {
        let attachers = PriorityAttacher::new();
        let member = attachers.add(0, |_: &StreamRequest| Decision::Tor);
        drop(attachers);
        member.remove();
    }
}
