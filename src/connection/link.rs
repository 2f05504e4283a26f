//! One socket, from its first byte to its last.

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
use crate::connection::{CloseCause, Closed};
use crate::error::{Error, Result};
use crate::protocol::{Command, Limits, Reply};
use crate::transport::{Deadline, Transport};

/// One socket, those who wait for replies on it, and its reader thread. Once it
/// has ended it stays so; a connection that is made again gets another.
pub(super) struct Link {
    pub(super) transport: Transport,
    pub(super) writer: Writer,
    pub(super) waiters: Mutex<Waiters>,
    pub(super) hub: Arc<Hub>,
    /// Whether its events count: from the moment it is authenticated on to its
    /// end.
    live: AtomicBool,
    /// True if the end may have been told: nothing is handed over any more.
    silent: AtomicBool,
    /// Held by the reader thread while it hands over what one read brought.
    /// Whoever ends the link on another thread waits for that, so that no event
    /// comes after word of the end. The reader thread itself may end the link
    /// in the middle of an event.
    delivering: ReentrantMutex<()>,
    /// Whether tor was asked to hang up: then its doing so is this program's.
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

    /// The cause of its end, once it has ended.
    pub(super) fn closed(&self) -> Option<Closed> {
        self.waiters.lock().closed()
    }

    /// From now on its events count.
    pub(super) fn go_live(&self) {
        self.live.store(true, Ordering::SeqCst);
    }

    /// Begins to hand over what a read has brought.
    pub(super) fn deliver(&self) -> ReentrantMutexGuard<'_, ()> {
        self.delivering.lock()
    }

    /// Ignores the link's events from now on, because another link follows.
    /// What the reader thread has begun to hand over is handed over to
    /// everybody before this returns, and nothing afterwards.
    pub(super) fn go_dead(&self) {
        self.live.store(false, Ordering::SeqCst);
        // Trackers don't block, so this takes a moment only. If one did block,
        // a late event would be better than a program that hangs.
        let delivered = self.delivering.try_lock_for(JOIN_FOR);
        self.silent.store(true, Ordering::SeqCst);
        if delivered.is_none() {
            log::warn!(target: "scape::connection", "an event is handed over for too long");
        }
    }

    /// Returns true if nothing is to be handed over any more.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::SeqCst)
    }

    /// Whether its events count.
    pub(super) fn is_live(&self) -> bool {
        self.live.load(Ordering::SeqCst)
    }

    /// Whether tor is being asked to hang up.
    pub(super) fn set_quitting(&self, quitting: bool) {
        self.quitting.store(quitting, Ordering::SeqCst);
    }

    /// Ends it. The first cause counts; later calls do nothing.
    pub(super) fn end(&self, cause: CloseCause) -> Closed {
        let cause = match cause {
            CloseCause::Remote { .. } if self.quitting.load(Ordering::SeqCst) => CloseCause::Local,
            // Later causes don't count, so there is nothing to find out about
            // them.
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
        // It may be shut down already, from the other end.
        let _ = self.transport.shutdown();
        for waiter in waiters {
            waiter.complete(Err(closed.clone()));
        }
        self.hub.link_ended(self, &closed);
        closed
    }

    /// Waits for the reader thread to end, at most this long. Whether it has.
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

/// A socket that is being authenticated on. Dropping it ends it, unless it was
/// [adopted](super::Connection::adopt).
#[derive(Debug)]
pub(crate) struct Candidate {
    link: Arc<Link>,
    adopted: bool,
}

impl Candidate {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Candidate { link, adopted: false }
    }

    /// Sends a command and waits for its reply, whatever that says.
    pub(crate) fn request(&self, command: Command, deadline: Deadline) -> Result<Reply> {
        self.send(command, deadline)?.wait()
    }

    fn send(&self, command: Command, deadline: Deadline) -> Result<PendingReply> {
        self.link.send(command, deadline)
    }

    /// The address at the other end. `None` if this is no TCP connection.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.link.transport.as_tcp().and_then(|stream| stream.peer_addr().ok())
    }

    /// The link, which does not end with this any more.
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
            // It may have ended before the hub knew of it.
            self.link.hub.forget_candidate(&self.link);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn one_that_ended_before_the_hub_knew_of_it_is_forgotten() {
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
