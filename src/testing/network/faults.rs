//! Faults: nodes that stop, hang, come back, and leave the consensus.

use std::fs;
use std::time::Duration;

use super::client_ports::ClientPorts;
use super::node::{Node, Role};
use super::starting::wait_for_policy;
use super::{TestNetwork, vote};
use crate::control::Controller;
use crate::error::{Error, Result};
use crate::io::transport::Deadline;
use crate::process::{LaunchError, wait_bootstrapped};
use scape_proto::control::{ArgumentError, Signal};

/// The file in an authority's data directory that lists refused relays.
const REFUSED: &str = "approved-routers";

/// Faults and repairs. [`Node`] has the methods that stop and pause single
/// nodes.
impl TestNetwork {
    /// Restarts a node, and waits until it works. A relay or bridge works when
    /// it accepts streams, the client when it can build circuits, and an
    /// authority when it has a control connection. A node that has already
    /// ended is started again, too.
    ///
    /// The node keeps its keys, relay ports and data directory. Options that
    /// were changed while the node ran get back the values that they had at the
    /// start of the network. Controllers of the old process stay closed. If the
    /// node is the client, its SOCKS and control ports change.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let mut network = TestNetwork::builder().start()?;
    /// network.node("relay0").ok_or("there is no relay0")?.kill()?;
    /// network.restart("relay0")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if there is no such
    /// node, and of the kind [`ErrorKind::Launch`](crate::ErrorKind::Launch) if
    /// the node doesn't start. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the node isn't
    /// ready within the builder's
    /// [`timeout`](super::TestNetworkBuilder::timeout).
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

    /// Sets whether the authorities list a relay.
    ///
    /// A relay that isn't listed leaves the consensus with the next vote. To
    /// bring it back, list it and then call [`restart`](Self::restart), so that
    /// it publishes its descriptor anew. The next vote then includes it.
    ///
    /// This is the only quick way to remove a relay from the consensus. If a
    /// relay stops answering, the authorities still list it for 45 minutes,
    /// even in a test network.
    ///
    /// The authorities read their torrc again (SIGNAL RELOAD), so options that
    /// were set at runtime and not saved are lost.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// network.set_listed("relay0", false)?;
    /// network.wait_for_vote(Duration::from_secs(60))?;
    /// let relay0 = network.node("relay0").and_then(|node| node.fingerprint());
    /// let relay0 = relay0.ok_or("there is no relay0")?;
    /// assert!(network.client().info().network_status(relay0)?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if there is no such
    /// relay. The kind is [`ErrorKind::Closed`](crate::ErrorKind::Closed) if an
    /// authority has ended, and [`ErrorKind::Io`](crate::ErrorKind::Io) if an
    /// authority's file can't be written.
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

    /// Makes the authorities vote now, and waits until all of them have the new
    /// consensus. This takes five or six seconds, or up to ten if they vote
    /// every ten seconds anyway.
    ///
    /// Relays and running clients fetch the new consensus when their present
    /// one is no longer fresh. This takes up to one [`voting_interval`].
    /// Clients that are started later with [`launch`](Self::launch) begin with
    /// the new consensus.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    /// use std::time::Duration;
    ///
    /// let network = TestNetwork::builder().voting_interval(Duration::from_secs(3600)).start()?;
    /// network.vote(Duration::from_secs(60))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if this takes longer
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
        let why = format!("{nickname:?} is not one of {}", known.join(", "));
        ArgumentError::invalid("TestNetwork", "nickname", why).into()
    }
}

/// Faults of a single node.
impl Node {
    /// Suspends the process (SIGSTOP) until [`resume`](Self::resume) is called,
    /// like a machine that hangs. The operating system continues to accept
    /// connections to the node's ports. Calls on its
    /// [`controller`](Self::controller) time out.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    /// use std::time::Duration;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// for relay in network.relays() {
    ///     relay.pause()?;
    /// }
    /// let client = network.tor().client()?.timeout(Duration::from_secs(5));
    /// assert!(client.connect(("www.scape.test", 80)).is_err()); // no exit answers
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the signal can't be sent, or the platform doesn't have it.
    pub fn pause(&self) -> Result<()> {
        self.process().pause()?;
        self.set_paused(true);
        Ok(())
    }

    /// Resumes a paused process (SIGCONT). Does nothing if the process isn't
    /// paused.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    /// use std::time::Duration;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// let relay0 = network.node("relay0").ok_or("there is no relay0")?;
    /// relay0.pause()?;
    /// std::thread::sleep(Duration::from_secs(5)); // circuits through relay0 stall
    /// relay0.resume()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the signal can't be sent.
    pub fn resume(&self) -> Result<()> {
        if self.set_paused(false)
            && let Err(error) = self.process().resume()
        {
            self.set_paused(true);
            return Err(error);
        }
        Ok(())
    }

    /// Ends the process with SIGTERM, like an operator does, and waits until it
    /// has ended. The node's files are kept for [`TestNetwork::restart`]. Does
    /// nothing if `stop` or [`kill`](Self::kill) has already ended the process.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// for relay in network.relays() {
    ///     relay.stop()?;
    ///     assert!(!relay.process().is_running());
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The kind of the error is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the process had to
    /// be killed, and [`ErrorKind::Launch`](crate::ErrorKind::Launch) if it had
    /// already crashed. In both cases, the process has ended. The kind is
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the process can't be
    /// signalled or its files can't be removed.
    pub fn stop(&self) -> Result<()> {
        self.resume()?;
        self.process().end()
    }

    /// Kills the process (SIGKILL), to simulate a crash. The node's files are
    /// kept for [`TestNetwork::restart`]. Does nothing if the process has
    /// ended.
    ///
    /// ```no_run
    /// use scape::testing::{Role, TestNetwork};
    ///
    /// let network = TestNetwork::builder().start()?;
    /// for authority in network.nodes().iter().filter(|node| node.role() == Role::Authority) {
    ///     authority.kill()?; // no further consensus is made
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the signal can't be sent.
    pub fn kill(&self) -> Result<()> {
        self.process().kill()?;
        match self.process().end() {
            // The error reports that the signal has ended the process.
            Err(error) if error.is::<LaunchError>() => Ok(()),
            ended => ended,
        }
    }
}
