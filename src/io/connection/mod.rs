//! Events and replies on a control connection.
//!
//! A [`Controller`](crate::Controller) sends commands on one control
//! connection. tor answers them, and also sends events on its own. This module
//! has the types that deliver both, and the types that report changes of the
//! connection itself. [`Subscription`] and [`Registration`] are at the crate
//! root.
//!
//! | type | what it is | made by |
//! |---|---|---|
//! | [`Subscription`] | a queue of events | [`Controller::subscribe`](crate::Controller::subscribe) |
//! | [`Registration`] | a registered callback for events, or for the connection's status | [`Controller::on_event`](crate::Controller::on_event), [`Controller::on_status`](crate::Controller::on_status) |
//! | [`QueueLimit`] | the most events that may wait in a queue or for a callback | [`Controller::subscribe_with`](crate::Controller::subscribe_with), [`Controller::on_event_with`](crate::Controller::on_event_with) |
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
//! A [`Registration`] keeps a callback registered. The connection's thread for
//! callbacks calls the callback with every event. Callbacks run one at a time,
//! in tor's order, and may call any method of the controller. A slow callback
//! delays other callbacks, but no replies and no subscriptions. Dropping the
//! registration removes the callback at once. [`Registration::finish`] removes
//! it after it was called with every event that tor has sent so far.
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder().on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! use scape::event::EventKind;
//! use std::time::Duration;
//!
//! let registration = controller.on_event([EventKind::Bw], |event| println!("{}", event.text()))?;
//! registration.finish(Duration::from_secs(10))?;
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
//! Without a limit, a flood of events is read no faster than the program takes
//! them: while 2,560 events wait, nothing is read for a moment. In the
//! meantime, further events wait in tor's memory, and count towards tor's
//! option `MaxMemInQueues`. A limit bounds the memory in both places.
//!
//! Such a pause ends at once if a call waits for tor. It also ends after 0.2
//! seconds if a subscription or callback takes fewer than about 6,400 events a
//! second. Then there are no more pauses for that subscription or callback
//! until it has caught up. So a hanging callback delays the others once by 0.2
//! seconds. A callback that is a little faster than this sets the pace for all
//! others during the flood.
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
//! cause. On a connection that is [opened again](crate::Connect::reconnect),
//! subscriptions and registrations continue. The events that tor sent while
//! there was no connection are missing. So a program that follows tor's state
//! by events must read the state again.
//!
//! # Internals
//!
//! The rest of this page is for maintainers. Start reading with `hub.rs` and
//! `link.rs`. Only this module touches the state that a connection's threads
//! share. Everything above it sends commands and registers for events through
//! `Connection` (`handle.rs`).
//!
//! ## Parts
//!
//! * The **hub** (`hub.rs`) is the state that survives a socket. It has the
//!   link on which commands are sent, or the cause if there is no such link.
//! * A **link** (`link.rs`) is one socket. Only its reader thread reads it, and
//!   only the thread whose turn it is writes it. A link that has ended is never
//!   used again: a connection that is opened again gets a new link. The hub and
//!   the reader thread own the link. A link doesn't know the hub, but calls a
//!   function when it ends.
//! * The **writer** of a link (`writing.rs`) gives one thread after the other
//!   its turn to write.
//! * The **waiters** of a link (`waiters.rs`) are one slot for every command
//!   that was written and not yet answered, in the order of writing. Once the
//!   link has ended, the type `Waiters` also has the cause of the end.
//! * The **reader thread** of a link (`reader.rs`) decodes bytes to replies. It
//!   gives a reply to the waiter at the head of the queue, and an event to
//!   every tracker, subscription and callback that wants it. The reader uses
//!   its link through the trait `Sink`.
//! * The **outlets** (`outlets.rs`) are the routes and the dispatcher, which
//!   the hub and its links share.
//! * The **routes** (`routes.rs`) tell which trackers, subscriptions and
//!   callbacks want which kind of event.
//! * The **dispatcher thread** (`dispatcher.rs`) runs the users' callbacks, one
//!   at a time, in tor's order. It is started with the first callback.
//! * The **interest** of the hub (`interest.rs`) is the list of events that tor
//!   was told to send. `setevents.rs` sends this list to tor.
//!
//! ## Invariants
//!
//! 1. The order of the waiters is the order of their commands on the wire: a
//!    waiter is queued, and its command written, within one turn of the writer.
//! 2. A waiter leaves the queue only with its own reply or with the link's end.
//!    A caller that gives up waiting leaves its slot in the queue. The late
//!    reply is put there, and nobody reads it.
//! 3. No lock is held while waiting for a reply, finding out how tor's process
//!    ended, running a callback, or dropping a value that a user gave us.
//! 4. The reader thread blocks on nothing but the socket. It takes the waiters
//!    lock and the routes lock, which are both held for a few instructions
//!    only. It never takes a turn of the writer. During a flood of events, it
//!    pauses (`pace.rs`) and holds tor back (`hold.rs`), but not while a caller
//!    waits for a reply or for an event.
//! 5. Everything that tor sent before a reply is handed to every tracker and
//!    every subscription before the reply is handed to its waiter. On a link
//!    that isn't open to callers yet, only trackers get events at once.
//!    Subscriptions get these events before the first caller may send.
//! 6. A command is written whole, or the link ends: after a part of a command,
//!    tor couldn't understand anything else.
//! 7. Events come from one link at a time. The events of a link are delivered
//!    from its authentication until its end. Before a thread reports the end,
//!    it waits for at most a second until the reader thread has handed over the
//!    events of the read that it works on.
//! 8. Callers send on a link only after tor was told which events are wanted,
//!    and everything that this controller made was restored. Until then every
//!    call fails with the cause for which the last link ended.
//!
//! ## The order of locks
//!
//! A thread that takes several locks takes them in this order: interest, a turn
//! of the writer, the hub's state, a link's `delivering`, waiters, routes, a
//! queue's own lock, the dispatcher's state. The lock of a callback's function
//! is taken while none of these is held. The reader thread holds `delivering`
//! while it hands over the events of one read. So a tracker must not take a
//! lock that comes before `delivering`.
//!
//! A thread whose write has ended the link still has the writer's turn when it
//! reports the end to the hub. So no thread that holds the lock of the hub's
//! state may wait for a turn.
//!
//! ## The end of a link
//!
//! All of these call `Link::end`: end of file, a failing socket, bytes that are
//! not the control protocol, a command that could be written only in part,
//! `close()`, and the drop of the last handle. The cause of the first call
//! counts. `Link::end` stores the cause and takes all waiters out of the queue
//! without releasing the waiters lock in between, so no waiter is queued
//! afterwards. Then `Link::end` shuts the socket down, which wakes the reader.
//! Finally, `Link::end` completes every waiter with the cause, and tells the
//! hub.
//!
//! If this program is the cause, the connection has ended for good: every
//! subscription ends, and the dispatcher throws away undelivered events,
//! reports the end, and finishes. If tor is the cause, all earlier events are
//! delivered first, and the callbacks stay, because the connection may be
//! opened again. Subscriptions end unless another link is expected. A thread
//! never waits for its own end. It waits for the end of another thread only for
//! a limited time, because a user's callback may take as long as it likes.
//!
//! ## Reconnecting
//!
//! 1. **Down.** The last link has ended. Calls fail with the cause.
//! 2. This program authenticates on a new socket, which is a `Candidate`. No
//!    caller can send on it.
//! 3. **Restoring.** The value `Restoring` gives one thread access to the new
//!    link. This thread restores everything that this controller made. Calls of
//!    other threads still fail as before. Otherwise a caller could see a tor in
//!    which some of these things are missing. Trackers get the link's events at
//!    once, because live state is read again in this step. Queues and the
//!    dispatcher store the events until the next step, because a callback that
//!    ran now would find the controller closed.
//! 4. **Open.** All of this happens under the hub's lock. Subscriptions and
//!    status callbacks are told that the connection was opened again. Then the
//!    stored events are delivered, and callers may send.
//!
//! If the new link ends before step 4, the connection is down again, for the
//! same cause as before. Only trackers have seen events of the new link.

mod batch;
mod candidate;
mod closed;
mod dispatcher;
mod event_wait;
mod explain;
mod handle;
mod hold;
mod hub;
mod interest;
mod item;
mod link;
mod outlets;
mod pace;
mod reader;
mod registered_callback;
pub(crate) mod registration;
mod restoring;
mod routes;
mod setevents;
mod status;
pub(crate) mod subscription;
mod thread;
mod waiters;
mod writing;

pub use batch::{Batch, BatchIter};
pub use closed::{CloseCause, Closed};
pub use item::EventItem;
pub(crate) use registration::{Registered, Registration};
pub use status::{ConnectionStatus, Reconnected};
pub(crate) use subscription::Subscription;
pub use subscription::{Items, Iter, QueueLimit, TimeoutIter, TryIter};
pub use waiters::PendingReply;

pub(crate) use candidate::Candidate;
pub(crate) use handle::{Callbacks, Connection};
pub(crate) use hub::Watched;
pub(crate) use restoring::Restoring;
pub(crate) use routes::Tracker;
pub(crate) use subscription::RouteGuard;
pub(crate) use thread::{JOIN_FOR, Thread};

pub(crate) use dispatcher::catch_panic;
pub(crate) use writing::is_hang_up;
