//! Starts nodes in parallel, and waits for them.

use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::bridge::Bridge;
use super::node::{Node, Role, not_started};
use super::panicked::panicked;
use super::stop_all;
use crate::control::{Controller, ExtendCircuit};
use crate::error::{Error, Phase, Result};
use crate::io::cancel::{CancelToken, OnCancel};
use crate::io::connection::Closed;
use crate::io::transport::Deadline;
use crate::process::{Launch, LaunchError, LaunchProblem, telling};
use scape_proto::control::Refusal;
use scape_proto::event::Bootstrap;
use scape_proto::word::Fingerprint;

/// The time between two checks of ports or results.
const POLL: Duration = Duration::from_millis(20);

/// The time limit for each attempt to connect to a port of this machine.
const CONNECT_FOR: Duration = Duration::from_millis(500);

/// The time limit for one attempt to build the first circuit. Usually, an
/// attempt takes half a second, or a few seconds on a busy machine.
const CIRCUIT_FOR: Duration = Duration::from_secs(10);

/// The number of log lines of each node in an error.
const LINES_EACH: usize = 5;

/// The time limit for asking a client about its progress after a failure.
const LAST_QUESTION: Duration = Duration::from_secs(1);

/// The pause between two attempts to build the first circuit.
const CIRCUIT_PAUSE: Duration = Duration::from_millis(200);

/// The time limit for building a circuit with the first consensus. After this
/// time, that consensus is considered useless, and the authorities have to
/// vote.
const SEED_FOR: Duration = Duration::from_secs(15);

/// A node that hasn't been started.
pub(super) struct NodeToStart {
    pub(super) nickname: String,
    pub(super) role: Role,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) bridge: Option<Bridge>,
    pub(super) launch: Launch,
    /// The launch of the node's next process, for a restart. That process need
    /// not wait for other nodes.
    pub(super) again: Launch,
}

/// A task for a node that has just started.
pub(super) type Task = fn(&Controller) -> Result<()>;

/// Starts a node, waits until it answers on its control port, and does `task`.
fn start_node(
    node: NodeToStart,
    task: Option<Task>,
    cancel: &CancelToken,
    deadline: Deadline,
) -> Result<Node> {
    let NodeToStart { nickname, role, fingerprint, bridge, launch, again } = node;
    let process = match launch.cancel_with(cancel).timeout(deadline.left()).start() {
        Ok(process) => process,
        Err(error) => return Err(not_started(&nickname, error, deadline)),
    };
    let node = Node::new(nickname, role, fingerprint, bridge, process, again);
    match task.map_or(Ok(()), |task| task(&node.until(deadline))) {
        Ok(()) => Ok(node),
        Err(error) => Err(failure(vec![node], error, deadline.timeout())),
    }
}

/// Makes a relay build its descriptor and upload it to the authorities now,
/// instead of one second after its start. The authorities must accept
/// connections.
///
/// A relay builds its descriptor in one of tor's periodic events. These begin
/// one second after the start, or when a controller sets an option. This
/// function resets `__OwningControllerProcess`, which changes nothing: the
/// nodes are owned by a file descriptor, so this option has no value.
pub(super) fn publish_now(relay: &Controller) -> Result<()> {
    match relay.reset_conf(["__OwningControllerProcess"]) {
        // The node's options may make tor refuse every change. Then the relay
        // publishes at its own time.
        Err(error) if error.is::<Refusal>() => {
            log::debug!(target: "scape::testing", "a relay publishes one second later: {error}");
            Ok(())
        }
        done => done,
    }
}

/// Nodes that are started in parallel. Dropping this value ends the nodes that
/// run.
pub(super) struct Starting<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    /// Nodes that haven't been started.
    waiting: Vec<Option<NodeToStart>>,
    started: Vec<Option<Node>>,
    sender: Option<Sender<(usize, Result<Node>)>>,
    results: Receiver<(usize, Result<Node>)>,
    /// The token that cancels the launches after a failure, and when the whole
    /// start is cancelled.
    cancel: CancelToken,
    _on_cancel: Option<OnCancel>,
    deadline: Deadline,
}

impl<'scope, 'env> Starting<'scope, 'env> {
    /// Creates a `Starting` from nodes that haven't been started.
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        nodes: Vec<NodeToStart>,
        deadline: Deadline,
    ) -> Self {
        let (sender, results) = unbounded();
        let started = nodes.iter().map(|_| None).collect();
        let waiting = nodes.into_iter().map(Some).collect();
        let (sender, cancel) = (Some(sender), CancelToken::new());
        let launches = cancel.clone();
        let on_cancel = deadline.token().map(|token| token.on_cancel(move || launches.cancel()));
        Starting {
            scope,
            waiting,
            started,
            sender,
            results,
            cancel,
            _on_cancel: on_cancel,
            deadline,
        }
    }

    /// Begins to start the chosen nodes, each on a thread of its own. When a
    /// node has started, the thread does `task`. Returns the indexes of the
    /// nodes.
    pub(super) fn begin(
        &mut self,
        task: Option<Task>,
        is_chosen: impl Fn(Role) -> bool,
    ) -> Vec<usize> {
        let mut begun = Vec::new();
        for (index, place) in self.waiting.iter_mut().enumerate() {
            let Some(node) = place.take_if(|node| is_chosen(node.role)) else { continue };
            let Some(sender) = self.sender.clone() else { continue };
            let (cancel, deadline) = (self.cancel.clone(), self.deadline);
            begun.push(index);
            let not_begun = sender.clone();
            let spawned = thread::Builder::new().spawn_scoped(self.scope, move || {
                // Without a result, the start would wait until its deadline.
                let start = AssertUnwindSafe(|| start_node(node, task, &cancel, deadline));
                let result = catch_unwind(start).unwrap_or_else(|_| Err(panicked()));
                // Sending fails after another node's failure, because the
                // receiver is gone then.
                let _ = sender.send((index, result));
            });
            if let Err(error) = spawned {
                let error = Error::io("start a thread that starts a node", error);
                let _ = not_begun.send((index, Err(error)));
            }
        }
        begun
    }

    /// Returns the deadline of the whole start.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Takes the results that have arrived, without waiting. Returns the error
    /// of the first node that failed.
    fn look(&mut self) -> Result<()> {
        while let Ok(result) = self.results.try_recv() {
            self.take(result)?;
        }
        Ok(())
    }

    fn take(&mut self, (index, result): (usize, Result<Node>)) -> Result<()> {
        self.started[index] = Some(result?);
        Ok(())
    }

    /// Waits for the next result: a node that runs, or the error of a launch. A
    /// cancellation ends the launches, so it ends this wait, too.
    fn take_next(&mut self) -> Result<()> {
        match self.results.recv_deadline(self.deadline.instant()) {
            Ok(result) => self.take(result),
            Err(error) if error.is_timeout() => Err(self.deadline.error(Phase::Connect)),
            Err(_) => Err(panicked()),
        }
    }

    /// Waits until every address accepts connections.
    pub(super) fn wait_listening(&mut self, addresses: &[SocketAddr]) -> Result<()> {
        for address in addresses {
            while TcpStream::connect_timeout(address, CONNECT_FOR).is_err() {
                self.look()?;
                if self.deadline.has_passed() {
                    return Err(self.deadline.error(Phase::Connect));
                }
                thread::sleep(POLL);
            }
        }
        Ok(())
    }

    /// Waits until the node with this index runs. Commands of the returned
    /// controller end at the deadline of the start.
    pub(super) fn wait_for(&mut self, index: usize) -> Result<Controller> {
        loop {
            if let Some(node) = &self.started[index] {
                return Ok(node.until(self.deadline));
            }
            self.take_next()?;
        }
    }

    /// Waits until the relay with this index accepts streams.
    pub(super) fn wait_for_policy(&mut self, index: usize) -> Result<()> {
        let controller = self.wait_for(index)?;
        wait_for_policy(&controller, self.deadline)
    }

    /// Waits until all nodes run.
    pub(super) fn wait_for_all(&mut self) -> Result<()> {
        while self.started.iter().any(Option::is_none) {
            self.take_next()?;
        }
        Ok(())
    }

    /// Returns the nodes if `outcome` is `Ok`. Otherwise ends them, and returns
    /// the error with their last log lines.
    pub(super) fn finish(mut self, outcome: Result<()>) -> Result<Vec<Node>> {
        match outcome {
            Ok(()) => Ok(self.started.drain(..).flatten().collect()),
            // The error already has the log of the node that didn't start.
            Err(error) if error.is::<LaunchError>() => Err(error),
            Err(error) => {
                let timeout = self.deadline.timeout();
                Err(failure(self.take_all(), error, timeout))
            }
        }
    }

    /// Cancels the starts that are in progress, and returns the nodes that run.
    fn take_all(&mut self) -> Vec<Node> {
        self.cancel.cancel();
        // Each thread sends one result, unless it panics. So the loop below
        // ends when all threads have ended.
        self.sender = None;
        let late: Vec<Node> = self.results.iter().filter_map(|(_, result)| result.ok()).collect();
        self.started.drain(..).flatten().chain(late).collect()
    }
}

impl Drop for Starting<'_, '_> {
    fn drop(&mut self) {
        if !self.started.is_empty() {
            // The error that led here is more important.
            let _ = stop_all(self.take_all());
        }
    }
}

/// Ends `nodes`. Returns `error` with the last log lines of every node. A
/// timeout shows the time limit `timeout`.
pub(super) fn failure(nodes: Vec<Node>, error: Error, timeout: Duration) -> Error {
    let mut log = Vec::new();
    for node in &nodes {
        let lines = node.process().log_tail();
        let last = telling(&lines, LINES_EACH);
        log.extend(last.map(|line| format!("{}: {line}", node.nickname())));
    }
    let client = nodes.iter().find(|node| node.role() == Role::Client);
    let progress = client.and_then(|client| {
        let client = client.until(Deadline::after(LAST_QUESTION));
        let phase = client.info().get_bytes("status/bootstrap-phase").ok()?;
        Some(Bootstrap::parse(&phase)?.progress)
    });
    let problem = match error {
        error if error.is_timeout() => LaunchProblem::Timeout { after: timeout, progress },
        error => LaunchProblem::Control(error),
    };
    let _ = stop_all(nodes);
    LaunchError::new(problem, log).into()
}

/// Waits until a relay knows its own exit policy. Until then, the relay refuses
/// all streams. A relay learns its policy when it builds its descriptor: see
/// [`publish_now`].
pub(super) fn wait_for_policy(relay: &Controller, deadline: Deadline) -> Result<()> {
    loop {
        match relay.get_info("exit-policy/ipv4") {
            Ok(_) => return Ok(()),
            Err(error) if !error.is::<Refusal>() => return Err(error),
            Err(_) if deadline.has_passed() => return Err(deadline.error(Phase::Bootstrap)),
            Err(_) => thread::sleep(POLL),
        }
    }
}

/// Enables the network of a client that has a consensus, and waits for its
/// first circuit. If there is no circuit after [`SEED_FOR`], calls `fell_back`
/// once. Circuits are then expected only after the authorities' vote.
pub(super) fn first_circuit(
    client: &Controller,
    deadline: Deadline,
    mut fell_back: impl FnMut(&Error),
) -> Result<()> {
    let begun = Instant::now();
    client.set_conf([("DisableNetwork", "0")])?;
    // The option is saved, so that RELOAD doesn't undo this.
    client.save_conf()?;
    let mut has_fallen_back = false;
    loop {
        let left = deadline.left();
        match client.build_circuit(&ExtendCircuit::new(), CIRCUIT_FOR.min(left)) {
            Ok(_) => return Ok(()),
            Err(error) if error.is::<Closed>() => return Err(error),
            Err(error) if left <= CIRCUIT_PAUSE => return Err(error),
            Err(error) => {
                log::debug!(target: "scape::testing", "no circuit yet: {error}");
                if begun.elapsed() >= SEED_FOR && !has_fallen_back {
                    has_fallen_back = true;
                    fell_back(&error);
                }
                thread::sleep(CIRCUIT_PAUSE);
            }
        }
    }
}
