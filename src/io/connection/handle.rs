//! [`Connection`], through which the rest of the library uses this module.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::candidate::Candidate;
use super::closed::{CloseCause, Closed};
use super::hub::{Hub, Watched};
use super::link::Link;
use super::outlets::Awaiting;
use super::registered_callback::RegisteredCallback;
use super::registration::Registration;
use super::restoring::Restoring;
use super::routes::{Target, Tracker};
use super::status::ConnectionStatus;
use super::subscription::{QueueLimit, RouteGuard, Subscription};
use super::thread::JOIN_FOR;
use super::waiters::PendingReply;
use crate::error::{Error, Phase, Result};
use crate::io::transport::{Deadline, Transport};
use scape_proto::control::{Command, Limits, Reply};
use scape_proto::event::{Event, EventKind};

/// A control connection, which may be opened again after its socket has ended.
/// Clones share the connection. The connection doesn't end when the last clone
/// is dropped. The session that owns the connection ends it with
/// [`close`](Self::close).
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    hub: Arc<Hub>,
}

/// A handle on the thread that runs users' callbacks. The handle doesn't keep
/// the connection alive.
#[derive(Debug, Clone)]
pub(crate) struct Callbacks(Weak<Hub>);

impl Callbacks {
    /// Runs `task` on the thread for callbacks, after all callbacks and tasks
    /// that are already queued. Catches and logs a panic. Does nothing if the
    /// connection has been closed. Never blocks, so it may be called on the
    /// reader thread.
    pub(crate) fn run(&self, task: impl FnOnce() + Send + 'static) {
        if let Some(hub) = self.0.upgrade() {
            hub.outlets.dispatcher.run(Box::new(task));
        }
    }

    /// Records that a call of this library waits for an event, as long as the
    /// returned value lives. In the meantime, the reader thread doesn't pause
    /// to hold tor back (see `hold.rs`). Returns `None` if the connection no
    /// longer exists.
    pub(crate) fn awaiting(&self) -> Option<Awaiting> {
        self.0.upgrade().map(|hub| hub.outlets.awaiting())
    }

    /// Returns true if the connection is up.
    pub(crate) fn is_open(&self) -> bool {
        self.0.upgrade().is_some_and(|hub| hub.closed().is_none())
    }

    /// Runs `remove` on the thread for callbacks, after all callbacks for
    /// events that tor sent before this call. Waits until `remove` has
    /// returned, unless the caller is itself on the thread for callbacks. If
    /// the connection no longer exists, returns at once without running
    /// `remove`.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) once the deadline has
    /// passed. In that case `remove` runs later or not at all.
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
    /// Starts a reader thread on a new socket and returns a candidate, on which
    /// the caller authenticates. Fails if the thread can't be started, or if
    /// the connection has ended for good.
    pub(crate) fn open(&self, transport: Transport, limits: Limits) -> Result<Candidate> {
        let link = self.hub.start_link(transport, limits)?;
        let candidate = Candidate::new(&self.hub, link.clone());
        self.hub.set_candidate(&link)?;
        Ok(candidate)
    }

    /// Opens the connection: lets callers send on its first socket, on which
    /// this program has authenticated. Fails with the cause if the socket or
    /// the connection has ended.
    pub(crate) fn adopt(&self, candidate: Candidate) -> Result<()> {
        let link = candidate.into_link();
        self.hub.adopt(link.clone()).map_err(|closed| {
            link.end(CloseCause::Local);
            closed.into()
        })
    }

    /// Begins to restore what this controller made, on a socket that replaces
    /// one that has ended. Callers can send on the new socket after
    /// [`Restoring::open`].
    pub(crate) fn restore_on(&self, candidate: Candidate) -> Result<Restoring> {
        Restoring::begin(&self.hub, candidate)
    }

    /// Sends tor the list of events that subscribers want (SETEVENTS), unless
    /// tor has already accepted this list. If tor doesn't know some of these
    /// events, returns a refusal that names them.
    pub(crate) fn tell_again(&self, deadline: Deadline) -> Result<()> {
        self.hub.tell_again(deadline)
    }

    /// Returns the number of the socket that commands go to, for
    /// [`send_on`](Self::send_on). If callers can't send, returns the cause of
    /// the connection's end as an error.
    pub(crate) fn link_number(&self) -> Result<u64> {
        Ok(self.hub.link_number()?)
    }

    /// Sends a command on the socket with this number, or on the current socket
    /// if no number is given. Fails if the socket with this number has ended.
    /// The command isn't sent on a newer socket instead, because that one may
    /// lead to another tor.
    pub(crate) fn send_on(
        &self,
        number: Option<u64>,
        command: Command,
        deadline: Deadline,
    ) -> Result<PendingReply> {
        self.link_on(number)?.send(command, deadline)
    }

    /// Like [`send_on`](Self::send_on), but sends several commands with one
    /// write.
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

    /// Sends a command. [`PendingReply::wait`] on the result waits for the
    /// reply.
    pub(crate) fn send(&self, command: Command, deadline: Deadline) -> Result<PendingReply> {
        self.hub.send(command, deadline)
    }

    /// Sends a command, waits for its reply, and returns the reply even if it
    /// is a refusal.
    pub(crate) fn request(&self, command: Command, deadline: Deadline) -> Result<Reply> {
        self.send(command, deadline)?.wait()
    }

    /// Returns the cause of the last socket's end, if the connection is down or
    /// has ended for good. Returns `None` if the connection is open or was
    /// never opened.
    pub(crate) fn closed(&self) -> Option<Closed> {
        self.hub.closed()
    }

    /// Waits until the current socket ends, and returns the cause. Returns at
    /// once if the connection is already down. Returns `None` at `deadline`.
    pub(crate) fn wait_closed(&self, deadline: Deadline) -> Option<Closed> {
        self.hub.wait_closed(deadline)
    }

    /// Waits until callers can send. Fails with the cause if the connection has
    /// ended and won't be opened again. Fails with a timeout at `deadline`.
    pub(crate) fn wait_open(&self, deadline: Deadline) -> Result<()> {
        self.wait_open_after(None, deadline)
    }

    /// Waits until callers can send on a socket other than that with the number
    /// `ended`. Fails in the same cases as [`wait_open`](Self::wait_open).
    pub(crate) fn wait_open_after(&self, ended: Option<u64>, deadline: Deadline) -> Result<()> {
        self.hub.wait_open(ended, deadline).map_err(|closed| match closed {
            Some(closed) => closed.into(),
            None => deadline.error(Phase::Connect),
        })
    }

    /// Waits while a reconnect is restoring what this controller made, for at
    /// most `timeout`. Returns at once if nothing is being restored.
    pub(crate) fn wait_while_restoring(&self, timeout: Duration) {
        self.hub.wait_while_restoring(timeout);
    }

    /// Waits until one of these is true, and returns the state of the
    /// connection:
    ///
    /// * The connection is down, or has ended for good.
    /// * The connection is open, and the number of its socket isn't `known`.
    /// * The connection is open, and `deadline` has passed. A deadline of
    ///   `None` never passes.
    pub(crate) fn watch(&self, known: u64, deadline: Option<Instant>) -> Watched {
        self.hub.watch(known, deadline)
    }

    /// Waits while the connection is down. Returns false once the connection is
    /// open again or has ended for good, and true if it is still down at
    /// `deadline`. `down` is the number of the socket that has ended.
    pub(crate) fn sleep_while_down(&self, down: u64, deadline: Instant) -> bool {
        self.hub.sleep_while_down(down, deadline)
    }

    /// Sets whether another socket is expected after the end of the current
    /// one. If `persistent` is true, subscriptions continue on the next socket.
    /// If it is false, they end with the current one.
    pub(crate) fn set_persistent(&self, persistent: bool) {
        self.hub.set_persistent(persistent);
    }

    /// Records that no other socket is expected any more. If the connection is
    /// down, its subscriptions end now. See [`Hub::give_up`].
    pub(crate) fn give_up(&self) {
        self.hub.give_up();
    }

    /// Ends the current socket, if there is one, and waits up to a second for
    /// its reader thread. Subscriptions continue on the next socket if `cause`
    /// is [`CloseCause::Reconnecting`] or if another socket is expected: see
    /// [`set_persistent`](Self::set_persistent).
    pub(crate) fn disconnect(&self, cause: CloseCause) {
        if let Ok(link) = self.hub.link() {
            link.end(cause);
            link.join(JOIN_FOR);
        }
    }

    /// Checks that tor still answers: sends `command` and waits for any reply.
    /// If tor sends nothing at all within `timeout`, ends the socket that the
    /// command was sent on. A newer socket is left alone.
    ///
    /// tor may be sending a long reply to an earlier command, which takes
    /// longer than `timeout` on a slow connection. So anything that it sends
    /// counts.
    pub(crate) fn check(&self, command: Command, timeout: Duration) {
        let Ok(link) = self.hub.link() else { return };
        let reads = link.reads();
        let answer = link.send(command, Deadline::after(timeout)).and_then(PendingReply::wait);
        if answer.is_err_and(|error| error.is_timeout()) && link.reads() == reads {
            link.end(CloseCause::Unresponsive { after: timeout });
            link.join(JOIN_FOR);
        }
    }

    /// Returns the cause of the connection's end if it has ended for good.
    /// Returns `None` if the connection is open or may be opened again.
    pub(crate) fn ended(&self) -> Option<Closed> {
        self.hub.ended()
    }

    /// Tells tor to send events of these kinds. Returns a subscription whose
    /// queue gets these events.
    pub(crate) fn subscribe(
        &self,
        kinds: Vec<EventKind>,
        limit: QueueLimit,
        deadline: Deadline,
    ) -> Result<Subscription> {
        Subscription::new(&self.hub, kinds, limit, deadline)
    }

    /// Tells tor to send events of these kinds, and registers `callback` for
    /// them.
    pub(crate) fn on(
        &self,
        kinds: Vec<EventKind>,
        limit: QueueLimit,
        callback: Box<dyn FnMut(&Event) + Send>,
        deadline: Deadline,
    ) -> Result<Registration> {
        RegisteredCallback::for_events(&self.hub, kinds, limit, callback, deadline)
            .map(Registration::new)
    }

    /// Tells tor to send events of these kinds, and registers `tracker` for
    /// them. The reader thread passes the events to `tracker` as long as the
    /// returned guard lives.
    pub(crate) fn track(
        &self,
        kinds: &[EventKind],
        tracker: Arc<dyn Tracker>,
        deadline: Deadline,
    ) -> Result<RouteGuard> {
        let id = self.hub.register_interest(kinds, Target::Tracker(tracker), deadline)?;
        Ok(RouteGuard { id, hub: Arc::downgrade(&self.hub) })
    }

    /// Starts the thread for callbacks unless it is running. Returns a handle
    /// on it, for callbacks that aren't registered in this module, such as
    /// those of the live state.
    pub(crate) fn callbacks(&self) -> Result<Callbacks> {
        self.hub.outlets.dispatcher.start()?;
        Ok(Callbacks(Arc::downgrade(&self.hub)))
    }

    /// Registers `callback` for changes of the connection's status.
    pub(crate) fn on_status(
        &self,
        callback: Box<dyn FnMut(&ConnectionStatus) + Send>,
        deadline: Deadline,
    ) -> Result<Registration> {
        RegisteredCallback::for_status(&self.hub, callback, deadline).map(Registration::new)
    }

    /// Queues a call of every status callback with `status`, on the thread for
    /// callbacks.
    pub(crate) fn tell(&self, status: ConnectionStatus) {
        self.hub.outlets.dispatcher.status(status);
    }

    /// Waits until the callbacks have returned for every event that the reader
    /// thread has handed over so far.
    pub(crate) fn wait_for_callbacks(&self, deadline: Deadline) -> Result<()> {
        self.hub.outlets.dispatcher.wait_until_idle(deadline)
    }

    /// Returns true if the caller is one of this connection's callbacks.
    pub(crate) fn is_in_callback(&self) -> bool {
        self.hub.outlets.dispatcher.is_current()
    }

    /// Sets the function `ask`, which is called when a socket has ended. `ask`
    /// returns the error that describes how tor's process ended, or `None` if
    /// the process hasn't ended. A second call of this method does nothing.
    pub(crate) fn explain_end(&self, ask: impl Fn() -> Option<Error> + Send + Sync + 'static) {
        self.hub.explanation.set(Box::new(ask));
    }

    /// Sets whether this program is asking tor to close the connection (QUIT).
    /// If `quitting` is true, a close by tor counts as [`CloseCause::Local`].
    pub(crate) fn set_quitting(&self, quitting: bool) {
        if let Ok(link) = self.hub.link() {
            link.set_quitting(quitting);
        }
    }

    /// Ends the connection for good and waits for its threads. Returns an error
    /// if one of the threads is still running at `deadline`. If a callback
    /// calls this, the thread that runs callbacks is not waited for.
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::thread;

    use super::*;

    #[test]
    fn heartbeat_counts_as_missed_only_if_nothing_was_read() {
        let question = || Command::build("GETINFO").word("key", "version").finish().unwrap();
        let (ours, theirs) = Transport::pair();
        let connection = Connection::default();
        let candidate = connection.open(ours, Limits::default()).unwrap();
        connection.adopt(candidate).unwrap();
        // The peer is sending a long reply to an earlier command.
        let earlier = connection.send(question(), Deadline::after(Duration::from_secs(60)));
        thread::scope(|scope| {
            let (over, is_over) = crossbeam_channel::bounded::<()>(0);
            let mut theirs = &theirs;
            scope.spawn(move || {
                theirs.write_all(b"250+version=\r\n").unwrap();
                let pause = Duration::from_millis(10);
                while is_over.recv_timeout(pause).is_err_and(|end| end.is_timeout()) {
                    theirs.write_all(b"a line\r\n").unwrap();
                }
            });
            connection.check(question(), Duration::from_secs(1));
            drop(over);
        });
        assert!(connection.closed().is_none(), "{:?}", connection.closed());
        drop(earlier);
        // The last line may be read only now.
        let begun = Instant::now();
        while connection.closed().is_none() && begun.elapsed() < Duration::from_secs(20) {
            connection.check(question(), Duration::from_millis(100));
        }
        let closed = connection.closed().unwrap();
        assert!(matches!(closed.cause(), CloseCause::Unresponsive { .. }), "{closed}");
    }
}
