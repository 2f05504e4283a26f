//! Combining several attachers.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::attacher::MAX_CONCURRENT;
use super::{Decision, StreamAttacher, StreamKind, StreamRequest};
use crate::error::Error;
use scape_proto::event::StreamInfo;

/// An attacher that asks several attachers in turn. The one with the highest
/// priority is asked first. Of attachers with equal priority, the one that was
/// added first is asked first. The first decision other than [`Decision::Pass`]
/// counts, even if it is made [later](Decision::Later).
///
/// Clones are handles to the same attacher.
///
/// ```
/// use scape::attach::{Decision, PriorityAttacher, StreamRequest};
/// use scape::event::EndReason;
///
/// let attachers = PriorityAttacher::new();
/// let _mail = attachers.add(10, |stream: &StreamRequest| match stream.target().port() {
///     Some(25) => Decision::Refuse(EndReason::EXIT_POLICY),
///     _ => Decision::Pass,
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
    /// The members, in the order in which they are asked. Only this list keeps
    /// members alive. So if a weak reference to a member can be upgraded, the
    /// member hasn't been removed.
    list: Vec<Arc<Member>>,
}

pub(super) struct Member {
    priority: i32,
    number: u64,
    attacher: Arc<dyn StreamAttacher>,
}

impl Member {
    /// Returns the member's attacher, or `None` if the member has been removed
    /// from its [`PriorityAttacher`].
    pub(super) fn of(member: &Weak<Member>) -> Option<Arc<dyn StreamAttacher>> {
        member.upgrade().map(|member| member.attacher.clone())
    }
}

impl PriorityAttacher {
    /// Creates an attacher without members. The members are the attachers that
    /// it asks. They can be added and removed at any time, also while this
    /// attacher is installed.
    ///
    /// ```
    /// # let tor = scape::testing::ScriptedTor::builder().info("stream-status", "")
    /// #     .info("version", "0.4.9.11").on_prefix("SETCONF", "250 OK\r\n")
    /// #     .on_prefix("ATTACHSTREAM", "250 OK\r\n").on_prefix("CLOSESTREAM", "250 OK\r\n")
    /// #     .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::attach::{Decision, PriorityAttacher, StreamRequest};
    ///
    /// let attachers = PriorityAttacher::new();
    /// let guard = controller.attach_streams(attachers.clone())?;
    /// let member = attachers.add(0, |_: &StreamRequest| Decision::Tor);
    /// # tor.send("650 STREAM 12 NEW 0 example.com:80 PURPOSE=USER\r\n");
    /// # tor.send("650 STREAM 12 CONTROLLER_WAIT 0 example.com:80\r\n");
    /// # assert_eq!(tor.wait_for("ATTACHSTREAM")?, "ATTACHSTREAM 12 0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new() -> Self {
        PriorityAttacher::default()
    }

    /// Adds a member, which stays as long as the returned guard lives. A
    /// removed member may still decide on a stream that it is being asked
    /// about. It isn't asked about any further stream, not even one that is
    /// already waiting.
    ///
    /// ```
    /// use scape::attach::{Decision, PriorityAttacher, StreamRequest};
    ///
    /// let attachers = PriorityAttacher::new();
    /// let last = attachers.add(-10, |_: &StreamRequest| Decision::Tor);
    /// let first = attachers.add(10, |_: &StreamRequest| Decision::Pass);
    /// assert_eq!(format!("{attachers:?}"), "PriorityAttacher { priorities: [10, -10] }");
    /// ```
    #[doc(alias = "add_attacher")]
    pub fn add(&self, priority: i32, attacher: impl StreamAttacher) -> PriorityMember {
        let mut members = self.members.lock();
        members.next += 1;
        let number = members.next;
        let at = members.list.partition_point(|member| member.priority >= priority);
        let attacher = Arc::new(attacher);
        members.list.insert(at, Arc::new(Member { priority, number, attacher }));
        PriorityMember { number, members: Arc::downgrade(&self.members) }
    }

    /// Returns the number of members.
    pub fn len(&self) -> usize {
        self.members.lock().list.len()
    }

    /// Returns true if there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the current members as weak references, in the order in which
    /// they are asked.
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

    /// Does nothing, because the failure is reported to the member that
    /// decided.
    fn failed(&self, _: &StreamInfo, _: &Error) {}

    /// Returns true if a member wants streams of this kind, or if the `takes`
    /// of a member panics. Before a member decides on a stream, its `takes` is
    /// called again. If `takes` panics again, the stream is closed.
    fn takes(&self, kind: StreamKind) -> bool {
        let takes = |attacher: &Arc<dyn StreamAttacher>| {
            super::catch_panic("takes is called again", || attacher.takes(kind)).unwrap_or(true)
        };
        self.attachers().iter().any(takes)
    }

    /// Returns the highest [`max_concurrent`](StreamAttacher::max_concurrent)
    /// of all members. A member whose `max_concurrent` panics counts as 64.
    fn max_concurrent(&self) -> usize {
        let of_one = |attacher: &Arc<dyn StreamAttacher>| {
            let most = super::catch_panic("its limit counts as 64", || attacher.max_concurrent());
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

/// The membership of one attacher in a [`PriorityAttacher`], returned by
/// [`PriorityAttacher::add`]. Dropping this value removes the attacher at once.
#[derive(Debug)]
#[must_use = "dropping this removes the attacher at once"]
pub struct PriorityMember {
    number: u64,
    members: Weak<Mutex<Members>>,
}

impl PriorityMember {
    /// Removes the member from its [`PriorityAttacher`], like dropping this
    /// value does.
    ///
    /// ```
    /// use scape::attach::{Decision, PriorityAttacher, StreamRequest};
    ///
    /// let attachers = PriorityAttacher::new();
    /// let member = attachers.add(0, |_: &StreamRequest| Decision::Tor);
    /// member.remove();
    /// assert!(attachers.is_empty());
    /// ```
    #[doc(alias = "remove_attacher")]
    pub fn remove(self) {}
}

impl Drop for PriorityMember {
    fn drop(&mut self) {
        let Some(members) = self.members.upgrade() else { return };
        let mut members = members.lock();
        let found = members.list.iter().position(|member| member.number == self.number);
        let removed = found.map(|at| members.list.remove(at));
        // The lock is released first, because dropping the user's attacher can
        // run any code.
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
    fn members_are_ordered_by_priority_and_age() {
        let attachers = PriorityAttacher::new();
        let order =
            || -> Vec<u64> { attachers.members.lock().list.iter().map(|m| m.number).collect() };
        let add = |priority| attachers.add(priority, |_: &StreamRequest| Decision::Pass);
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
    fn member_may_outlive_the_priority_attacher() {
        let attachers = PriorityAttacher::new();
        let member = attachers.add(0, |_: &StreamRequest| Decision::Tor);
        drop(attachers);
        member.remove();
    }
}
