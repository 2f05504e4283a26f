//! What outlives a socket: who wants events, and which socket they come from.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::dispatcher::Dispatcher;
use super::explain::Explanation;
use super::interest::{Interest, Stale};
use super::link::Link;
use super::routes::Routes;
use super::status::ConnectionStatus;
use super::waiters::PendingReply;
use crate::error::{CloseCause, Closed, Result};
use crate::protocol::Command;
use crate::transport::deadline_after;

/// What the threads and handles of a connection share. See the [module](super).
#[derive(Debug, Default)]
pub(super) struct Hub {
    state: Mutex<State>,
    /// Told of every change of the state.
    changed: Condvar,
    pub(super) interest: Mutex<Interest>,
    pub(super) stale: Stale,
    pub(super) routes: Routes,
    pub(super) dispatcher: Dispatcher,
    pub(super) explanation: Explanation,
}

#[derive(Debug, Default)]
struct State {
    current: Current,
    /// The link that is being authenticated on, to be ended with everything else.
    candidate: Option<Arc<Link>>,
    /// Whether another link is expected when one has ended: then subscriptions wait for it.
    persistent: bool,
    /// How many links were adopted so far.
    adopted: u64,
}

#[derive(Debug, Default)]
enum Current {
    /// Nothing was adopted yet.
    #[default]
    Nothing,
    Open(Arc<Link>),
    /// The link has ended; another may come.
    Down(Closed),
    /// Nothing comes any more.
    Ended(Closed),
}

/// How a connection is at some moment.
#[derive(Debug, Clone)]
pub(crate) enum Watched {
    /// Open, until the end of the time that was given.
    Open,
    /// Its socket has ended: the one of this number.
    Down(u64),
    /// It has ended for good.
    Ended,
}

impl Hub {
    /// The link to send on; or why there is none.
    pub(super) fn link(&self) -> Result<Arc<Link>, Closed> {
        match &self.state.lock().current {
            Current::Open(link) => Ok(link.clone()),
            Current::Down(closed) | Current::Ended(closed) => Err(closed.clone()),
            Current::Nothing => Err(Closed::new(CloseCause::Local)),
        }
    }

    /// Sends a command.
    pub(super) fn send(&self, command: Command, timeout: Duration) -> Result<PendingReply> {
        self.link()?.send(command, timeout)
    }

    /// The cause of the connection's end, while it has ended.
    pub(super) fn closed(&self) -> Option<Closed> {
        self.state.lock().closed()
    }

    /// The cause of the connection's end, once nothing comes any more.
    pub(super) fn ended(&self) -> Option<Closed> {
        match &self.state.lock().current {
            Current::Ended(closed) => Some(closed.clone()),
            _ => None,
        }
    }

    /// The cause of the connection's end, waited for for at most `timeout`.
    pub(super) fn wait_closed(&self, timeout: Duration) -> Option<Closed> {
        let deadline = deadline_after(timeout);
        let mut state = self.state.lock();
        while state.closed().is_none() {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.closed()
    }

    /// Waits until it is open, for at most `timeout`. `Err` with the cause once it has ended for good, or when the time is
    /// over.
    pub(super) fn wait_open(&self, timeout: Duration) -> Result<(), Option<Closed>> {
        let deadline = deadline_after(timeout);
        let mut state = self.state.lock();
        loop {
            match &state.current {
                Current::Open(_) => return Ok(()),
                Current::Ended(closed) => return Err(Some(closed.clone())),
                Current::Down(closed) if !state.persistent => return Err(Some(closed.clone())),
                Current::Down(_) | Current::Nothing => {}
            }
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return Err(None);
            }
        }
    }

    /// Waits for the connection not to be open, until `deadline`, where there is one.
    pub(super) fn watch(&self, deadline: Option<Instant>) -> Watched {
        let mut state = self.state.lock();
        loop {
            match &state.current {
                Current::Down(_) => return Watched::Down(state.adopted),
                Current::Ended(_) => return Watched::Ended,
                Current::Open(_) | Current::Nothing => {}
            }
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() {
                        return Watched::Open;
                    }
                }
            }
        }
    }

    /// Sleeps until `deadline`, or until the connection has ended for good or was made again since its socket of the number
    /// `down` has ended. Whether neither has happened.
    pub(super) fn sleep_while_down(&self, down: u64, deadline: Instant) -> bool {
        let mut state = self.state.lock();
        while state.is_down(down) {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.is_down(down)
    }

    /// Whether subscriptions are to wait for another link when this one has ended.
    pub(super) fn set_persistent(&self, persistent: bool) {
        self.state.lock().persistent = persistent;
    }

    /// Remembers a link that is being authenticated on. `Err` where nothing may come any more.
    pub(super) fn set_candidate(&self, link: &Arc<Link>) -> Result<(), Closed> {
        let mut state = self.state.lock();
        if let Current::Ended(closed) = &state.current {
            return Err(closed.clone());
        }
        state.candidate = Some(link.clone());
        Ok(())
    }

    /// Forgets a link that is not authenticated on any more: else it and the hub would keep each other alive.
    pub(super) fn forget_candidate(&self, link: &Link) {
        self.state.lock().forget_candidate(link);
    }

    /// Makes an authenticated link the one to send on. tor is not told of any events yet.
    pub(super) fn adopt(&self, link: Arc<Link>) -> Result<(), Closed> {
        let mut interest = self.interest.lock();
        let mut state = self.state.lock();
        state.candidate = None;
        if let Current::Ended(closed) = &state.current {
            return Err(closed.clone());
        }
        // Under the lock that its end takes afterwards: so an end is seen here, or comes later.
        if let Some(closed) = link.closed() {
            return Err(closed);
        }
        *interest = Interest::default();
        link.go_live();
        state.current = Current::Open(link);
        state.adopted += 1;
        self.routes.reopen();
        self.changed.notify_all();
        Ok(())
    }

    /// A link has ended: if it is the one that is sent on, everybody is told.
    pub(super) fn link_ended(&self, link: &Link, closed: &Closed) {
        let mut state = self.state.lock();
        state.forget_candidate(link);
        let Current::Open(current) = &state.current else { return };
        if !std::ptr::eq(Arc::as_ptr(current), link) {
            return;
        }
        if closed.is_local() {
            state.current = Current::Ended(closed.clone());
            drop(state);
            // Without the lock: what a user gave us is dropped.
            self.routes.end(closed);
            self.dispatcher.end(Some(closed));
        } else {
            // Under the lock, so that all this comes before the next link is adopted.
            if state.persistent || matches!(closed.cause(), CloseCause::Reconnecting) {
                self.routes.interrupt(closed);
            } else {
                self.routes.end_queues(closed);
            }
            self.dispatcher.status(ConnectionStatus::Closed(closed.clone()));
            state.current = Current::Down(closed.clone());
        }
        self.changed.notify_all();
    }

    /// No other link is expected any more: subscriptions end, with the cause for which the last link did.
    pub(super) fn give_up(&self) {
        let mut state = self.state.lock();
        state.persistent = false;
        if let Current::Down(closed) = &state.current {
            self.routes.end_queues(closed);
            self.changed.notify_all();
        }
    }

    /// Ends everything. Gives the links whose threads are to be waited for.
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
            Current::Down(_) | Current::Nothing => {
                let closed = state.closed().unwrap_or_else(|| Closed::new(CloseCause::Local));
                state.current = Current::Ended(closed.clone());
                drop(state);
                // Its end was told already.
                self.routes.end(&closed);
                self.dispatcher.end(None);
                self.changed.notify_all();
            }
        }
        for link in &links {
            link.end(CloseCause::Local);
        }
        links
    }
}

impl State {
    fn forget_candidate(&mut self, link: &Link) {
        if self.candidate.as_ref().is_some_and(|known| std::ptr::eq(Arc::as_ptr(known), link)) {
            self.candidate = None;
        }
    }

    /// Whether the socket of this number has ended, and nothing has come of it yet.
    fn is_down(&self, number: u64) -> bool {
        self.adopted == number && matches!(self.current, Current::Down(_))
    }

    fn closed(&self) -> Option<Closed> {
        match &self.current {
            Current::Nothing | Current::Open(_) => None,
            Current::Down(closed) | Current::Ended(closed) => Some(closed.clone()),
        }
    }
}
