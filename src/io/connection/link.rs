//! A link: one socket, from its first byte to its last.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, ReentrantMutex, ReentrantMutexGuard};
use zeroize::Zeroizing;

use super::closed::{CloseCause, Closed};
use super::explain::Explanation;
use super::outlets::Outlets;
use super::reader::{self, Sink};
use super::thread::{JOIN_FOR, Thread};
use super::waiters::{PendingReply, Waiters};
use super::writing::{self, Unsent, Writer, Written, is_hang_up};
use crate::error::{Error, Phase, Result};
use crate::io::transport::{Deadline, Transport};
use scape_proto::control::{Command, Limits};

/// The time that the reader thread gets to read tor's last message after a
/// write has shown that tor has hung up. The message may name the reason.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// A function that is called once, with a link that has ended and the cause.
type OnEnd = Box<dyn Fn(&Link, &Closed) + Send + Sync>;

/// One socket, with its reader thread and the callers that wait for replies on
/// it. A link that has ended is never used again: a connection that is opened
/// again gets a new link.
pub(super) struct Link {
    pub(super) transport: Transport,
    pub(super) writer: Writer,
    pub(super) waiters: Mutex<Waiters>,
    /// The receivers of the link's events.
    outlets: Arc<Outlets>,
    explanation: Arc<Explanation>,
    /// A function that reports the link's end to the hub. The function must not
    /// keep the hub alive: the hub keeps the link alive, so neither would ever
    /// be dropped.
    on_end: OnEnd,
    /// True if the link's events are delivered: from its authentication until
    /// its end. False before and after.
    live: AtomicBool,
    /// True once the link's end may have been reported to the hub. From then
    /// on, the reader thread hands over no more events.
    silent: AtomicBool,
    /// Held by the reader thread while it hands over the events of one read.
    /// Another thread that ends the link waits for this lock before it reports
    /// the end. So no event comes after the report. The lock is reentrant,
    /// because the reader thread itself may end the link while it hands over an
    /// event.
    delivering: ReentrantMutex<()>,
    /// True if this program is sending or has sent QUIT. If tor then closes the
    /// connection, the cause is [`CloseCause::Local`].
    quitting: AtomicBool,
    /// The number of times that the reader thread has read something. Only the
    /// reader thread changes it.
    reads: AtomicU64,
    reader: Mutex<Option<Thread>>,
}

impl Link {
    /// Starts the reader thread on `transport`. Events go to `outlets`. When
    /// the link ends, `on_end` is called with the cause. `explanation` may
    /// replace the cause with a more exact one before that.
    pub(super) fn start(
        transport: Transport,
        limits: Limits,
        outlets: Arc<Outlets>,
        explanation: Arc<Explanation>,
        on_end: impl Fn(&Link, &Closed) + Send + Sync + 'static,
    ) -> Result<Arc<Link>> {
        writing::prepare(&transport).map_err(|e| Error::io("set up the control connection", e))?;
        let link = Arc::new(Link {
            transport,
            writer: Writer::default(),
            waiters: Mutex::new(Waiters::default()),
            outlets,
            explanation,
            on_end: Box::new(on_end),
            live: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            delivering: ReentrantMutex::new(()),
            quitting: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            reader: Mutex::new(None),
        });
        let for_reader = link.clone();
        let run = move || reader::run(&for_reader.transport, &*for_reader, limits);
        let reader = Thread::spawn("scape-reader", run)
            .map_err(|e| Error::io("start the reader thread", e))?;
        *link.reader.lock() = Some(reader);
        Ok(link)
    }

    /// Returns the cause of the link's end, or `None` while the link is open.
    pub(super) fn closed(&self) -> Option<Closed> {
        self.waiters.lock().closed()
    }

    /// Delivers the link's events from now on. Until this call, they are
    /// dropped.
    pub(super) fn go_live(&self) {
        self.live.store(true, Ordering::SeqCst);
    }

    /// Drops the link's events from now on, because another link may follow.
    /// Waits up to a second until the reader thread has handed over the events
    /// that it is handing over now. No events of this link are handed over
    /// after that, unless a tracker blocks for longer.
    pub(super) fn go_dead(&self) {
        self.live.store(false, Ordering::SeqCst);
        // Trackers don't block, so this takes only a moment. If a tracker did
        // block, a late event would be better than a program that hangs.
        let delivered = self.delivering.try_lock_for(JOIN_FOR);
        self.silent.store(true, Ordering::SeqCst);
        if delivered.is_none() {
            log::warn!(target: "scape::connection", "handing over an event takes too long");
        }
    }

    /// Returns the number of times that something was read so far. Two equal
    /// numbers show that tor has sent nothing in between.
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Sets whether this program is asking tor to close the connection (QUIT).
    /// If `quitting` is true, a close by tor counts as [`CloseCause::Local`].
    pub(super) fn set_quitting(&self, quitting: bool) {
        self.quitting.store(quitting, Ordering::SeqCst);
    }

    /// Ends the link. Only the first call has an effect. Every call returns the
    /// cause that the first call has stored.
    pub(super) fn end(&self, cause: CloseCause) -> Closed {
        let cause = match cause {
            CloseCause::Remote { .. } if self.quitting.load(Ordering::SeqCst) => CloseCause::Local,
            // The link has ended already. This cause doesn't count, so it needs
            // no explanation.
            cause if self.closed().is_some() => cause,
            cause => self.explanation.of(cause),
        };
        let closed = Closed::new(cause);
        let waiters = match self.waiters.lock().end(closed.clone()) {
            Ok(waiters) => waiters,
            Err(earlier) => return earlier,
        };
        log::debug!(target: "scape::connection", "{closed}");
        self.go_dead();
        // This fails if the peer has closed the connection already.
        let _ = self.transport.shutdown();
        for waiter in waiters {
            waiter.complete(Err(closed.clone()));
        }
        (self.on_end)(self, &closed);
        closed
    }

    /// Waits for the reader thread to end, for at most `timeout`. Returns true
    /// if the thread has ended, if the caller is the reader thread, or if an
    /// earlier call has waited for the thread.
    pub(super) fn join(&self, timeout: Duration) -> bool {
        let reader = self.reader.lock().take();
        match reader {
            Some(reader) => reader.is_current() || reader.ended_within(timeout),
            None => true,
        }
    }
}

impl Link {
    /// Queues a waiter for the reply of a command, and writes the command. If
    /// the peer has hung up, finds out why before returning the error.
    pub(super) fn send(&self, command: Command, deadline: Deadline) -> Result<PendingReply> {
        self.try_send(command, deadline).map_err(|unsent| self.explain(unsent))
    }

    /// Like [`send`](Self::send), for callers that hold a lock. After a
    /// failure, the caller must release the lock and then call
    /// [`explain`](Self::explain), which may take a second.
    pub(super) fn try_send(
        &self,
        command: Command,
        deadline: Deadline,
    ) -> Result<PendingReply, Unsent> {
        let turn = self.writer.turn(deadline.instant());
        let _turn = turn.ok_or_else(|| deadline.error(Phase::Write))?;
        let slot = self.waiters.lock().push(&command)?;
        trace(&command);
        self.write(command.wire(), 1, deadline)?;
        Ok(PendingReply::new(command, slot, deadline))
    }

    /// Returns the error for a caller whose command was not sent. If the peer
    /// has hung up, finds out why and ends the link.
    pub(super) fn explain(&self, unsent: Unsent) -> Error {
        match unsent {
            Unsent::Error(error) => error,
            Unsent::HungUp(error) => self.end_after_hang_up(error),
        }
    }

    /// Queues a waiter for each command, and writes all commands with one
    /// write.
    pub(super) fn send_all(
        &self,
        commands: Vec<Command>,
        deadline: Deadline,
    ) -> Result<Vec<PendingReply>> {
        let turn = self.writer.turn(deadline.instant());
        let turn = turn.ok_or_else(|| deadline.error(Phase::Write))?;
        // Commands may have secrets. So the buffer is wiped, and it has its
        // final size from the start.
        let length = commands.iter().map(|command| command.wire().len()).sum();
        let mut buffer = Zeroizing::new(Vec::with_capacity(length));
        let mut pending = Vec::with_capacity(commands.len());
        commands.iter().for_each(trace);
        {
            let mut waiters = self.waiters.lock();
            for command in commands {
                let slot = waiters.push(&command)?;
                buffer.extend_from_slice(command.wire());
                pending.push(PendingReply::new(command, slot, deadline));
            }
        }
        let written = self.write(&buffer, pending.len(), deadline);
        drop(turn);
        written.map_err(|unsent| self.explain(unsent))?;
        Ok(pending)
    }

    /// Writes `bytes`, which are `count` commands. The waiters for the replies
    /// to these commands are the last ones in the queue. The caller must hold a
    /// [`Turn`](writing::Turn), the right to write.
    fn write(&self, bytes: &[u8], count: usize, deadline: Deadline) -> Result<(), Unsent> {
        match writing::write_all(&self.transport, bytes, deadline.instant()) {
            Written::All => Ok(()),
            Written::Nothing => {
                self.waiters.lock().withdraw(count);
                Err(deadline.error(Phase::Write).into())
            }
            // `Stalled` is the whole cause. `explain` would find nothing else.
            Written::Part => Err(self.end(CloseCause::Stalled).into()),
            // The link is ended later, by `explain`. Commands that other
            // threads write until then are lost, but their callers get the
            // link's end as an error.
            Written::Failed(error) if is_hang_up(&error) => Err(Unsent::HungUp(error)),
            Written::Failed(error) => Err(self.end(CloseCause::Io(error)).into()),
        }
    }

    /// Ends the link after a broken pipe. Before that, gives the reader thread
    /// a moment to end the link with a better cause: tor may have sent the
    /// reason for which it hung up.
    fn end_after_hang_up(&self, error: io::Error) -> Error {
        let deadline = Instant::now() + LAST_WORDS;
        while Instant::now() < deadline {
            if let Some(closed) = self.waiters.lock().closed() {
                return closed.into();
            }
            std::thread::yield_now();
        }
        self.end(CloseCause::Io(error)).into()
    }
}

impl Sink for Link {
    fn note_read(&self) {
        // There is only one thread that reads, so this needs no atomic
        // addition, which would take longer.
        self.reads.store(self.reads().wrapping_add(1), Ordering::Relaxed);
    }

    fn deliver(&self) -> ReentrantMutexGuard<'_, ()> {
        self.delivering.lock()
    }

    fn is_live(&self) -> bool {
        self.live.load(Ordering::SeqCst)
    }

    fn is_silent(&self) -> bool {
        self.silent.load(Ordering::SeqCst)
    }

    fn waiters(&self) -> &Mutex<Waiters> {
        &self.waiters
    }

    fn outlets(&self) -> &Outlets {
        &self.outlets
    }

    fn end(&self, cause: CloseCause) {
        Link::end(self, cause);
    }
}

fn trace(command: &Command) {
    log::trace!(target: "scape::wire", "-> {command}");
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("transport", &self.transport)
            .field("closed", &self.closed())
            .finish_non_exhaustive()
    }
}
