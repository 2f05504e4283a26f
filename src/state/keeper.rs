//! The thread that sees to what no event tells of: mappings that end, guards
//! that change in silence.

use std::sync::{Arc, Weak};
use std::time::{Instant, SystemTime};

use super::Inner;
use super::tracker::Shared;

/// Runs until it is told to stop.
pub(super) fn run(shared: &Arc<Shared>, inner: &Weak<Inner>) {
    loop {
        let next_end = expire(shared);
        let mut tasks = shared.keeper.lock();
        while !tasks.stop && !tasks.guards_are_stale && !tasks.addresses_changed {
            match next_end {
                None => shared.keeper_wake.wait(&mut tasks),
                Some(end) => {
                    if shared.keeper_wake.wait_until(&mut tasks, end).timed_out() {
                        break;
                    }
                }
            }
        }
        if tasks.stop {
            return;
        }
        tasks.addresses_changed = false;
        let guards_are_stale = std::mem::take(&mut tasks.guards_are_stale);
        drop(tasks);
        if guards_are_stale {
            read_guards(shared, inner);
        }
    }
}

/// Takes out the mappings that have ended. When the next one ends.
fn expire(shared: &Shared) -> Option<Instant> {
    let now = SystemTime::now();
    let mut changes = shared.changes();
    let mut model = shared.model();
    let has_ended = model.addresses.next_end().is_some_and(|end| end <= now);
    if has_ended {
        model.addresses.expire(now, &mut changes);
    }
    let next_end = model.addresses.next_end();
    if has_ended {
        shared.publish(model, changes);
    } else {
        drop(model);
    }
    // Far in the future is never.
    Instant::now().checked_add(next_end?.duration_since(now).unwrap_or_default())
}

/// tor tells of some changes of its guards only.
fn read_guards(shared: &Shared, inner: &Weak<Inner>) {
    let Some(inner) = inner.upgrade() else { return };
    match inner.controller.entry_guards() {
        Ok(guards) => {
            let changes = shared.changes();
            let mut model = shared.model();
            model.guards.take(guards);
            shared.publish(model, changes);
        }
        Err(error) => {
            log::debug!(target: "scape::state", "the entry guards could not be read again: {error}");
        }
    }
}
