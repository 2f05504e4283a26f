//! One control connection: a socket, the queue of those who wait for replies, and two threads.
//!
//! This is the only room that touches the state that threads share. Everything above sends commands and
//! registers for events through [`Connection`].
//!
//! # What there is
//!
//! * The **transport**: one socket, read by the reader thread only, written only by the thread whose turn it is.
//! * The **writer** (`writing.rs`): gives one thread after the other its turn to write.
//! * The **waiters** (`waiters.rs`): one slot for every command that was written and not yet answered, in the order
//!   of the wire; and, once the connection has ended, the cause.
//! * The **routes** (`routes.rs`): which subscriptions and callbacks want which kind of event.
//! * The **interest** (`interest.rs`): what tor was told of that, by SETEVENTS.
//! * The **reader thread** (`reader.rs`): bytes to replies; an answer goes to the waiter at the head of the queue, an
//!   event to whoever wants it.
//! * The **dispatcher thread** (`dispatcher.rs`): runs the users' callbacks, one at a time, in tor's order. It is
//!   started with the first callback.
//!
//! # What always holds
//!
//! 1. The order of the waiters is the order of their commands on the wire: a waiter is queued, and its command
//!    written, within one turn of the writer.
//! 2. A waiter leaves the queue only with its own reply, or with the connection's end. Who gives up waiting leaves the
//!    slot behind, and the late reply falls into it, unseen.
//! 3. No lock is held while waiting for a reply, running a callback, or dropping what a user gave us.
//! 4. The reader thread blocks on nothing but the socket. It takes the waiters lock and the routes lock, both of which
//!    are held for a few instructions only; never a turn of the writer.
//! 5. What tor sent before a reply was handed to every subscription before the reply is handed to its waiter.
//! 6. A command is written whole or the connection ends: after a part of one, nothing else could be understood.
//!
//! # The order of locks
//!
//! Interest, then writer, then waiters; routes last, and nothing within. The slot of a callback, and a queue's own
//! lock, are taken without any of these.
//!
//! # How it ends
//!
//! `close()`, the drop of the last handle, end of file, a failing socket, bytes that are no control protocol, a
//! command that could be written only in part: all call `Shared::end`, and the first one's cause counts. It stores the
//! cause and takes all waiters out of the queue in one hold of the waiters lock (so nobody is queued afterwards),
//! shuts the socket down (which wakes the reader), completes every waiter, ends every subscription, and tells the
//! dispatcher. When the cause is local the dispatcher throws away what it has not delivered; when it is tor's, it
//! first delivers everything. A thread never joins itself, and waits for the others only for a moment: a
//! callback of the user's may take as long as it likes.

mod batch;
mod dispatcher;
mod interest;
mod listener;
mod reader;
mod routes;
mod subscription;
mod waiters;
mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError, bounded};
use parking_lot::{Condvar, Mutex};

use crate::error::{CloseCause, Closed, Error, Phase, Result, Timeout};
use crate::event::Event;
use crate::protocol::{Command, Limits, Reply};
use crate::transport::{Transport, deadline_after};
use crate::types::EventKind;

pub use batch::{Batch, BatchIter};
pub use listener::Listener;
pub use subscription::{Iter, QueueLimit, Subscription, TimeoutIter, TryIter};
pub use waiters::PendingReply;

use dispatcher::Dispatcher;
use interest::{Interest, Stale};
use routes::Routes;
use waiters::{Waiters, YIELD_FOR};
use writing::Writer;

/// How long the end of a connection waits for its threads. They end at once, unless a callback is running.
const JOIN_FOR: Duration = Duration::from_secs(1);

/// What happened to a connection, for [status listeners](crate::Controller::on_status).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConnectionStatus {
    /// It has ended, with this cause. Nothing follows.
    Closed(Closed),
}

/// A control connection. The threads and their handles share one; when the last [`Handle`] is dropped, it ends.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    reader: Mutex<Option<Thread>>,
}

/// What the threads share. See the [module](self).
struct Shared {
    transport: Transport,
    interest: Mutex<Interest>,
    stale: Stale,
    writer: Writer,
    waiters: Mutex<Waiters>,
    /// Told when the waiters got their cause.
    ended: Condvar,
    routes: Routes,
    dispatcher: Dispatcher,
    /// Whether tor was asked to hang up: then its doing so is this program's.
    quitting: AtomicBool,
}

/// A thread, and a channel that is disconnected when it ends.
struct Thread {
    handle: JoinHandle<()>,
    done: Receiver<()>,
}

impl Thread {
    /// Starts a thread.
    fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<Thread> {
        let (alive, done) = bounded(0);
        let handle = thread::Builder::new().name(name.into()).spawn(move || {
            run();
            drop(alive);
        })?;
        Ok(Thread { handle, done })
    }

    fn is_current(&self) -> bool {
        self.handle.thread().id() == thread::current().id()
    }

    /// Waits for its end, but not for ever, and not for itself. Whether it has ended.
    fn ended_within(&self, time: Duration) -> bool {
        if self.is_current() {
            return false;
        }
        // Nothing is ever sent: this waits for the other end to be dropped. Mostly that takes less time than to sleep and be
        // woken.
        let stop_yielding = Instant::now() + time.min(YIELD_FOR);
        while self.done.try_recv() == Err(TryRecvError::Empty) && Instant::now() < stop_yielding {
            thread::yield_now();
        }
        let ended = self.done.recv_timeout(time) == Err(RecvTimeoutError::Disconnected);
        // That was the last that it did: what is left of it is the system's, and need not be waited for.
        ended
    }
}

impl Connection {
    /// Starts the reader thread on `transport`.
    pub(crate) fn start(transport: Transport, limits: Limits) -> Result<Connection> {
        writing::prepare(&transport).map_err(|e| Error::io("set up the control connection", e))?;
        let shared = Arc::new(Shared {
            transport,
            interest: Mutex::new(Interest::default()),
            stale: Stale::default(),
            writer: Writer::default(),
            waiters: Mutex::new(Waiters::default()),
            ended: Condvar::new(),
            routes: Routes::default(),
            dispatcher: Dispatcher::default(),
            quitting: AtomicBool::new(false),
        });
        let for_reader = shared.clone();
        let reader = Thread::spawn("scape-reader", move || reader::run(&for_reader, limits))
            .map_err(|e| Error::io("start the reader thread", e))?;
        Ok(Connection { shared, reader: Mutex::new(Some(reader)) })
    }

    /// Sends a command; its reply is waited for with what this returns.
    pub(crate) fn send(&self, command: Command, timeout: Duration) -> Result<PendingReply> {
        self.shared.send(command, timeout)
    }

    /// Sends several commands with one write.
    pub(crate) fn send_all(&self, commands: Vec<Command>, timeout: Duration) -> Result<Vec<PendingReply>> {
        self.shared.send_all(commands, timeout)
    }

    /// Sends a command and waits for its reply, whatever that says.
    pub(crate) fn request(&self, command: Command, timeout: Duration) -> Result<Reply> {
        self.shared.send(command, timeout)?.wait()
    }

    /// The cause of the connection's end, once it has ended.
    pub(crate) fn closed(&self) -> Option<Closed> {
        self.shared.waiters.lock().closed()
    }

    /// The cause of the connection's end, waited for for at most `timeout`.
    pub(crate) fn wait_closed(&self, timeout: Duration) -> Option<Closed> {
        let deadline = deadline_after(timeout);
        let mut waiters = self.shared.waiters.lock();
        while waiters.closed().is_none() {
            if self.shared.ended.wait_until(&mut waiters, deadline).timed_out() {
                break;
            }
        }
        waiters.closed()
    }

    /// Queues events of these kinds for the returned subscription, and tells tor.
    pub(crate) fn subscribe(
        &self,
        kinds: Vec<EventKind>,
        limit: QueueLimit,
        timeout: Duration,
    ) -> Result<Subscription> {
        Subscription::new(&self.shared, kinds, limit, timeout)
    }

    /// Calls back with events of these kinds, and tells tor.
    pub(crate) fn on(
        &self,
        kinds: Vec<EventKind>,
        callback: Box<dyn FnMut(&Event) + Send>,
        timeout: Duration,
    ) -> Result<Listener> {
        Listener::for_events(&self.shared, kinds, callback, timeout)
    }

    /// Calls back when the connection's status changes.
    pub(crate) fn on_status(&self, callback: Box<dyn FnMut(&ConnectionStatus) + Send>) -> Result<Listener> {
        Listener::for_status(&self.shared, callback)
    }

    /// Waits until every callback has returned that was due for what has already been read.
    pub(crate) fn wait_for_callbacks(&self, timeout: Duration) -> Result<()> {
        self.shared.dispatcher.wait_until_idle(timeout)
    }

    /// Whether the caller is one of this connection's callbacks.
    pub(crate) fn is_in_callback(&self) -> bool {
        self.shared.dispatcher.is_current()
    }

    /// Whether tor is being asked to hang up.
    pub(crate) fn set_quitting(&self, quitting: bool) {
        self.shared.quitting.store(quitting, Ordering::SeqCst);
    }

    /// Ends the connection and waits for its threads, at most this long.
    pub(crate) fn close(&self, timeout: Duration) -> Result<()> {
        let deadline = deadline_after(timeout);
        self.shared.end(CloseCause::Local);
        let in_callback = self.shared.dispatcher.is_current();
        let mut joined = true;
        if let Some(reader) = self.reader.lock().take() {
            joined = reader.is_current() || reader.ended_within(timeout);
        }
        if let Some(dispatcher) = self.shared.dispatcher.take_thread() {
            let left = deadline.saturating_duration_since(Instant::now());
            joined &= in_callback || dispatcher.ended_within(left);
        }
        if joined { Ok(()) } else { Err(Timeout::new(Phase::Close, timeout).into()) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A callback that still runs keeps what it needs alive by itself.
        let _ = self.close(JOIN_FOR);
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("transport", &self.shared.transport)
            .field("closed", &self.closed())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Ends the connection. The first cause counts; later calls do nothing.
    fn end(&self, cause: CloseCause) -> Closed {
        let cause = match cause {
            CloseCause::Remote { .. } if self.quitting.load(Ordering::SeqCst) => CloseCause::Local,
            cause => cause,
        };
        let closed = Closed::new(cause);
        let waiters = match self.waiters.lock().end(closed.clone()) {
            Ok(waiters) => waiters,
            Err(earlier) => return earlier,
        };
        log::debug!(target: "scape::connection", "{closed}");
        // It may be shut down already, from the other end.
        let _ = self.transport.shutdown();
        for waiter in waiters {
            waiter.complete(Err(closed.clone()));
        }
        self.routes.end(&closed);
        self.dispatcher.end(&closed);
        self.ended.notify_all();
        closed
    }
}
