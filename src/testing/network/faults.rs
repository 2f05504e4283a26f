//! Nodes that stop, hang, come back, and leave the consensus.

use std::fs;
use std::time::Duration;

use super::client_ports::ClientPorts;
use super::node::{Node, Role};
use super::starting::wait_for_policy;
use super::{TestNetwork, vote};
use crate::controller::Controller;
use crate::error::{Error, Result};
use crate::process::{LaunchError, wait_bootstrapped};
use crate::protocol::{ArgumentError, Signal};
use crate::transport::Deadline;

/// The file in an authority's data directory by which it refuses relays.
const REFUSED: &str = "approved-routers";

/// Faults and repairs. Single nodes are stopped and paused by [`Node`].
impl TestNetwork {
    /// Starts a node again that has ended, or ends it first, and waits until it
    /// works. It has the same keys, relay ports and data directory as before,
    /// and options that were changed while it ran are as at the start of the
    /// network. The controllers of its last process stay closed.
    ///
    /// For the client, that takes until it is ready to build circuits, and its
    /// SOCKS and control ports are other ones afterwards.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let mut network = TestNetwork::builder().start()?;
    /// network.node("relay0").unwrap().kill()?;
    /// network.restart("relay0")?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if there is no such
    /// node, of the kind [`ErrorKind::Launch`](crate::ErrorKind::Launch) if it
    /// doesn't start, and of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it isn't ready in
    /// time: the builder's [`timeout`](super::TestNetworkBuilder::timeout).
    pub fn restart(&mut self, nickname: &str) -> Result<()> {
        let deadline = Deadline::after(self.timeout);
        let Some(index) = self.nodes.iter().position(|node| node.nickname() == nickname) else {
            return Err(self.no_such_node(nickname));
        };
        let node = &mut self.nodes[index];
        node.restart(deadline)?;
        let controller = &node.until(deadline);
        match node.role() {
            Role::Relay | Role::Bridge => wait_for_policy(controller, deadline),
            Role::Client => {
                wait_bootstrapped(controller, 100, deadline, &mut None, |_| ())?;
                self.ports = ClientPorts::of(controller)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Makes the authorities refuse a relay, or list it again. It leaves the
    /// consensus with their next vote, and comes back with a vote after it has
    /// published its descriptor again, as it does after
    /// [`restart`](Self::restart).
    ///
    /// This is the way to see a relay go: authorities list one that doesn't
    /// answer for 45 minutes more, in a test network, too.
    ///
    /// The authorities read their torrc again (SIGNAL RELOAD), so options that
    /// were set there while they ran, and not saved, are lost.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// network.set_listed("relay0", false)?;
    /// network.wait_for_vote(Duration::from_secs(60))?;
    /// let relay0 = network.node("relay0").and_then(|node| node.fingerprint()).unwrap();
    /// assert!(network.client().network_status(relay0)?.is_none());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if there is no such
    /// relay, and of the kind [`ErrorKind::Closed`](crate::ErrorKind::Closed)
    /// if an authority has ended.
    pub fn set_listed(&self, nickname: &str, listed: bool) -> Result<()> {
        let relay = self.node(nickname).filter(|node| node.role() == Role::Relay);
        let relay = relay.and_then(Node::fingerprint);
        let Some(relay) = relay else { return Err(self.no_such_node(nickname)) };
        let line = format!("!reject {relay}\n");
        for authority in self.of_role(Role::Authority) {
            let path = authority.process().data_directory().join(REFUSED);
            let refused = fs::read_to_string(&path).unwrap_or_default().replace(&line, "");
            let refused = if listed { refused } else { refused + &line };
            fs::write(&path, refused)
                .map_err(|error| Error::io(format!("write {}", path.display()), error))?;
            authority.controller().signal(Signal::Reload)?;
        }
        Ok(())
    }

    /// Lets the authorities vote now, and waits until all of them have the new
    /// consensus: five or six seconds, and up to ten if they vote every ten
    /// seconds anyway.
    ///
    /// Relays and clients fetch it when the one that they have is no longer
    /// fresh, so with a long [`voting_interval`] that takes as long.
    /// Clients of [`launch`](Self::launch) begin with it.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it takes longer
    /// than `timeout`, and of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if an authority has
    /// ended.
    ///
    /// [`voting_interval`]: super::TestNetworkBuilder::voting_interval
    pub fn vote(&self, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(timeout);
        let authorities = self.of_role(Role::Authority).map(|node| node.until(deadline));
        let authorities: Vec<Controller> = authorities.collect();
        vote::vote_now(&authorities, self.voting_interval, deadline)
    }

    pub(super) fn of_role(&self, role: Role) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.role() == role)
    }

    fn no_such_node(&self, nickname: &str) -> Error {
        let known: Vec<&str> = self.nodes.iter().map(Node::nickname).collect();
        let why = format!("{nickname:?} is none of {}", known.join(", "));
        ArgumentError::invalid("TestNetwork", "nickname", why).into()
    }
}

/// Faults of a single node.
impl Node {
    /// Stops the process where it is, as a machine that hangs, until
    /// [`resume`](Self::resume): SIGSTOP. The system goes on to accept
    /// connections to its ports. Calls of its [`controller`](Self::controller)
    /// time out.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the platform has no such signal.
    pub fn pause(&self) -> Result<()> {
        self.process().pause()?;
        self.set_paused(true);
        Ok(())
    }

    /// Lets a paused process go on: SIGCONT. Does nothing if it isn't paused.
    pub fn resume(&self) -> Result<()> {
        match self.set_paused(false) {
            true => self.process().resume(),
            false => Ok(()),
        }
    }

    /// Ends the process, as an operator would: SIGTERM. Its files stay for
    /// [`TestNetwork::restart`]. Does nothing if it has ended.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the process had to
    /// be killed, and of the kind
    /// [`ErrorKind::Launch`](crate::ErrorKind::Launch) if it had crashed
    /// before. It has ended in any case.
    pub fn stop(&self) -> Result<()> {
        self.resume()?;
        self.process().end()
    }

    /// Kills the process, as a crash would end it: SIGKILL. Its files stay for
    /// [`TestNetwork::restart`]. Does nothing if it has ended.
    pub fn kill(&self) -> Result<()> {
        self.process().kill()?;
        match self.process().end() {
            // It has ended by the signal.
            Err(error) if error.is::<LaunchError>() => Ok(()),
            ended => ended,
        }
    }
}
