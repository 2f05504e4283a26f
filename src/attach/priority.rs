//! Several attachers as one.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::{Decision, StreamAttacher, StreamKind, StreamRequest};
use crate::error::Error;
use crate::event::StreamInfo;

/// Asks several attachers in turn: the one with the highest priority first, and of equal ones the one that was added first. The first
/// decision that is not [`Decision::NotMine`] counts, also where it comes [later](Decision::Later).
///
/// Clones are handles on the same.
///
/// ```
/// use scape::attach::{Decision, PriorityAttacher, StreamRequest};
/// use scape::types::EndReason;
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
    /// In the order in which they are asked.
    list: Vec<Member>,
}

struct Member {
    priority: i32,
    number: u64,
    attacher: Arc<dyn StreamAttacher>,
}

impl PriorityAttacher {
    /// Without any yet.
    pub fn new() -> Self {
        PriorityAttacher::default()
    }

    /// Adds one, as long as what this returns lives. A stream that it is being asked about when it is removed is still its own.
    pub fn add(&self, priority: i32, attacher: impl StreamAttacher) -> PriorityMember {
        let mut members = self.members.lock();
        members.next += 1;
        let number = members.next;
        let at = members.list.partition_point(|member| member.priority >= priority);
        members.list.insert(at, Member { priority, number, attacher: Arc::new(attacher) });
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

    /// Those that there are now.
    pub(super) fn now(&self) -> Vec<Arc<dyn StreamAttacher>> {
        self.members.lock().list.iter().map(|member| member.attacher.clone()).collect()
    }
}

impl StreamAttacher for PriorityAttacher {
    fn decide(&self, stream: &StreamRequest) -> Decision {
        stream.ask(&self.now())
    }

    /// Whoever has decided is told.
    fn failed(&self, _: &StreamInfo, _: &Error) {}

    fn takes(&self, kind: StreamKind) -> bool {
        self.now().iter().any(|member| member.takes(kind))
    }

    /// The highest number of its members.
    fn max_concurrent(&self) -> usize {
        self.now().iter().map(|member| member.max_concurrent()).max().unwrap_or_default()
    }
}

impl fmt::Debug for PriorityAttacher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let priorities: Vec<i32> = self.members.lock().list.iter().map(|member| member.priority).collect();
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
        let order = || -> Vec<u64> { attachers.members.lock().list.iter().map(|m| m.number).collect() };
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
