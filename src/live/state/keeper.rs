//! The keeper: a thread that handles changes for which tor sends no event.
//! Address mappings expire, and entry guards change silently.

use std::sync::{Arc, Weak};
use std::time::{Instant, SystemTime};

use super::Inner;
use super::tracker::Shared;

/// Runs the keeper's tasks until the state is dropped.
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

/// Removes the mappings that have expired. Returns the time when the next
/// mapping expires, or `None` if no mapping does.
fn expire(shared: &Shared) -> Option<Instant> {
    let now = SystemTime::now();
    let mut changes = shared.changes();
    let mut model = shared.model();
    let have_expired = model.addresses.expire(now, &mut changes);
    let next_end = model.addresses.next_end();
    if have_expired {
        shared.publish(model, changes);
    } else {
        drop(model);
    }
    // A time that is too far in the future counts as never.
    Instant::now().checked_add(next_end?.duration_since(now).unwrap_or_default())
}

/// Loads the entry guards again, because tor sends events for only some of
/// their changes.
fn read_guards(shared: &Shared, inner: &Weak<Inner>) {
    let Some(inner) = inner.upgrade() else { return };
    match inner.controller.info().entry_guards() {
        Ok(guards) => {
            let changes = shared.changes();
            let mut model = shared.model();
            model.guards.take(guards);
            shared.publish(model, changes);
        }
        Err(error) => {
            log::debug!(target: "scape::state", "loading the entry guards again failed: {error}");
        }
    }
}
