//! [`Connection`], by which the rest of the library uses this module.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::candidate::Candidate;
use super::closed::{CloseCause, Closed};
use super::hub::{Hub, Watched};
use super::link::Link;
use super::listener::Listener;
use super::restoring::Restoring;
use super::routes::{Target, Tracker};
use super::status::ConnectionStatus;
use super::subscription::{QueueLimit, Registration, Subscription};
use super::thread::JOIN_FOR;
use super::waiters::PendingReply;
use crate::error::{Error, Phase, Result};
use crate::io::transport::{Deadline, Transport};
use scape_proto::control::{Command, Limits, Reply};
use scape_proto::event::{Event, EventKind};

/// A control connection, which may be made again. Dropping it doesn't end it:
/// its owner [closes](Self::close) it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    hub: Arc<Hub>,
}

/// A handle on the thread for callbacks. It doesn't keep the connection alive.
#[derive(Debug, Clone)]
pub(crate) struct Callbacks(Weak<Hub>);

impl Callbacks {
    /// Runs `task` on the thread for callbacks, after everything that came
    /// before. Catches and logs a panic. Does nothing if the connection has
    /// been closed. Never blocks, so it may be called on the reader thread.
    pub(crate) fn run(&self, task: impl FnOnce() + Send + 'static) {
        if let Some(hub) = self.0.upgrade() {
            hub.outlets.dispatcher.run(Box::new(task));
        }
    }

    /// Runs `remove` after all callbacks for what tor sent before this call.
    /// Waits until they have returned, unless the caller is such a callback.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) once the deadline has
    /// passed. `remove` may still run later then.
    pub(crate) fn after_due(
        &self,
        remove: impl FnOnce() + Send + 'static,
        deadline: Deadline,
    ) -> Result<()> {
        match self.0.upgrade() {
            Some(hub) => hub.after_due_callbacks(remove, deadline),
            None => Ok(()),
        }
    }
}

impl Connection {
    /// Starts the reader thread on a transport. The returned candidate is for
    /// authentication.
    pub(crate) fn open(&self, transport: Transport, limits: Limits) -> Result<Candidate> {
        let link = self.hub.start_link(transport, limits)?;
        let candidate = Candidate::new(&self.hub, link.clone());
        self.hub.set_candidate(&link)?;
        Ok(candidate)
    }

    /// Lets callers in on the first socket.
    pub(crate) fn adopt(&self, candidate: Candidate) -> Result<()> {
        let link = candidate.into_link();
        self.hub.adopt(link.clone()).map_err(|closed| {
            link.end(CloseCause::Local);
            closed.into()
        })
    }

    /// Begins to restore everything on a socket that replaces another one.
    /// [`Restoring::open`] lets callers in.
    pub(crate) fn restore_on(&self, candidate: Candidate) -> Result<Restoring> {
        Restoring::begin(&self.hub, candidate)
    }

    /// Tells tor again which events are wanted.
    pub(crate) fn tell_again(&self, deadline: Deadline) -> Result<()> {
        self.hub.tell_again(deadline)
    }

    /// Returns the number of the socket that commands go to. See
    /// [`send_on`](Self::send_on).
    pub(crate) fn link_number(&self) -> Result<u64> {
        Ok(self.hub.link_number()?)
    }

    /// Sends a command on the socket with this number, or on the present one if
    /// no number is given. Fails if the numbered socket has ended, even if the
    /// connection was made again, because the new one may be to another tor.
    pub(crate) fn send_on(
        &self,
        number: Option<u64>,
        command: Command,
        deadline: Deadline,
    ) -> Result<PendingReply> {
        self.link_on(number)?.send(command, deadline)
    }

    /// Sends several commands with one write, as [`send_on`](Self::send_on)
    /// does.
    pub(crate) fn send_all_on(
        &self,
        number: Option<u64>,
        commands: Vec<Command>,
        deadline: Deadline,
    ) -> Result<Vec<PendingReply>> {
        self.link_on(number)?.send_all(commands, deadline)
    }

    fn link_on(&self, number: Option<u64>) -> Result<Arc<Link>, Closed> {
        match number {
            Some(number) => self.hub.link_numbered(number),
            None => self.hub.link(),
        }
    }

    /// Sends a command. The result waits for the reply.
    pub(crate) fn send(&self, command: Command, deadline: Deadline) -> Result<PendingReply> {
        self.hub.send(command, deadline)
    }

    /// Sends a command and waits for its reply, even if that is a refusal.
    pub(crate) fn request(&self, command: Command, deadline: Deadline) -> Result<Reply> {
        self.send(command, deadline)?.wait()
    }

    /// Returns the cause of the connection's end, or `None` if the connection
    /// is open.
    pub(crate) fn closed(&self) -> Option<Closed> {
        self.hub.closed()
    }

    /// Waits until the connection ends and returns the cause. Returns `None` at
    /// `deadline`.
    pub(crate) fn wait_closed(&self, deadline: Deadline) -> Option<Closed> {
        self.hub.wait_closed(deadline)
    }

    /// Waits until the connection is open, or open again.
    pub(crate) fn wait_open(&self, deadline: Deadline) -> Result<()> {
        self.hub.wait_open(deadline).map_err(|closed| match closed {
            Some(closed) => closed.into(),
            None => deadline.error(Phase::Connect),
        })
    }

    /// Waits while everything is restored on a new socket, for at most
    /// `timeout`.
    pub(crate) fn wait_while_restoring(&self, timeout: Duration) {
        self.hub.wait_while_restoring(timeout);
    }

    /// Waits until the connection is down or has ended, until it is open on
    /// another socket than number `known`, or until `deadline`.
    pub(crate) fn watch(&self, known: u64, deadline: Option<Instant>) -> Watched {
        self.hub.watch(known, deadline)
    }

    /// Sleeps until `deadline` while the connection is down since the end of
    /// the socket with the number `down`. Returns false if the connection was
    /// made again or has ended for good.
    pub(crate) fn sleep_while_down(&self, down: u64, deadline: Instant) -> bool {
        self.hub.sleep_while_down(down, deadline)
    }

    /// Sets whether subscriptions survive the end of a socket, because another
    /// one is expected.
    pub(crate) fn set_persistent(&self, persistent: bool) {
        self.hub.set_persistent(persistent);
    }

    /// Ends the subscriptions, because the connection won't be made again.
    pub(crate) fn give_up(&self) {
        self.hub.give_up();
    }

    /// Ends the present link, if there is one, and waits for its thread.
    /// Subscriptions wait for the next link if the cause is
    /// [`CloseCause::Reconnecting`] or if another link is expected.
    pub(crate) fn disconnect(&self, cause: CloseCause) {
        if let Ok(link) = self.hub.link() {
            link.end(cause);
            link.join(JOIN_FOR);
        }
    }

    /// Sends a command to which any answer will do. If no answer comes in time,
    /// ends the link that it was sent on. Another link that has come in the
    /// meantime is left alone.
    pub(crate) fn check(&self, command: Command, timeout: Duration) {
        let Ok(link) = self.hub.link() else { return };
        let answer = link.send(command, Deadline::after(timeout)).and_then(PendingReply::wait);
        if answer.is_err_and(|error| error.is_timeout()) {
            link.end(CloseCause::Unresponsive { after: timeout });
            link.join(JOIN_FOR);
        }
    }

    /// Returns the cause of the connection's end, once it has ended for good.
    pub(crate) fn ended(&self) -> Option<Closed> {
        self.hub.ended()
    }

    /// Tells tor that events of these kinds are wanted, and queues them for the
    /// returned subscription.
    pub(crate) fn subscribe(
        &self,
        kinds: Vec<EventKind>,
        limit: QueueLimit,
        deadline: Deadline,
    ) -> Result<Subscription> {
        Subscription::new(&self.hub, kinds, limit, deadline)
    }

    /// Tells tor that events of these kinds are wanted, and calls `callback`
    /// with them.
    pub(crate) fn on(
        &self,
        kinds: Vec<EventKind>,
        limit: QueueLimit,
        callback: Box<dyn FnMut(&Event) + Send>,
        deadline: Deadline,
    ) -> Result<Listener> {
        Listener::for_events(&self.hub, kinds, limit, callback, deadline)
    }

    /// Tells tor that events of these kinds are wanted, and tells them to
    /// `tracker` on the reader thread, as long as the returned registration
    /// lives.
    pub(crate) fn track(
        &self,
        kinds: &[EventKind],
        tracker: Arc<dyn Tracker>,
        deadline: Deadline,
    ) -> Result<Registration> {
        let id = self.hub.register_interest(kinds, Target::Tracker(tracker), deadline)?;
        Ok(Registration { id, hub: Arc::downgrade(&self.hub) })
    }

    /// Starts the thread for callbacks and returns a handle on it, for other
    /// registers of callbacks.
    pub(crate) fn callbacks(&self) -> Result<Callbacks> {
        self.hub.outlets.dispatcher.start()?;
        Ok(Callbacks(Arc::downgrade(&self.hub)))
    }

    /// Calls `callback` when the connection's status changes.
    pub(crate) fn on_status(
        &self,
        callback: Box<dyn FnMut(&ConnectionStatus) + Send>,
        deadline: Deadline,
    ) -> Result<Listener> {
        Listener::for_status(&self.hub, callback, deadline)
    }

    /// Calls the status callbacks with `status`.
    pub(crate) fn tell(&self, status: ConnectionStatus) {
        self.hub.outlets.dispatcher.status(status);
    }

    /// Waits until all callbacks for what has already been read have returned.
    pub(crate) fn wait_for_callbacks(&self, deadline: Deadline) -> Result<()> {
        self.hub.outlets.dispatcher.wait_until_idle(deadline)
    }

    /// Returns true if the caller is one of this connection's callbacks.
    pub(crate) fn is_in_callback(&self) -> bool {
        self.hub.outlets.dispatcher.is_current()
    }

    /// Sets the function that finds out how tor's process ended. It is called
    /// when the socket has ended.
    pub(crate) fn explain_end(&self, ask: impl Fn() -> Option<Error> + Send + Sync + 'static) {
        self.hub.explanation.set(Box::new(ask));
    }

    /// Sets whether tor is being asked to close the connection (QUIT).
    pub(crate) fn set_quitting(&self, quitting: bool) {
        if let Ok(link) = self.hub.link() {
            link.set_quitting(quitting);
        }
    }

    /// Ends the connection for good and waits for its threads until `deadline`.
    pub(crate) fn close(&self, deadline: Deadline) -> Result<()> {
        let links = self.hub.end();
        let in_callback = self.hub.outlets.dispatcher.is_current();
        let mut joined = true;
        for link in links {
            joined &= link.join(deadline.left());
        }
        if let Some(dispatcher) = self.hub.outlets.dispatcher.take_thread() {
            joined &= in_callback || dispatcher.ended_within(deadline.left());
        }
        if joined { Ok(()) } else { Err(deadline.error(Phase::Close)) }
    }
}
