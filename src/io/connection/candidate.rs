//! The type [`Candidate`]: a socket on which this program is authenticating.

use std::net::SocketAddr;
use std::sync::Arc;

use super::closed::CloseCause;
use super::hub::Hub;
use super::link::Link;
use super::thread::JOIN_FOR;
use super::waiters::PendingReply;
use crate::error::Result;
use crate::io::transport::Deadline;
use scape_proto::control::{Command, Reply};

/// A socket on which this program is authenticating. Dropping the candidate
/// ends the socket, unless the candidate was given to
/// [`Connection::adopt`](super::Connection::adopt) or
/// [`Connection::restore_on`](super::Connection::restore_on).
#[derive(Debug)]
pub(crate) struct Candidate {
    hub: Arc<Hub>,
    link: Arc<Link>,
    adopted: bool,
}

impl Candidate {
    pub(super) fn new(hub: &Arc<Hub>, link: Arc<Link>) -> Self {
        Candidate { hub: hub.clone(), link, adopted: false }
    }

    /// Sends a command and waits for its reply. Returns the reply even if it is
    /// a refusal.
    pub(crate) fn request(&self, command: Command, deadline: Deadline) -> Result<Reply> {
        self.send(command, deadline)?.wait()
    }

    fn send(&self, command: Command, deadline: Deadline) -> Result<PendingReply> {
        self.link.send(command, deadline)
    }

    /// Returns the peer's address, or `None` if this is not a TCP connection or
    /// the socket is no longer connected.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.link.transport.as_tcp().and_then(|stream| stream.peer_addr().ok())
    }

    /// Returns the candidate's link, which is its socket with the reader
    /// thread. Dropping the candidate then no longer ends the link.
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
            // If the link ended before `set_candidate` was called, the hub
            // still has it.
            self.hub.forget_candidate(&self.link);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::io::transport::Transport;
    use scape_proto::control::Limits;

    #[test]
    fn candidate_that_ended_before_the_hub_knew_of_it_is_forgotten() {
        let hub = Arc::new(Hub::default());
        let (ours, theirs) = Transport::pair();
        drop(theirs);
        let link = hub.start_link(ours, Limits::default()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while link.closed().is_none() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let candidate = Candidate::new(&hub, link.clone());
        hub.set_candidate(&link).unwrap();
        drop(candidate);
        let left = Arc::downgrade(&link);
        drop(link);
        while left.strong_count() > 0 {
            assert!(Instant::now() < deadline, "the link is kept alive");
            std::thread::yield_now();
        }
    }
}
