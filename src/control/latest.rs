//! The latest call that asked for each restorable: something in tor that a
//! reconnect restores, such as an onion service or an address mapping.
//!
//! If a call times out, the restorables that it asked for are removed from tor
//! again. After a reconnect, restorables are removed if the program has dropped
//! them meanwhile. But if a later call asks for the same restorable, it must
//! stay. So each call [claims](Latest::claim) the names of the restorables that
//! it asks for. A restorable that a later call has claimed is not removed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Phase, Result};
use crate::io::transport::Deadline;

/// A map from the name of a restorable, such as an onion service, to the latest
/// call that asked for it.
#[derive(Debug, Default)]
pub(super) struct Latest {
    /// Locked while a command that removes a restorable is sent, and while a
    /// call claims one. So if a call claims the restorable that is being
    /// removed, tor gets the call's command after the removal.
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    last: u64,
    /// The number of the latest call, for each name.
    of: BTreeMap<String, u64>,
    /// The number of [`Watch`]es that exist.
    watches: usize,
    /// The names that calls had claimed when the calls ended. Recorded only
    /// while a watch exists.
    ended: BTreeSet<String>,
}

/// A period that ends when this value is dropped. In this period, the names
/// that calls have claimed are remembered even after the calls have ended.
#[derive(Debug)]
pub(super) struct Watch<'a>(&'a Latest);

/// The claim of a call on the restorables that the call asks for. The claim
/// begins before the call sends its command. The claim ends when nothing can
/// undo the call's effect any more.
#[derive(Debug)]
pub(super) struct Claim {
    latest: Arc<Latest>,
    names: Vec<String>,
    number: u64,
}

impl Latest {
    /// Registers a call that is about to ask for the restorables with these
    /// names. Returns an error if `deadline` passes while another thread sends
    /// a command that removes restorables.
    pub(super) fn claim(self: &Arc<Self>, names: Vec<String>, deadline: Deadline) -> Result<Claim> {
        let calls = self.calls.try_lock_until(deadline.instant());
        let mut calls = calls.ok_or_else(|| deadline.error(Phase::Write))?;
        calls.last += 1;
        let number = calls.last;
        calls.of.extend(names.iter().map(|name| (name.clone(), number)));
        Ok(Claim { latest: self.clone(), names, number })
    }

    /// Begins a watch. Dropping the returned value ends the watch. Returns an
    /// error in the same case as [`claim`](Self::claim).
    pub(super) fn watch(&self, deadline: Deadline) -> Result<Watch<'_>> {
        let calls = self.calls.try_lock_until(deadline.instant());
        calls.ok_or_else(|| deadline.error(Phase::Write))?.watches += 1;
        Ok(Watch(self))
    }
}

impl Watch<'_> {
    /// Runs `send` and returns its result. But if a call claims `name`, or has
    /// claimed it since the watch began, returns `None` without running `send`.
    /// `send` must not wait for an answer.
    pub(super) fn unless_claimed<T>(&self, name: &str, send: impl FnOnce() -> T) -> Option<T> {
        let calls = self.0.calls.lock();
        (!calls.of.contains_key(name) && !calls.ended.contains(name)).then(send)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut calls = self.0.calls.lock();
        calls.watches -= 1;
        if calls.watches == 0 {
            calls.ended.clear();
        }
    }
}

impl Claim {
    /// Calls `send`, which sends the commands that remove from tor what this
    /// claim names. `send` must not wait for the answers.
    ///
    /// `send` gets a function that takes one of these names. The function
    /// returns true if `send` may remove the restorable of that name. It
    /// returns false if a later call has claimed the name, so the restorable
    /// must stay in tor.
    pub(super) fn undo<T>(&self, send: impl FnOnce(&dyn Fn(&str) -> bool) -> T) -> T {
        let calls = self.latest.calls.lock();
        send(&|name| calls.of.get(name) == Some(&self.number))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut calls = self.latest.calls.lock();
        if calls.watches > 0 {
            calls.ended.extend(self.names.iter().cloned());
        }
        for name in &self.names {
            if calls.of.get(name) == Some(&self.number) {
                calls.of.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(20))
    }

    #[test]
    fn only_the_latest_call_for_a_name_undoes_it() {
        let latest = Arc::new(Latest::default());
        let deadline = Deadline::after(Duration::from_secs(60));
        let claim = |names: &[&str]| {
            latest.claim(names.iter().map(ToString::to_string).collect(), deadline).unwrap()
        };
        let first = claim(&["a", "b"]);
        assert!(first.undo(|is_latest| is_latest("a") && is_latest("b")));
        let second = claim(&["b"]);
        assert!(first.undo(|is_latest| is_latest("a") && !is_latest("b")));
        assert!(second.undo(|is_latest| is_latest("b")));
        // The later call counts even after it has ended.
        drop(second);
        assert!(!first.undo(|is_latest| is_latest("b")));
        let watch = latest.watch(soon()).unwrap();
        assert_eq!(watch.unless_claimed("a", || ()), None);
        assert_eq!(watch.unless_claimed("b", || ()), Some(()));
        drop(first);
        // A call has asked for the name since the watch began.
        assert_eq!(watch.unless_claimed("a", || ()), None);
        assert!(latest.calls.lock().of.is_empty());
        drop(watch);
        assert_eq!(latest.watch(soon()).unwrap().unless_claimed("a", || ()), Some(()));
        assert!(latest.calls.lock().ended.is_empty());
    }
}
