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
//! `Connection` (`handle.rs`).
//!
//! ## Parts
//!
//! * The **hub** (`hub.rs`) is the state that survives a socket. It knows the
//!   link on which commands are sent, or why there is no such link.
//! * A **link** (`link.rs`) is one socket. Only its reader thread reads it, and
//!   only the thread whose turn it is writes it. A link that has ended stays
//!   so. A connection that is made again gets another link. The hub keeps its
//!   links. A link doesn't know the hub: it calls a function when it ends.
//! * The **writer** of a link (`writing.rs`) gives one thread after the other
//!   its turn to write.
//! * The **waiters** of a link (`waiters.rs`) are one slot for every command
//!   that was written and not yet answered, in the order of the wire. Once the
//!   link has ended, they also have the cause.
//! * The **reader thread** of a link (`reader.rs`) decodes bytes to replies. It
//!   gives an answer to the waiter at the head of the queue, and an event to
//!   everybody who wants it. It sees its link as a `Sink`.
//! * The **outlets** (`outlets.rs`) are the routes and the dispatcher, which
//!   the hub and its links share.
//! * The **routes** (`routes.rs`) tell which trackers, subscriptions and
//!   callbacks want which kind of event.
//! * The **dispatcher thread** (`dispatcher.rs`) runs the users' callbacks, one
//!   at a time, in tor's order. It is started with the first callback.
//! * The **interest** of the hub (`interest.rs`) is what tor was told about the
//!   routes. `setevents.rs` tells it.
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
//! 8. Callers send on a link only after tor was told which events are wanted,
//!    and everything that this controller made was restored. Until then every
//!    call fails as on a connection that is down.
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
//! 3. **Restoring.** A thread restores everything on the new link with its
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
mod candidate;
mod closed;
mod dispatcher;
mod event_wait;
mod explain;
mod handle;
mod hub;
mod interest;
mod item;
mod link;
pub(crate) mod listener;
mod outlets;
mod pace;
mod reader;
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
pub(crate) use listener::Listener;
pub use status::{ConnectionStatus, Reconnected};
pub(crate) use subscription::Subscription;
pub use subscription::{Items, Iter, QueueLimit, TimeoutIter, TryIter};
pub use waiters::PendingReply;

pub(crate) use candidate::Candidate;
pub(crate) use handle::{Callbacks, Connection};
pub(crate) use hub::Watched;
pub(crate) use restoring::Restoring;
pub(crate) use routes::Tracker;
pub(crate) use subscription::Registration;
pub(crate) use thread::{JOIN_FOR, Thread};

pub(crate) use dispatcher::catch_panic;
