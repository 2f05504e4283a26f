//! A link: one socket, from its first byte to its last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, ReentrantMutex, ReentrantMutexGuard};

use super::hub::Hub;
use super::thread::Thread;
use super::waiters::{PendingReply, Waiters};
use super::writing::{self, Writer};
use super::{JOIN_FOR, reader};
use crate::error::{Error, Result};
use crate::io::connection::{CloseCause, Closed};
use crate::io::transport::{Deadline, Transport};
use scape_proto::control::{Command, Limits, Reply};

/// One socket with its waiters and its reader thread. A link that has ended
/// stays so. A connection that is made again gets another link.
pub(super) struct Link {
    pub(super) transport: Transport,
    pub(super) writer: Writer,
    pub(super) waiters: Mutex<Waiters>,
    pub(super) hub: Arc<Hub>,
    /// True if the link's events count: from the moment it is authenticated on
    /// until its end.
    live: AtomicBool,
    /// True if the end may have been reported, so that no more events are
    /// handed over.
    silent: AtomicBool,
    /// Held by the reader thread while it hands over the events of one read.
    /// Another thread that ends the link waits for this, so that no event comes
    /// after the report of the end. The reader thread itself may end the link
    /// in the middle of an event.
    delivering: ReentrantMutex<()>,
    /// True if this program is sending or has sent QUIT. If tor then closes the
    /// connection, the cause is [`CloseCause::Local`].
    quitting: AtomicBool,
    reader: Mutex<Option<Thread>>,
}

impl Link {
    /// Starts the reader thread on `transport`.
    pub(super) fn start(hub: &Arc<Hub>, transport: Transport, limits: Limits) -> Result<Arc<Link>> {
        writing::prepare(&transport).map_err(|e| Error::io("set up the control connection", e))?;
        let link = Arc::new(Link {
            transport,
            writer: Writer::default(),
            waiters: Mutex::new(Waiters::default()),
            hub: hub.clone(),
            live: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            delivering: ReentrantMutex::new(()),
            quitting: AtomicBool::new(false),
            reader: Mutex::new(None),
        });
        let for_reader = link.clone();
        let reader = Thread::spawn("scape-reader", move || reader::run(&for_reader, limits))
            .map_err(|e| Error::io("start the reader thread", e))?;
        *link.reader.lock() = Some(reader);
        Ok(link)
    }

    /// Returns the cause of the link's end, once it has ended.
    pub(super) fn closed(&self) -> Option<Closed> {
        self.waiters.lock().closed()
    }

    /// Lets the link's events count from now on.
    pub(super) fn go_live(&self) {
        self.live.store(true, Ordering::SeqCst);
    }

    /// Begins to hand over the events of one read.
    pub(super) fn deliver(&self) -> ReentrantMutexGuard<'_, ()> {
        self.delivering.lock()
    }

    /// Ignores the link's events from now on, because another link may follow.
    /// Events that the reader thread has begun to hand over are handed over
    /// before this returns, and no events afterwards.
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

    /// Returns true if no more events are handed over.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::SeqCst)
    }

    /// Returns true if the link's events count.
    pub(super) fn is_live(&self) -> bool {
        self.live.load(Ordering::SeqCst)
    }

    /// Sets whether tor is being asked to close the connection (QUIT).
    pub(super) fn set_quitting(&self, quitting: bool) {
        self.quitting.store(quitting, Ordering::SeqCst);
    }

    /// Ends the link. The cause of the first call counts; later calls do
    /// nothing. Returns the cause that counts.
    pub(super) fn end(&self, cause: CloseCause) -> Closed {
        let cause = match cause {
            CloseCause::Remote { .. } if self.quitting.load(Ordering::SeqCst) => CloseCause::Local,
            // A later cause doesn't count, so there is nothing to find out
            // about it.
            cause if self.closed().is_some() => cause,
            cause => self.hub.explanation.of(cause),
        };
        let closed = Closed::new(cause);
        let waiters = match self.waiters.lock().end(closed.clone()) {
            Ok(waiters) => waiters,
            Err(earlier) => return earlier,
        };
        log::debug!(target: "scape::connection", "{closed}");
        self.go_dead();
        // The peer may have shut it down already.
        let _ = self.transport.shutdown();
        for waiter in waiters {
            waiter.complete(Err(closed.clone()));
        }
        self.hub.link_ended(self, &closed);
        closed
    }

    /// Waits for the reader thread to end, for at most `timeout`. Returns true
    /// if it has ended, or if the caller is the reader thread.
    pub(super) fn join(&self, timeout: Duration) -> bool {
        match self.reader.lock().take() {
            Some(reader) => reader.is_current() || reader.ended_within(timeout),
            None => true,
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("transport", &self.transport)
            .field("closed", &self.closed())
            .finish_non_exhaustive()
    }
}

/// A socket that is being authenticated on. Dropping it ends the socket, unless
/// it was [adopted](super::Connection::adopt).
#[derive(Debug)]
pub(crate) struct Candidate {
    link: Arc<Link>,
    adopted: bool,
}

impl Candidate {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Candidate { link, adopted: false }
    }

    /// Sends a command and waits for its reply, even if that is a refusal.
    pub(crate) fn request(&self, command: Command, deadline: Deadline) -> Result<Reply> {
        self.send(command, deadline)?.wait()
    }

    fn send(&self, command: Command, deadline: Deadline) -> Result<PendingReply> {
        self.link.send(command, deadline)
    }

    /// Returns the address at the other end, or `None` if this is not a TCP
    /// connection.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.link.transport.as_tcp().and_then(|stream| stream.peer_addr().ok())
    }

    /// Returns the link, which this candidate doesn't end any more.
    pub(super) fn into_link(mut self) -> Arc<Link> {
        self.adopted = true;
        self.link.clone()
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        if !self.adopted {
            self.link.end(CloseCause::Local);
            self.link.join(JOIN_FOR);
            // The link may have ended before the hub knew of it.
            self.link.hub.forget_candidate(&self.link);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn candidate_that_ended_before_the_hub_knew_of_it_is_forgotten() {
        let hub = Arc::new(Hub::default());
        let (ours, theirs) = Transport::pair();
        drop(theirs);
        let link = Link::start(&hub, ours, Limits::default()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while link.closed().is_none() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let candidate = Candidate::new(link.clone());
        hub.set_candidate(&link).unwrap();
        drop(candidate);
        let left = Arc::downgrade(&link);
        drop(link);
        while left.strong_count() > 0 {
            assert!(Instant::now() < deadline, "the hub and the link keep each other alive");
            std::thread::yield_now();
        }
    }
}
