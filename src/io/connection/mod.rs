//! Events and replies on a control connection.
//!
//! A [`Controller`](crate::Controller) sends commands on one control
//! connection. tor answers them, and also sends events on its own. This module
//! has the types that deliver both, and those that tell how the connection
//! itself is.
//!
//! | type | what it is | made by |
//! |---|---|---|
//! | [`Subscription`] | a queue of events | [`Controller::subscribe`](crate::Controller::subscribe) |
//! | [`Listener`] | a registered callback for events, or for the connection's status | [`Controller::on_event`](crate::Controller::on_event), [`Controller::on_status`](crate::Controller::on_status) |
//! | [`QueueLimit`] | the most events that may wait for one of these | [`Controller::subscribe_with`](crate::Controller::subscribe_with), [`Controller::on_event_with`](crate::Controller::on_event_with) |
//! | [`PendingReply`] | the reply to a command that was sent | [`Controller::send`](crate::Controller::send) |
//! | [`ConnectionStatus`] | a change of the connection | [`Controller::on_status`](crate::Controller::on_status) |
//! | [`Closed`] | the cause of the connection's end | [`Controller::closed`](crate::Controller::closed) |
//!
//! # Subscriptions
//!
//! A [`Subscription`] is a queue that gets every event of the kinds that were
//! subscribed to. The program takes events out of it at its own speed, on any
//! thread: with [`iter`](Subscription::iter), which waits for events, with
//! [`next_timeout`](Subscription::next_timeout), which waits until a timeout,
//! or with [`receiver`](Subscription::receiver) in a `select!`. Dropping the
//! subscription unsubscribes.
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder().on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! use scape::event::EventKind;
//! use std::time::Duration;
//!
//! let events = controller.subscribe([EventKind::Bw])?;
//! let event = events.next_timeout(Duration::from_secs(10))?;
//! assert_eq!(event.text(), "BW 1024 512");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Listeners
//!
//! A [`Listener`] keeps a callback registered. The connection's thread for
//! callbacks calls it with every event. Callbacks run one at a time, in tor's
//! order, and may call any method of the controller. A slow callback delays
//! other callbacks, but no replies and no subscriptions. Dropping the listener
//! removes the callback at once. [`Listener::finish`] removes it after it was
//! called with everything that tor has sent so far.
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder().on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! use scape::event::EventKind;
//! use std::time::Duration;
//!
//! let listener = controller.on_event([EventKind::Bw], |event| println!("{}", event.text()))?;
//! listener.finish(Duration::from_secs(10))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! The queue of a subscription, and the events that wait for a callback, are
//! unbounded unless a [`QueueLimit`] is set: nothing is lost, but a program
//! that doesn't keep up needs more and more memory. With a limit, events that
//! find no room are lost and counted. [`Subscription::items`] also shows the
//! place where they are missing.
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder()
//! #     .on("SETEVENTS BW", "250 OK\r\n650 BW 1 1\r\n650 BW 2 2\r\n650 BW 3 3\r\n").start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! use scape::connection::QueueLimit;
//! use scape::event::EventKind;
//!
//! let events = controller.subscribe_with([EventKind::Bw], QueueLimit::Bounded(2))?;
//! # controller.sync()?;
//! assert_eq!((events.waiting(), events.lost()), (2, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The end of a connection
//!
//! When the connection ends, events that are queued can still be read. Then the
//! iterators of subscriptions end, and [`Subscription::cause`] returns the
//! cause. On a connection that is [made again](crate::Connect::reconnect),
//! subscriptions and listeners continue. The events in between are missing, so
//! a program that follows tor's state must read it again.
//!
//! # Internals
//!
//! The rest of this page is for maintainers. Start reading with `hub.rs` and
//! `link.rs`. Only this module touches the state that a connection's threads
//! share. Everything above it sends commands and registers for events through
//! `Connection`.
//!
//! ## Parts
//!
//! * The **hub** (`hub.rs`) is the state that survives a socket. It knows the
//!   link on which commands are sent, or why there is no such link.
//! * A **link** (`link.rs`) is one socket. Only its reader thread reads it, and
//!   only the thread whose turn it is writes it. A link that has ended stays
//!   so. A connection that is made again gets another link.
//! * The **writer** of a link (`writing.rs`) gives one thread after the other
//!   its turn to write.
//! * The **waiters** of a link (`waiters.rs`) are one slot for every command
//!   that was written and not yet answered, in the order of the wire. Once the
//!   link has ended, they also have the cause.
//! * The **reader thread** of a link (`reader.rs`) decodes bytes to replies. It
//!   gives an answer to the waiter at the head of the queue, and an event to
//!   everybody who wants it.
//! * The **routes** of the hub (`routes.rs`) tell which trackers, subscriptions
//!   and callbacks want which kind of event.
//! * The **interest** of the hub (`interest.rs`) is what tor was told about
//!   that with SETEVENTS.
//! * The **dispatcher thread** of the hub (`dispatcher.rs`) runs the users'
//!   callbacks, one at a time, in tor's order. It is started with the first
//!   callback.
//!
//! ## Invariants
//!
//! 1. The order of the waiters is the order of their commands on the wire: a
//!    waiter is queued, and its command written, within one turn of the writer.
//! 2. A waiter leaves the queue only with its own reply or with the link's end.
//!    A caller that gives up waiting leaves its slot behind, and the late reply
//!    is put there unseen.
//! 3. No lock is held while waiting for a reply, finding out how tor's process
//!    ended, running a callback, or dropping a value that a user gave us.
//! 4. The reader thread blocks on nothing but the socket. It takes the waiters
//!    lock and the routes lock, which are both held for a few instructions
//!    only. It never takes a turn of the writer.
//! 5. Everything that tor sent before a reply is handed to every tracker and
//!    every subscription before the reply is handed to its waiter. On a link
//!    that isn't open to callers yet, only the trackers get it at once. The
//!    rest is handed over before the first caller is let in.
//! 6. A command is written whole, or the link ends: after a part of a command,
//!    nothing else could be understood.
//! 7. Events come from one link at a time. The events of a link count from the
//!    moment it is authenticated on until its end. A thread that reports the
//!    end first waits until the reader thread has handed over what it has in
//!    hand.
//! 8. Callers send on a link only after tor was told which events are wanted
//!    and was given back what was made. Until then every call fails as on a
//!    connection that is down.
//!
//! ## The order of locks
//!
//! Interest, then a turn of the writer, then the hub's state, then a link's
//! `delivering`, then waiters; then routes and within it a queue's own lock;
//! then the dispatcher's state. The slot of a callback is taken without any of
//! these. The reader thread holds `delivering` while it hands over what one
//! read has brought, so trackers take nothing that comes earlier in this order.
//!
//! A write that ends its link has the writer's turn when it tells the hub. So
//! no thread that holds the hub's state may wait for a turn.
//!
//! ## The end of a link
//!
//! All of these call `Link::end`: end of file, a failing socket, bytes that are
//! not the control protocol, a command that could be written only in part,
//! `close()`, and the drop of the last handle. The cause of the first call
//! counts. `Link::end` stores the cause and takes all waiters out of the queue
//! in one hold of the waiters lock, so no waiter is queued afterwards. Then it
//! shuts the socket down, which wakes the reader, completes every waiter, and
//! tells the hub.
//!
//! If this program is the cause, the connection has ended for good: every
//! subscription ends, and the dispatcher throws away what it hasn't delivered,
//! reports the end, and finishes. If tor is the cause, everything that came
//! before is delivered first, and the callbacks stay, because the connection
//! may be made again. Subscriptions end then too, unless another link is
//! expected. A thread never joins itself, and waits for the others only for a
//! moment, because a user's callback may take as long as it likes.
//!
//! ## Reconnecting
//!
//! 1. **Down.** The last link has ended. Calls fail with the cause.
//! 2. A new socket is authenticated on as a `Candidate`, which nobody else
//!    sees.
//! 3. **Restoring.** A thread gives back everything on the new link with its
//!    `Restoring`. Calls still fail as before, because a caller would see a tor
//!    that lacks half of what was made. Trackers see the link's events at once,
//!    because live state is read again in this step. Queues and the dispatcher
//!    keep the events, because a callback that ran now would find the
//!    controller closed.
//! 4. **Open.** This happens in one hold of the hub's lock. Subscriptions and
//!    status callbacks are told that the connection was made again and get the
//!    kept events. Then callers are let in.
//!
//! If the new link ends before step 4, the connection is down again, for the
//! same cause as before, and nobody has seen anything of the new link.

mod batch;
mod closed;
mod dispatcher;
mod event_wait;
mod explain;
mod hub;
mod interest;
mod item;
mod link;
pub(crate) mod listener;
mod pace;
mod reader;
mod restoring;
mod routes;
mod status;
pub(crate) mod subscription;
mod thread;
mod waiters;
mod writing;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::error::{Error, Phase, Result};
use crate::io::transport::{Deadline, Transport};
use scape_proto::control::{Command, Limits, Reply};
use scape_proto::event::{Event, EventKind};

pub use batch::{Batch, BatchIter};
pub use closed::{CloseCause, Closed};
pub use item::EventItem;
pub(crate) use listener::Listener;
pub use status::{ConnectionStatus, Reconnected};
pub(crate) use subscription::Subscription;
pub use subscription::{Items, Iter, QueueLimit, TimeoutIter, TryIter};
pub use waiters::PendingReply;

pub(crate) use hub::Watched;
pub(crate) use link::Candidate;
pub(crate) use restoring::Restoring;
pub(crate) use routes::Tracker;
pub(crate) use subscription::Registration;
pub(crate) use thread::Thread;

pub(crate) use dispatcher::catch_panic;

use hub::Hub;
use link::Link;
use routes::Target;

/// The time for which the end of a connection waits for its threads. They end
/// at once unless a callback is running.
pub(crate) const JOIN_FOR: Duration = Duration::from_secs(1);

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
    /// Starts the reader thread on a transport. The returned candidate is for
    /// authentication.
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

    /// Begins to give back everything on a socket that replaces another one.
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

    /// Waits while everything is given back on a new socket, for at most
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
        self.hub.dispatcher.start()?;
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
        self.hub.dispatcher.status(status);
    }

    /// Waits until all callbacks for what has already been read have returned.
    pub(crate) fn wait_for_callbacks(&self, deadline: Deadline) -> Result<()> {
        self.hub.dispatcher.wait_until_idle(deadline)
    }

    /// Returns true if the caller is one of this connection's callbacks.
    pub(crate) fn is_in_callback(&self) -> bool {
        self.hub.dispatcher.is_current()
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
