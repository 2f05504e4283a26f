//! Makes new streams wait for this program while a [`LeaveUnattachedGuard`]
//! exists.
//!
//! The first guard sets tor's option `__LeaveStreamsUnattached` and starts the
//! stream watch: the thread in [`watch`]. The last guard resets the option and
//! ends the watch, at once or five seconds later.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::hand_back::hand_back;
use super::message::Message;
use super::registry::Registry;
use super::run::{Stage, State, Watch};
use super::watch;
use crate::control::{Controller, LEAVE_STREAMS};
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::connection::{Closed, Thread};
use crate::io::transport::Deadline;
use scape_proto::event::EventKind;

/// The time limit for resetting `__LeaveStreamsUnattached` and ending the
/// thread that watches streams, when the last [`LeaveUnattachedGuard`] is
/// dropped or [`LINGER`] has passed.
const END_WITHIN: Duration = Duration::from_secs(5);
/// The time for which `__LeaveStreamsUnattached` stays 1 after the last of a
/// series of circuit-bound clients. A client belongs to the series if it is
/// created within five seconds after the previous client was dropped.
const LINGER: Duration = Duration::from_secs(5);

/// The handling of `__LeaveStreamsUnattached` when the last
/// [`LeaveUnattachedGuard`] is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Afterwards {
    /// `__LeaveStreamsUnattached` is reset at once.
    PutBack,
    /// `__LeaveStreamsUnattached` stays 1 for [`LINGER`] after a series of
    /// guards, because it is likely to be needed again. After a single guard it
    /// is reset at once.
    Linger,
}

impl LeaveUnattachedGuard {
    /// Makes every new stream of this tor wait until this program decides on
    /// it, as long as the returned guard lives. If the thread that watches
    /// streams doesn't run yet, starts this thread and sets tor's option
    /// `__LeaveStreamsUnattached`.
    pub(super) fn hold(
        registry: Arc<Registry>,
        controller: &Controller,
        afterwards: Afterwards,
    ) -> Result<LeaveUnattachedGuard> {
        let deadline = controller.deadline();
        let run = &registry.run;
        let mut state = run.state.lock();
        loop {
            match state.stage {
                Stage::On(_) => break,
                Stage::Busy => {
                    if run.changed.wait_until(&mut state, deadline.instant()).timed_out() {
                        return Err(deadline.error(Phase::Reply));
                    }
                }
                Stage::Idle => {
                    state.stage = Stage::Busy;
                    drop(state);
                    let begun = begin(&registry, controller, deadline);
                    state = run.state.lock();
                    run.changed.notify_all();
                    match begun {
                        Ok(watch) => state.stage = Stage::On(watch),
                        Err(error) => {
                            state.stage = Stage::Idle;
                            return Err(error);
                        }
                    }
                }
            }
        }
        state.holders += 1;
        state.ends_at = None;
        if afterwards == Afterwards::Linger {
            state.is_burst = controller.had_circuit_client_within(LINGER);
        }
        drop(state);
        Ok(LeaveUnattachedGuard {
            registry,
            controller: controller.to_keep(),
            afterwards,
            armed: true,
        })
    }

    fn release(&self, timeout: Duration) -> Result<()> {
        let LeaveUnattachedGuard { registry, controller, afterwards, .. } = self;
        let run = &registry.run;
        let mut state = run.state.lock();
        state.holders = state.holders.saturating_sub(1);
        if state.holders > 0 {
            return Ok(());
        }
        if *afterwards == Afterwards::Linger {
            controller.circuit_client_left();
            if state.is_burst && linger(registry, &mut state) {
                return Ok(());
            }
        }
        let Some(watch) = state.take_watch() else { return Ok(()) };
        drop(state);
        let ended = end(registry, watch, timeout);
        run.has_ended();
        ended
    }
}

/// Makes the thread that watches streams end in five seconds. Returns false if
/// the thread `scape-attach-linger`, which ends the watching thread, can't be
/// started.
fn linger(registry: &Arc<Registry>, state: &mut State) -> bool {
    state.ends_at = Some(Instant::now() + LINGER);
    registry.run.changed.notify_all();
    if !state.has_lingerer {
        let for_thread = registry.clone();
        // The thread may outlive all handles, but it doesn't keep the
        // connection open.
        let thread = Thread::spawn("scape-attach-linger", move || {
            wait_to_end(&for_thread);
        });
        state.has_lingerer = thread.is_ok();
        if thread.is_err() {
            state.ends_at = None;
        }
    }
    state.has_lingerer
}

/// Waits until the time that [`linger`] has scheduled, and then ends the thread
/// that watches streams. Returns early if that thread has already ended.
fn wait_to_end(registry: &Registry) {
    let run = &registry.run;
    let mut state = run.state.lock();
    loop {
        match (&state.stage, state.ends_at) {
            (Stage::On(_), Some(at)) if Instant::now() >= at => break,
            (Stage::On(_), Some(at)) => drop(run.changed.wait_until(&mut state, at)),
            (Stage::On(_), None) => run.changed.wait(&mut state),
            _ => {
                state.has_lingerer = false;
                return;
            }
        }
    }
    state.has_lingerer = false;
    state.ends_at = None;
    let Some(watch) = state.take_watch() else { return };
    drop(state);
    if let Err(error) = end(registry, watch, END_WITHIN) {
        log::warn!(target: "scape::attach", "resetting {LEAVE_STREAMS} failed: {error}");
    }
    run.has_ended();
}

fn begin(registry: &Arc<Registry>, controller: &Controller, deadline: Deadline) -> Result<Watch> {
    registry.forget_what_is_gone();
    let (sender, receiver) = crossbeam_channel::unbounded();
    let kinds = [EventKind::Stream, EventKind::ConfChanged];
    let registration =
        controller.until(deadline).track(&kinds, watch::tracker(registry, &sender))?;
    let begun = controller.until(deadline).leave_streams().and_then(|found| {
        if found {
            log::warn!(
                target: "scape::attach",
                "{LEAVE_STREAMS} is already 1: another controller attaches streams, or one ended \
                 without resetting it; the option stays 1, and streams that no attacher wants \
                 are left to that controller"
            );
        }
        let streams = controller.until(deadline).streams()?;
        // The receiver exists, so this can't fail.
        let _ = sender.send(Message::There(streams));
        let (registry, messages) = (registry.clone(), receiver.clone());
        Thread::spawn("scape-attach", move || watch::run(registry, messages))
            .map_err(|error| Error::io("start the thread that attaches streams", error))
    });
    match begun {
        Ok(thread) => Ok(Watch { sender, thread, registration }),
        Err(error) => {
            hand_back(controller, &receiver);
            Err(error)
        }
    }
}

/// Resets `__LeaveStreamsUnattached` and then ends the thread that watches
/// streams, all within `timeout`. Before this thread ends, it handles the
/// streams that began to wait before the reset.
fn end(registry: &Registry, watch: Watch, timeout: Duration) -> Result<()> {
    let deadline = Deadline::after(timeout);
    // If the controller no longer exists, the connection was closed, and
    // closing it has reset the option.
    let put_back = registry.controller().map_or(Ok(()), |controller| {
        let controller = controller.with_timeout(timeout);
        let put_back = controller.stop_leaving_streams().map(drop);
        // Events about streams may arrive a moment after the reply to the
        // reset. So wait for one more reply, after which none of them arrive.
        if put_back.is_ok() {
            controller.until(deadline).is_alive();
        }
        put_back
    });
    let _ = watch.sender.send(Message::Stop);
    let ended = watch.thread.ended_within(deadline.left());
    drop(watch.registration);
    match put_back {
        // If the connection has ended, tor's option is reset when the
        // connection reconnects, or by the code that handles the end.
        Err(error) if error.is::<Closed>() => Ok(()),
        Ok(()) if !ended => Err(Timeout::new(Phase::Close, timeout).into()),
        put_back => put_back,
    }
}

/// While a guard exists, `__LeaveStreamsUnattached` is 1, and every new stream
/// of this tor waits until this program decides on it. A guard keeps the
/// connection open.
pub(crate) struct LeaveUnattachedGuard {
    registry: Arc<Registry>,
    controller: Controller,
    afterwards: Afterwards,
    armed: bool,
}

impl LeaveUnattachedGuard {
    pub(super) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub(super) fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Releases the guard like dropping it does, but within the controller's
    /// timeout, and reports errors.
    pub(super) fn close(mut self) -> Result<()> {
        self.armed = false;
        self.release(self.controller.timeout())
    }
}

impl Drop for LeaveUnattachedGuard {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let timeout = self.controller.timeout().min(END_WITHIN);
        if let Err(error) = self.release(timeout) {
            log::warn!(target: "scape::attach", "resetting {LEAVE_STREAMS} failed: {error}");
        }
    }
}
