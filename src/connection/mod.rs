//! A control connection: a socket, the queue of those who wait for replies, and
//! those who want events.
//!
//! This is the only room that touches the state that threads share. Everything
//! above sends commands and registers for events through [`Connection`].
//!
//! # What there is
//!
//! * The **hub** (`hub.rs`): what outlives a socket. It knows the link that is
//!   sent on, or why there is none.
//! * A **link** (`link.rs`): one socket, read by its reader thread only,
//!   written only by the thread whose turn it is. Once it has ended it stays
//!   so; a connection that is made again gets another link.
//! * A link's **writer** (`writing.rs`): gives one thread after the other its
//!   turn to write.
//! * A link's **waiters** (`waiters.rs`): one slot for every command that was
//!   written and not yet answered, in the order of the wire; and, once the link
//!   has ended, the cause.
//! * A link's **reader thread** (`reader.rs`): bytes to replies; an answer goes
//!   to the waiter at the head of the queue, an event to whoever wants it.
//! * The hub's **routes** (`routes.rs`): which trackers, subscriptions and
//!   callbacks want which kind of event.
//! * The hub's **interest** (`interest.rs`): what tor was told of that, by
//!   SETEVENTS.
//! * The hub's **dispatcher thread** (`dispatcher.rs`): runs the users'
//!   callbacks, one at a time, in tor's order. It is started with the first
//!   callback.
//!
//! # What always holds
//!
//! 1. The order of the waiters is the order of their commands on the wire: a
//!    waiter is queued, and its command written, within one turn of the writer.
//! 2. A waiter leaves the queue only with its own reply, or with the link's
//!    end. Who gives up waiting leaves the slot behind, and the late reply
//!    falls into it, unseen.
//! 3. No lock is held while waiting for a reply, finding out how tor's process
//!    ended, running a callback, or dropping what a user gave us.
//! 4. The reader thread blocks on nothing but the socket. It takes the waiters
//!    lock and the routes lock, both of which are held for a few instructions
//!    only; never a turn of the writer.
//! 5. What tor sent before a reply was handed to every tracker and every
//!    subscription before the reply is handed to its waiter. On a link that is
//!    not open to callers yet, only the trackers get it at once; the rest is
//!    handed over before the first caller is let in.
//! 6. A command is written whole or the link ends: after a part of one, nothing
//!    else could be understood.
//! 7. Events come from one link at a time: a link's events count from the
//!    moment it is authenticated on to its end. Whoever tells of the end waits
//!    first until the reader thread has handed over what it has in hand.
//! 8. Callers send on a link only when tor was told what is wanted and was
//!    given back what was made. Until then every call fails as on a connection
//!    that is down.
//!
//! # The order of locks
//!
//! Interest, then a turn of the writer, then the hub's state, then a link's
//! `delivering`, then waiters; then routes and within it a queue's own lock;
//! then the dispatcher's state. The slot of a callback is taken without any of
//! these. The reader thread holds `delivering` while it hands over what one
//! read has brought, so trackers take nothing that comes earlier in this order.
//!
//! (A write that ends its link has the writer's turn when it tells the hub, so
//! nobody who has the hub's state may wait for a turn.)
//!
//! # How it ends
//!
//! End of file, a failing socket, bytes that are no control protocol, a command
//! that could be written only in part, `close()`, the drop of the last handle:
//! all call `Link::end`, and the first one's cause counts. It stores the cause
//! and takes all waiters out of the queue in one hold of the waiters lock (so
//! nobody is queued afterwards), shuts the socket down (which wakes the
//! reader), completes every waiter, and tells the hub.
//!
//! When the cause is this program's, that is the end for good: every
//! subscription ends, the dispatcher throws away what it has not delivered,
//! tells the end, and is done. When it is tor's, everything that came before is
//! delivered first, and the callbacks stay: the connection may be made again.
//! Subscriptions end then too, unless another link is expected. A thread never
//! joins itself, and waits for the others only for a moment: a callback of the
//! user's may take as long as it likes.
//!
//! # How it is made again
//!
//! 1. **Down.** The last link has ended. Calls fail with the cause.
//! 2. A new socket is authenticated on as a [`Candidate`], which nobody else
//!    sees.
//! 3. **Restoring.** A thread gives back everything on the new link by its
//!    [`Restoring`]. Calls still fail as before, because a caller would see a
//!    tor that lacks half of what was made. Trackers see the link's events at
//!    once, because live state is read again in this step. Queues and the
//!    dispatcher keep the events, because a callback that ran now would find
//!    the controller closed.
//! 4. **Open.** In one hold of the hub's lock, subscriptions and status
//!    callbacks are told that the connection was made again, get what was kept,
//!    and callers are let in.
//!
//! If the new link ends before step 4, the connection is down again, for the
//! same cause as before, and nobody has seen anything of it.

mod batch;
mod closed;
mod dispatcher;
mod event_wait;
mod explain;
mod hub;
mod interest;
mod item;
mod link;
mod listener;
mod pace;
mod reader;
mod restoring;
mod routes;
mod status;
mod subscription;
mod thread;
mod waiters;
mod writing;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::error::{Error, Phase, Result};
use crate::event::{Event, EventKind};
use crate::protocol::{Command, Limits, Reply};
use crate::transport::{Deadline, Transport};

pub use batch::{Batch, BatchIter};
pub use closed::{CloseCause, Closed};
pub use item::EventItem;
pub use listener::Listener;
pub use status::{ConnectionStatus, Reconnected};
pub use subscription::{Items, Iter, QueueLimit, Subscription, TimeoutIter, TryIter};
pub use waiters::PendingReply;

pub(crate) use hub::Watched;
pub(crate) use link::Candidate;
pub(crate) use restoring::Restoring;
pub(crate) use routes::Tracker;
pub(crate) use subscription::Registration;
pub(crate) use thread::Thread;

pub(crate) use dispatcher::caught;

use hub::Hub;
use link::Link;
use routes::Target;

/// How long the end of a connection waits for its threads. They end at once,
/// unless a callback is running.
pub(crate) const JOIN_FOR: Duration = Duration::from_secs(1);

/// A control connection, which may be made again. It does not end by being
/// dropped: its owner [closes](Self::close) it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    hub: Arc<Hub>,
}

/// The thread for callbacks. It does not keep the connection alive.
#[derive(Debug, Clone)]
pub(crate) struct Callbacks(Weak<Hub>);

impl Callbacks {
    /// Runs this on the thread for callbacks, after everything that came
    /// before. A panic is caught and logged. Nothing happens where the
    /// connection has been closed. Takes no time: may be called on the reader
    /// thread.
    pub(crate) fn run(&self, task: impl FnOnce() + Send + 'static) {
        if let Some(hub) = self.0.upgrade() {
            hub.dispatcher.run(Box::new(task));
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
    /// Starts the reader thread on a transport that is to be authenticated on.
    pub(crate) fn open(&self, transport: Transport, limits: Limits) -> Result<Candidate> {
        let link = Link::start(&self.hub, transport, limits)?;
        let candidate = Candidate::new(link.clone());
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

    /// Begins to give back everything on a socket that comes after another one.
    /// Callers are let in by [`Restoring::open`].
    pub(crate) fn restore_on(&self, candidate: Candidate) -> Result<Restoring> {
        Restoring::begin(&self.hub, candidate)
    }

    /// Tells tor once more which events are wanted.
    pub(crate) fn tell_again(&self, deadline: Deadline) -> Result<()> {
        self.hub.tell_again(deadline)
    }

    /// The number of the socket that commands go to: see
    /// [`send_on`](Self::send_on).
    pub(crate) fn link_number(&self) -> Result<u64> {
        Ok(self.hub.link_number()?)
    }

    /// Sends a command on the socket of this number, or on the present one if
    /// no number is given. Fails if the numbered socket has ended, even if the
    /// connection was made again: that may be to another tor.
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

    /// Sends a command and waits for its reply, whatever that says.
    pub(crate) fn request(&self, command: Command, deadline: Deadline) -> Result<Reply> {
        self.send(command, deadline)?.wait()
    }

    /// The cause of the connection's end, while it has ended.
    pub(crate) fn closed(&self) -> Option<Closed> {
        self.hub.closed()
    }

    /// The cause of the connection's end, waited for until `deadline`.
    pub(crate) fn wait_closed(&self, deadline: Deadline) -> Option<Closed> {
        self.hub.wait_closed(deadline)
    }

    /// Waits for the connection to be open (again).
    pub(crate) fn wait_open(&self, deadline: Deadline) -> Result<()> {
        self.hub.wait_open(deadline).map_err(|closed| match closed {
            Some(closed) => closed.into(),
            None => deadline.error(Phase::Connect),
        })
    }

    /// Waits while everything is given back on a new socket, for at most
    /// `timeout`.
    pub(crate) fn wait_while_restoring(&self, timeout: Duration) {
        self.hub.wait_while_restoring(timeout);
    }

    /// Waits until the connection is down or has ended, until it is open on
    /// another socket than the one of the number `known`, or until `deadline`.
    pub(crate) fn watch(&self, known: u64, deadline: Option<Instant>) -> Watched {
        self.hub.watch(known, deadline)
    }

    /// Sleeps until `deadline`, unless something comes of the end of the socket
    /// of the number `down`. Whether nothing has.
    pub(crate) fn sleep_while_down(&self, down: u64, deadline: Instant) -> bool {
        self.hub.sleep_while_down(down, deadline)
    }

    /// Whether subscriptions wait for the connection to be made again when it
    /// has ended.
    pub(crate) fn set_persistent(&self, persistent: bool) {
        self.hub.set_persistent(persistent);
    }

    /// The connection is not made again: subscriptions end.
    pub(crate) fn give_up(&self) {
        self.hub.give_up();
    }

    /// Ends the present link, if there is one, and waits for its thread.
    /// Subscriptions wait for the next one where the cause is
    /// [`CloseCause::Reconnecting`], or others are expected.
    pub(crate) fn disconnect(&self, cause: CloseCause) {
        if let Ok(link) = self.hub.link() {
            link.end(cause);
            link.join(JOIN_FOR);
        }
    }

    /// Sends a command that any answer will do for. Where none comes in time,
    /// ends the link that it was sent on, and no other that may have come
    /// meanwhile.
    pub(crate) fn check(&self, command: Command, timeout: Duration) {
        let Ok(link) = self.hub.link() else { return };
        let answer = link.send(command, Deadline::after(timeout)).and_then(PendingReply::wait);
        if answer.is_err_and(|error| error.is_timeout()) {
            link.end(CloseCause::Unresponsive { after: timeout });
            link.join(JOIN_FOR);
        }
    }

    /// The cause of the connection's end, once it has ended for good.
    pub(crate) fn ended(&self) -> Option<Closed> {
        self.hub.ended()
    }

    /// Queues events of these kinds for the returned subscription, and tells
    /// tor.
    pub(crate) fn subscribe(
        &self,
        kinds: Vec<EventKind>,
        limit: QueueLimit,
        deadline: Deadline,
    ) -> Result<Subscription> {
        Subscription::new(&self.hub, kinds, limit, deadline)
    }

    /// Calls back with events of these kinds, and tells tor.
    pub(crate) fn on(
        &self,
        kinds: Vec<EventKind>,
        limit: QueueLimit,
        callback: Box<dyn FnMut(&Event) + Send>,
        deadline: Deadline,
    ) -> Result<Listener> {
        Listener::for_events(&self.hub, kinds, limit, callback, deadline)
    }

    /// Tells `tracker` of events of these kinds on the reader thread, as long
    /// as what this returns lives, and tells tor.
    pub(crate) fn track(
        &self,
        kinds: &[EventKind],
        tracker: Arc<dyn Tracker>,
        deadline: Deadline,
    ) -> Result<Registration> {
        let id = self.hub.register_interest(kinds, Target::Tracker(tracker), deadline)?;
        Ok(Registration { id, hub: Arc::downgrade(&self.hub) })
    }

    /// The thread for callbacks, to be used by registers of callbacks
    /// elsewhere. It is started.
    pub(crate) fn callbacks(&self) -> Result<Callbacks> {
        self.hub.dispatcher.start()?;
        Ok(Callbacks(Arc::downgrade(&self.hub)))
    }

    /// Calls back when the connection's status changes.
    pub(crate) fn on_status(
        &self,
        callback: Box<dyn FnMut(&ConnectionStatus) + Send>,
        deadline: Deadline,
    ) -> Result<Listener> {
        Listener::for_status(&self.hub, callback, deadline)
    }

    /// Tells the status callbacks.
    pub(crate) fn tell(&self, status: ConnectionStatus) {
        self.hub.dispatcher.status(status);
    }

    /// Waits until every callback has returned that was due for what has
    /// already been read.
    pub(crate) fn wait_for_callbacks(&self, deadline: Deadline) -> Result<()> {
        self.hub.dispatcher.wait_until_idle(deadline)
    }

    /// Whether the caller is one of this connection's callbacks.
    pub(crate) fn is_in_callback(&self) -> bool {
        self.hub.dispatcher.is_current()
    }

    /// Sets how to find out whether and how tor ended when its socket has.
    pub(crate) fn explain_end(&self, ask: impl Fn() -> Option<Error> + Send + Sync + 'static) {
        self.hub.explanation.set(Box::new(ask));
    }

    /// Whether tor is being asked to hang up.
    pub(crate) fn set_quitting(&self, quitting: bool) {
        if let Ok(link) = self.hub.link() {
            link.set_quitting(quitting);
        }
    }

    /// Ends the connection for good and waits for its threads, at most this
    /// long.
    pub(crate) fn close(&self, deadline: Deadline) -> Result<()> {
        let links = self.hub.end();
        let in_callback = self.hub.dispatcher.is_current();
        let mut joined = true;
        for link in links {
            joined &= link.join(deadline.left());
        }
        if let Some(dispatcher) = self.hub.dispatcher.take_thread() {
            joined &= in_callback || dispatcher.ended_within(deadline.left());
        }
        if joined { Ok(()) } else { Err(deadline.error(Phase::Close)) }
    }
}
