//! The hub: the state of a connection that survives a reconnect. It has the
//! register of event subscribers and the current link. A [link](super::link) is
//! one socket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::closed::{CloseCause, Closed};
use super::explain::Explanation;
use super::interest::{Interest, Stale};
use super::link::Link;
use super::outlets::Outlets;
use super::status::{ConnectionStatus, Reconnected};
use super::waiters::PendingReply;
use crate::error::Result;
use crate::io::cancel::OnCancel;
use crate::io::transport::{Deadline, Transport, deadline_after};
use scape_proto::control::{Command, Limits};

/// The state that the threads and handles of a connection share. See the
/// [module](super).
#[derive(Debug, Default)]
pub(super) struct Hub {
    state: Mutex<State>,
    /// Notified of every change of `state`.
    changed: Condvar,
    pub(super) interest: Mutex<Interest>,
    pub(super) stale: Stale,
    pub(super) outlets: Arc<Outlets>,
    pub(super) explanation: Arc<Explanation>,
}

#[derive(Debug, Default)]
struct State {
    current: Current,
    /// The link on which this program is authenticating. It is kept here so
    /// that closing the connection can end this link, too. `None` at all other
    /// times.
    candidate: Option<Arc<Link>>,
    /// True if another link is expected after the end of the current one.
    /// Subscriptions then continue on that link. If false, they end with the
    /// current one.
    persistent: bool,
    /// The number of the link that callers send on. While the connection is
    /// down, the number of the last such link. Links are numbered from 1, so
    /// this is 0 before the first one.
    number: u64,
    /// The number of times that the connection has ended. A thread that waits
    /// for an end compares this number, because the connection may already be
    /// open again when the thread wakes up.
    ends: u64,
    /// The cause of the last end. `None` if the connection has never ended.
    last_end: Option<Closed>,
}

#[derive(Debug, Default)]
enum Current {
    /// No link has been [adopted](Hub::adopt) yet.
    #[default]
    Nothing,
    Open(Arc<Link>),
    /// The link has ended; another may come.
    Down(Closed),
    /// The link has ended, and another is authenticated. tor is being told
    /// which events are wanted, and everything that this controller made is
    /// restored. Callers can't send yet: to them the connection is still down,
    /// for the cause of the last link's end.
    Restoring(Arc<Link>, Closed),
    /// The connection has ended for good.
    Ended(Closed),
}

/// The state of a connection, returned by [`Hub::watch`].
#[derive(Debug, Clone)]
pub(crate) enum Watched {
    /// The connection is open on the link with this number. Returned if the
    /// number isn't the `known` one that [`Hub::watch`] was called with, or
    /// once the deadline has passed.
    Open(u64),
    /// The connection is down: the link with this number has ended.
    Down(u64),
    /// The connection has ended for good.
    Ended,
}

impl Hub {
    /// Starts a link on `transport`. The link reports its end to this hub.
    pub(super) fn start_link(
        self: &Arc<Self>,
        transport: Transport,
        limits: Limits,
    ) -> Result<Arc<Link>> {
        let hub = Arc::downgrade(self);
        let on_end = move |link: &Link, closed: &Closed| {
            if let Some(hub) = hub.upgrade() {
                hub.link_ended(link, closed);
            }
        };
        Link::start(transport, limits, self.outlets.clone(), self.explanation.clone(), on_end)
    }

    /// Returns the link that callers send on. If callers can't send, returns
    /// the cause of the connection's end.
    pub(super) fn link(&self) -> Result<Arc<Link>, Closed> {
        self.state.lock().link().cloned()
    }

    /// Returns the link with this number if callers can still send on it. If
    /// callers send on another link now, returns [`CloseCause::Reconnecting`].
    /// If callers can't send on any link, returns the cause of the last link's
    /// end.
    pub(super) fn link_numbered(&self, number: u64) -> Result<Arc<Link>, Closed> {
        let state = self.state.lock();
        let link = state.link()?;
        if state.number == number {
            Ok(link.clone())
        } else {
            Err(Closed::new(CloseCause::Reconnecting))
        }
    }

    /// Returns the number of the link that callers send on. If callers can't
    /// send, returns the cause of the connection's end.
    pub(super) fn link_number(&self) -> Result<u64, Closed> {
        let state = self.state.lock();
        state.link().map(|_| state.number)
    }

    /// Returns the link on which SETEVENTS is sent. Unlike
    /// [`link`](Self::link), also returns a link on which a reconnect is still
    /// restoring what this controller made, although callers can't send on it
    /// yet.
    pub(super) fn link_for_interest(&self) -> Result<Arc<Link>, Closed> {
        let state = self.state.lock();
        match &state.current {
            Current::Restoring(link, _) => Ok(link.clone()),
            _ => state.link().cloned(),
        }
    }

    /// Sends a command on the current link.
    pub(super) fn send(&self, command: Command, deadline: Deadline) -> Result<PendingReply> {
        self.link()?.send(command, deadline)
    }

    /// Waits until every event that tor sent before this call was handed to
    /// subscriptions and to the dispatcher. Returns at once if the connection
    /// has ended, because all its events were handed over before the end.
    pub(super) fn barrier(&self, deadline: Deadline) -> Result<()> {
        let command = Command::build("GETINFO").word("key", "version").finish()?;
        // Any reply will do, even a refusal.
        match self.send(command, deadline).and_then(PendingReply::wait) {
            Ok(_) => Ok(()),
            Err(error) if error.is::<Closed>() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Runs `remove` on the thread for callbacks, after all callbacks for
    /// events that tor sent before this call. Waits until `remove` has
    /// returned, unless the caller is itself on the thread for callbacks.
    /// Returns an error if the deadline passes first.
    pub(super) fn after_due_callbacks(
        &self,
        remove: impl FnOnce() + Send + 'static,
        deadline: Deadline,
    ) -> Result<()> {
        self.barrier(deadline)?;
        self.outlets.dispatcher.run(Box::new(remove));
        if self.outlets.dispatcher.is_current() {
            Ok(())
        } else {
            self.outlets.dispatcher.wait_until_idle(deadline)
        }
    }

    /// Returns the cause of the last link's end, if the connection is down or
    /// has ended for good. Returns `None` if the connection is open or was
    /// never opened.
    pub(super) fn closed(&self) -> Option<Closed> {
        self.state.lock().closed()
    }

    /// Returns the cause of the connection's end if it has ended for good.
    /// Returns `None` if the connection is open or may be opened again.
    pub(super) fn ended(&self) -> Option<Closed> {
        match &self.state.lock().current {
            Current::Ended(closed) => Some(closed.clone()),
            _ => None,
        }
    }

    /// Waits until the current link ends, and returns the cause. Returns at
    /// once if the connection is already down. Returns `None` at `deadline`.
    /// When this returns, the connection may be open again.
    pub(super) fn wait_closed(self: &Arc<Self>, deadline: Deadline) -> Option<Closed> {
        let _hook = self.wake_on_cancel(deadline);
        let mut state = self.state.lock();
        let known = state.ends;
        while state.closed().is_none() && state.ends == known {
            if self.waits_in_vain(&mut state, deadline) {
                break;
            }
        }
        state.closed().or_else(|| state.last_end.clone().filter(|_| state.ends != known))
    }

    /// Waits until callers can send on a link other than that with the number
    /// `ended`, or until `deadline`. Returns `Err(Some(cause))` once the
    /// connection has ended and won't be opened again. Returns `Err(None)` at
    /// the deadline.
    ///
    /// A call may learn that its link has ended a moment before the connection
    /// counts as down. Such a caller passes the number of its link as `ended`,
    /// so that this method doesn't return for the old link.
    pub(super) fn wait_open(
        self: &Arc<Self>,
        ended: Option<u64>,
        deadline: Deadline,
    ) -> Result<(), Option<Closed>> {
        let _hook = self.wake_on_cancel(deadline);
        let mut state = self.state.lock();
        loop {
            match &state.current {
                Current::Open(_) if Some(state.number) == ended => {}
                Current::Open(_) => return Ok(()),
                Current::Ended(closed) => return Err(Some(closed.clone())),
                Current::Down(closed) if !state.persistent => return Err(Some(closed.clone())),
                Current::Down(_) | Current::Restoring(..) | Current::Nothing => {}
            }
            if self.waits_in_vain(&mut state, deadline) {
                return Err(None);
            }
        }
    }

    /// Registers a hook that runs when the call with this deadline is
    /// cancelled. The hook wakes all threads that wait for a change of the
    /// state. It stays registered as long as the returned guard lives. Returns
    /// `None` if the call has no cancel token.
    fn wake_on_cancel(self: &Arc<Self>, deadline: Deadline) -> Option<OnCancel> {
        let token = deadline.token()?;
        let hub = self.clone();
        Some(token.on_cancel(move || {
            // Without the lock, a thread could check the token, miss this
            // notification, and then begin to wait.
            let _state = hub.state.lock();
            hub.changed.notify_all();
        }))
    }

    /// Waits for a change of the state. Returns true if the deadline has passed
    /// or the call was cancelled, so that the caller must give up. Returns
    /// false after a change.
    fn waits_in_vain(&self, state: &mut MutexGuard<'_, State>, deadline: Deadline) -> bool {
        deadline.is_cancelled()
            || self.changed.wait_until(state, deadline.instant()).timed_out()
            || deadline.is_cancelled()
    }

    /// Waits while a reconnect is restoring what this controller made, for at
    /// most `timeout`. Returns at once if nothing is being restored.
    pub(super) fn wait_while_restoring(&self, timeout: Duration) {
        let deadline = deadline_after(timeout);
        let mut state = self.state.lock();
        while matches!(state.current, Current::Restoring(..)) {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return;
            }
        }
    }

    /// Waits until one of these is true, and returns the state of the
    /// connection:
    ///
    /// * The connection is down, or has ended for good.
    /// * The connection is open, and the number of its link isn't `known`.
    /// * The connection is open, and `deadline` has passed. A deadline of
    ///   `None` never passes.
    pub(super) fn watch(&self, known: u64, deadline: Option<Instant>) -> Watched {
        let mut state = self.state.lock();
        let mut is_over = false;
        loop {
            match &state.current {
                Current::Down(_) => return Watched::Down(state.number),
                Current::Ended(_) => return Watched::Ended,
                Current::Open(_) if is_over || state.number != known => {
                    return Watched::Open(state.number);
                }
                Current::Open(_) | Current::Restoring(..) | Current::Nothing => {}
            }
            match deadline {
                // The deadline only counts on an open connection. After it has
                // passed, this waits until the connection is open, down or
                // ended.
                Some(deadline) if !is_over => {
                    is_over = self.changed.wait_until(&mut state, deadline).timed_out();
                }
                _ => self.changed.wait(&mut state),
            }
        }
    }

    /// Waits while the connection is down. Returns false once the connection is
    /// open again or has ended for good, and true if it is still down at
    /// `deadline`. `down` is the number of the link that has ended.
    pub(super) fn sleep_while_down(&self, down: u64, deadline: Instant) -> bool {
        let mut state = self.state.lock();
        while state.is_down(down) {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.is_down(down)
    }

    /// Sets whether another link is expected after the end of the current one.
    /// If `persistent` is true, subscriptions continue on the next link. If it
    /// is false, they end with the current one.
    pub(super) fn set_persistent(&self, persistent: bool) {
        self.state.lock().persistent = persistent;
    }

    /// Stores the link on which this program is authenticating. Closing the
    /// connection then ends this link, too. Fails if the connection has ended
    /// for good.
    pub(super) fn set_candidate(&self, link: &Arc<Link>) -> Result<(), Closed> {
        let mut state = self.state.lock();
        if let Current::Ended(closed) = &state.current {
            return Err(closed.clone());
        }
        state.candidate = Some(link.clone());
        Ok(())
    }

    /// Forgets the link that [`set_candidate`](Self::set_candidate) has stored,
    /// if it is `link`. Does nothing if it is another one. Call this when
    /// `link` has ended. Without the call, the hub may keep the ended link
    /// alive.
    pub(super) fn forget_candidate(&self, link: &Link) {
        self.state.lock().forget_candidate(link);
    }

    /// Opens the connection: lets callers send on its first link, on which this
    /// program has authenticated. Fails with the cause if the link or the
    /// connection has ended.
    pub(super) fn adopt(&self, link: Arc<Link>) -> Result<(), Closed> {
        let mut state = self.state.lock();
        state.candidate = None;
        if let Current::Ended(closed) = &state.current {
            return Err(closed.clone());
        }
        // A thread that ends the link stores the cause first and takes this
        // lock afterwards. So either this check sees the cause, or that thread
        // sees the link as the current one.
        if let Some(closed) = link.closed() {
            return Err(closed);
        }
        link.go_live();
        state.current = Current::Open(link);
        state.number += 1;
        self.changed.notify_all();
        Ok(())
    }

    /// Makes `link`, which is new and authenticated, the one on which a
    /// reconnect restores what this controller made. From now on, the link's
    /// events go to trackers, and are stored for subscriptions and callbacks.
    /// Returns the number that the link gets when it is [opened](Self::open).
    /// Fails if the connection isn't down, or if the new link has ended.
    pub(super) fn begin_restoring(&self, link: &Arc<Link>) -> Result<u64, Closed> {
        let mut interest = self.interest.lock();
        let mut state = self.state.lock();
        state.candidate = None;
        self.notice_end(&mut state);
        let since = match &state.current {
            Current::Down(closed) => closed.clone(),
            Current::Ended(closed) => return Err(closed.clone()),
            Current::Nothing | Current::Open(_) | Current::Restoring(..) => {
                return Err(Closed::new(CloseCause::Reconnecting));
            }
        };
        if let Some(closed) = link.closed() {
            return Err(closed);
        }
        self.outlets.dispatcher.pause();
        *interest = Interest::default();
        link.go_live();
        state.current = Current::Restoring(link.clone(), since);
        Ok(state.number + 1)
    }

    /// Lets callers send on a link on which everything that this controller
    /// made was restored. `persistent` is as in
    /// [`set_persistent`](Self::set_persistent).
    ///
    /// Before that, subscriptions and callbacks are told of the reconnect, and
    /// get the events that tor has sent on this link so far. So these events
    /// are delivered before the reply to a caller's first command. Fails with
    /// the cause if the link has ended.
    pub(super) fn open(
        &self,
        link: &Arc<Link>,
        reconnected: &Reconnected,
        persistent: bool,
    ) -> Result<(), Closed> {
        let mut state = self.state.lock();
        match &state.current {
            Current::Restoring(restoring, _) if Arc::ptr_eq(restoring, link) => {}
            Current::Ended(closed) | Current::Down(closed) | Current::Restoring(_, closed) => {
                return Err(closed.clone());
            }
            Current::Nothing | Current::Open(_) => {
                return Err(Closed::new(CloseCause::Reconnecting));
            }
        }
        if let Some(closed) = link.closed() {
            return Err(closed);
        }
        state.current = Current::Open(link.clone());
        state.number += 1;
        state.persistent = persistent;
        self.outlets.routes.resume(reconnected);
        self.outlets.dispatcher.resume(reconnected);
        self.changed.notify_all();
        Ok(())
    }

    /// Records that a link has ended. If it is the current link, tells
    /// subscriptions, trackers and callbacks of the end.
    fn link_ended(&self, link: &Link, closed: &Closed) {
        let mut state = self.state.lock();
        state.forget_candidate(link);
        let (Current::Open(current) | Current::Restoring(current, _)) = &state.current else {
            return;
        };
        if !std::ptr::eq(Arc::as_ptr(current), link) {
            return;
        }
        if closed.is_local() && matches!(state.current, Current::Open(_)) {
            state.end(closed);
            drop(state);
            // This runs without the lock, because users' closures are dropped
            // here, and their destructors may run any code.
            self.outlets.routes.end(closed);
            self.outlets.dispatcher.end(Some(closed));
            self.changed.notify_all();
        } else {
            self.go_down(&mut state, closed);
        }
    }

    /// Records the end of the current link, if another thread has ended the
    /// link but hasn't reported the end yet.
    fn notice_end(&self, state: &mut State) {
        let closed = match &state.current {
            Current::Open(link) | Current::Restoring(link, _) => link.closed(),
            _ => None,
        };
        if let Some(closed) = closed.filter(|closed| !closed.is_local()) {
            self.go_down(state, &closed);
        }
    }

    /// Records that the current link has ended and another may follow. The
    /// caller holds the lock of `state`. So trackers, subscriptions and
    /// callbacks are told of this end before another link is opened.
    fn go_down(&self, state: &mut State, closed: &Closed) {
        match std::mem::take(&mut state.current) {
            Current::Open(link) => {
                // The thread that has ended the link may not have called
                // `go_dead` yet.
                link.go_dead();
                if state.persistent || matches!(closed.cause(), CloseCause::Reconnecting) {
                    self.outlets.routes.interrupt(closed);
                } else {
                    self.outlets.routes.end_queues(closed);
                }
                self.outlets.dispatcher.status(ConnectionStatus::Closed(closed.clone()));
                state.ends += 1;
                state.last_end = Some(closed.clone());
                state.current = Current::Down(closed.clone());
            }
            // Callers could never send on this link. To them the connection has
            // been down all the time, for the cause `since`.
            Current::Restoring(link, since) => {
                link.go_dead();
                self.outlets.routes.forget_restoring(&since, state.persistent);
                if !state.persistent {
                    // `give_up` was called while everything was being restored.
                    self.outlets.routes.end_queues(&since);
                }
                self.outlets.dispatcher.give_up();
                state.current = Current::Down(since);
            }
            current => state.current = current,
        }
        self.changed.notify_all();
    }

    /// Records that no other link is expected. If the connection is down,
    /// subscriptions end with the cause of the last link's end. If a reconnect
    /// is restoring on another link right now, subscriptions end only if
    /// restoring fails.
    pub(super) fn give_up(&self) {
        let mut state = self.state.lock();
        state.persistent = false;
        if let Current::Down(closed) = &state.current {
            self.outlets.routes.end_queues(closed);
            self.changed.notify_all();
        }
    }

    /// Ends the connection for good, with all links. Returns the links, so that
    /// the caller can wait for their threads.
    pub(super) fn end(&self) -> Vec<Arc<Link>> {
        let mut links = Vec::new();
        let mut state = self.state.lock();
        links.extend(state.candidate.take());
        match &state.current {
            Current::Open(link) => {
                links.push(link.clone());
                drop(state);
            }
            Current::Ended(_) => drop(state),
            Current::Down(_) | Current::Restoring(..) | Current::Nothing => {
                if let Current::Restoring(link, _) = &state.current {
                    links.push(link.clone());
                }
                let closed = state.closed().unwrap_or_else(|| Closed::new(CloseCause::Local));
                state.end(&closed);
                drop(state);
                // The end of the last link was reported when it ended.
                self.outlets.routes.end(&closed);
                self.outlets.dispatcher.end(None);
                self.changed.notify_all();
            }
        }
        let mut ended = 0;
        while let Some(link) = links.get(ended).cloned() {
            let closed = link.end(CloseCause::Local);
            links.extend(self.end_after(&link, closed));
            ended += 1;
        }
        links
    }

    /// Ends the connection for good after `link`, which has ended for the cause
    /// `closed`. Returns links that were started in the meantime. The caller
    /// must end them as well.
    ///
    /// If the connection has already ended for good, nothing is reported again.
    /// If `link` had ended by itself, its end was reported, but another link
    /// could still follow. This method then reports that none follows.
    fn end_after(&self, link: &Arc<Link>, mut closed: Closed) -> Vec<Arc<Link>> {
        let mut state = self.state.lock();
        let mut others: Vec<_> = state.candidate.take().into_iter().collect();
        let was_told = match &state.current {
            Current::Ended(_) => return others,
            Current::Down(_) => true,
            Current::Restoring(other, _) => {
                others.push(other.clone());
                true
            }
            Current::Nothing => false,
            Current::Open(current) if Arc::ptr_eq(current, link) => false,
            Current::Open(other) => {
                // The end of the earlier link was reported, and so was the
                // reconnect to this link. The end of this link was not.
                closed = Closed::new(CloseCause::Local);
                others.push(other.clone());
                false
            }
        };
        state.end(&closed);
        drop(state);
        self.outlets.routes.end(&closed);
        self.outlets.dispatcher.end(if was_told { None } else { Some(&closed) });
        self.changed.notify_all();
        others
    }
}

impl State {
    /// Records that the connection has ended for good.
    fn end(&mut self, closed: &Closed) {
        self.ends += 1;
        self.last_end = Some(closed.clone());
        self.current = Current::Ended(closed.clone());
    }

    fn forget_candidate(&mut self, link: &Link) {
        if self.candidate.as_ref().is_some_and(|known| std::ptr::eq(Arc::as_ptr(known), link)) {
            self.candidate = None;
        }
    }

    fn link(&self) -> Result<&Arc<Link>, Closed> {
        match &self.current {
            Current::Open(link) => Ok(link),
            Current::Down(closed) | Current::Restoring(_, closed) | Current::Ended(closed) => {
                Err(closed.clone())
            }
            Current::Nothing => Err(Closed::new(CloseCause::Local)),
        }
    }

    /// Returns true if the link with this number has ended and callers can't
    /// send on another one yet.
    fn is_down(&self, number: u64) -> bool {
        self.number == number && matches!(self.current, Current::Down(_) | Current::Restoring(..))
    }

    fn closed(&self) -> Option<Closed> {
        match &self.current {
            Current::Nothing | Current::Open(_) => None,
            Current::Down(closed) | Current::Restoring(_, closed) | Current::Ended(closed) => {
                Some(closed.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests;
