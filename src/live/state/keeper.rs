//! The keeper: a thread that handles changes for which tor sends no event.
//! Address mappings expire, and entry guards change silently.

use std::sync::{Arc, Weak};
use std::time::{Instant, SystemTime};

use super::Inner;
use super::tracker::Shared;

/// The maximum number of times that tor is asked for its guards if they keep
/// changing meanwhile.
const MOST_QUESTIONS: usize = 10;

/// Runs the keeper, the thread that handles changes for which tor sends no
/// event. Returns when the state is dropped.
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
/// mapping expires, or `None` if no mapping expires.
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
///
/// A GUARD event may arrive between tor's answer and the moment when the answer
/// is applied. The table is then newer than the answer, so tor is asked again.
fn read_guards(shared: &Shared, inner: &Weak<Inner>) {
    for _ in 0..MOST_QUESTIONS {
        let Some(inner) = inner.upgrade() else { return };
        let (ends, known) = (shared.ends(), shared.model().guards.changes());
        let guards = match inner.controller.info().entry_guards() {
            Ok(guards) => guards,
            Err(error) => {
                log::debug!(target: "scape::state", "loading the entry guards again failed: {error}");
                return;
            }
        };
        let changes = shared.changes();
        let mut model = shared.model();
        // The answer may come from another tor. A reconnect loads everything.
        if shared.ends() != ends {
            return;
        }
        if model.guards.changes() == known {
            model.guards.take(guards);
            shared.publish(model, changes);
            return;
        }
    }
    log::debug!(target: "scape::state", "the entry guards keep changing while they are loaded");
}

#[cfg(feature = "testing")]
#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::Duration;

    use super::*;
    use crate::control::Connect;
    use crate::live::state::State;
    use crate::testing::ScriptedTor;
    use scape_proto::info::EntryGuardStatus;

    const ALICE: &str = "$256498816C85C6ABA4DF222205CF3FA091E63CCE~alice";

    #[test]
    fn guard_event_right_after_the_answer_is_not_overwritten() {
        // The answer is long, so the reader thread applies the event before
        // this thread has parsed the answer.
        let mut before = format!("250+entry-guards=\r\n{ALICE} never-connected\r\n");
        for number in 0..1000 {
            write!(before, "${number:040X}~other up\r\n").unwrap();
        }
        before += &format!(".\r\n250 OK\r\n650 GUARD ENTRY {ALICE} UP\r\n");
        let after = format!("250-entry-guards={ALICE} up\r\n250 OK\r\n");
        let (mut asked, event) = (0, before.clone());
        let tor = ScriptedTor::builder()
            .info("ns/all", "")
            .info("circuit-status", "")
            .info("stream-status", "")
            .info("address-mappings/all", "")
            .info("entry-guards", "")
            .on_any(move |line| {
                (line == "GETINFO entry-guards").then(|| {
                    asked += 1;
                    if asked % 2 == 1 { event.clone().into() } else { after.clone().into() }
                })
            })
            .start()
            .unwrap();
        let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        let state = State::new(&controller).unwrap();
        let keeper = state.inner.keeper.lock().take().unwrap();
        state.shared().wake_keeper(|tasks| tasks.stop = true);
        assert!(keeper.ended_within(Duration::from_secs(20)));
        for _ in 0..20 {
            read_guards(&state.inner.shared, &Arc::downgrade(&state.inner));
            controller.sync().unwrap();
            let guards = state.entry_guards();
            assert_eq!(guards[0].status, EntryGuardStatus::Up, "{} guards", guards.len());
            // The next question gets the long answer again.
            if tor.sent().iter().filter(|line| *line == "GETINFO entry-guards").count() % 2 == 1 {
                controller.info().entry_guards().unwrap();
            }
        }
    }
}
