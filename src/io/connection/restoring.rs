//! A link on which a reconnect restores what this controller made, before
//! callers can send.

use std::sync::Arc;

use super::candidate::Candidate;
use super::closed::{CloseCause, Closed};
use super::hub::Hub;
use super::link::Link;
use super::status::Reconnected;
use super::thread::JOIN_FOR;
use super::waiters::PendingReply;
use crate::error::Result;
use crate::io::transport::Deadline;
use scape_proto::control::{Command, Reply};

/// A new link of a connection that is being opened again. Callers can't send on
/// the link yet. Dropping this value ends the link, unless the link was
/// [opened](Self::open).
///
/// Commands are sent on such a link only with this value. The one exception is
/// SETEVENTS, which is also sent when a subscription is dropped.
///
/// Trackers see the events of the link at once. Subscriptions and callbacks get
/// them when the link is opened.
#[derive(Debug)]
pub(crate) struct Restoring {
    hub: Arc<Hub>,
    link: Arc<Link>,
    number: u64,
    is_open: bool,
}

impl Restoring {
    /// Makes an authenticated socket the one on which a reconnect restores what
    /// this controller made. Ends the socket and returns an error if the
    /// connection isn't down, or if the socket has ended.
    pub(super) fn begin(hub: &Arc<Hub>, candidate: Candidate) -> Result<Self> {
        let link = candidate.into_link();
        match hub.begin_restoring(&link) {
            Ok(number) => Ok(Restoring { hub: hub.clone(), link, number, is_open: false }),
            Err(closed) => {
                link.end(CloseCause::Local);
                Err(closed.into())
            }
        }
    }

    /// Returns the number that the link has once it is open.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Tells tor which events are wanted. Returns a refusal if tor doesn't know
    /// some of them: see [`Hub::tell_again`].
    pub(crate) fn tell_again(&self, deadline: Deadline) -> Result<()> {
        self.hub.tell_again(deadline)
    }

    /// Sends a command and waits for its reply. A refusal is an error.
    pub(crate) fn request(&self, command: Command, deadline: Deadline) -> Result<Reply> {
        self.link.send(command, deadline)?.wait_ok()
    }

    /// Sends several commands with one write.
    pub(crate) fn send_all(
        &self,
        commands: Vec<Command>,
        deadline: Deadline,
    ) -> Result<Vec<PendingReply>> {
        self.link.send_all(commands, deadline)
    }

    /// Tells subscriptions and callbacks of the reconnect, and then lets
    /// callers send. `persistent` is true if another link is expected after the
    /// end of this one. Fails with the cause if the link has ended.
    pub(crate) fn open(
        mut self,
        reconnected: &Reconnected,
        persistent: bool,
    ) -> Result<(), Closed> {
        self.hub.open(&self.link, reconnected, persistent)?;
        self.is_open = true;
        Ok(())
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        if !self.is_open {
            self.link.end(CloseCause::Reconnecting);
            self.link.join(JOIN_FOR);
        }
    }
}
