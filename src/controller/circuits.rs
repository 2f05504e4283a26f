//! Circuits.

use std::time::Duration;

use super::Controller;
use crate::connection::Subscription;
use crate::controller::CircuitError;
use crate::error::{Error, Phase, Result, Timeout};
use crate::event::{CircuitInfo, CircuitPurpose, CircuitStatus, EventBody, EventKind};
use crate::protocol::{ArgumentError, ArgumentProblem, Command, Reply, Words};
use crate::transport::Deadline;
use crate::word::CircuitId;

/// How long a circuit may take, unless told otherwise. (tor itself gives up
/// after about a minute.)
const BUILD_TIMEOUT: Duration = Duration::from_secs(60);

/// A circuit to be built, or extended.
///
/// ```no_run
/// use scape::BuildCircuit;
///
/// let controller = scape::connect()?;
/// let circuit = controller.build_circuit(&BuildCircuit::new().path(["moria1", "dizum", "bastet"]))?;
/// println!("circuit {} is built", circuit.id);
/// # Ok::<(), scape::Error>(())
/// ```
///
/// Whoever chooses relays by hand chooses worse than tor: such circuits can be
/// told from others, and may reveal who uses them.
#[derive(Debug, Clone)]
pub struct BuildCircuit {
    path: Vec<String>,
    purpose: Option<CircuitPurpose>,
    timeout: Duration,
}

impl Default for BuildCircuit {
    fn default() -> Self {
        BuildCircuit { path: Vec::new(), purpose: None, timeout: BUILD_TIMEOUT }
    }
}

impl BuildCircuit {
    /// A circuit whose relays tor chooses, for general use.
    pub fn new() -> Self {
        Self::default()
    }

    /// The relays, in order: fingerprints, with or without `$`, or nicknames.
    /// Anything that can be shown as such will do: strings,
    /// [`Fingerprint`](crate::word::Fingerprint),
    /// [`RelayName`](crate::word::RelayName).
    pub fn path<R: ToString>(mut self, relays: impl IntoIterator<Item = R>) -> Self {
        self.path = relays.into_iter().map(|relay| relay.to_string()).collect();
        self
    }

    /// [`CircuitPurpose::General`] (default), or
    /// [`CircuitPurpose::Controller`]: a circuit that tor itself does not use,
    /// and whose relays must be given (where it should choose them, tor 0.4.9
    /// refuses any purpose but `General`, with 551).
    pub fn purpose(mut self, purpose: CircuitPurpose) -> Self {
        self.purpose = Some(purpose);
        self
    }

    /// How long building may take.
    pub(crate) fn build_timeout(&self) -> Duration {
        self.timeout
    }

    /// Sets how long [`Controller::build_circuit`] may take, commands included.
    /// Default: 60 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Circuits. control-spec, commands EXTENDCIRCUIT, SETCIRCUITPURPOSE and
/// CLOSECIRCUIT, GETINFO `circuit-status`.
impl Controller {
    /// The circuits that tor has now.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("GETINFO circuit-status", concat!(
    /// #     "250-circuit-status=7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n",
    /// #     "250 OK\r\n")).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// for circuit in controller.circuits()? {
    ///     println!("{circuit}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn circuits(&self) -> Result<Vec<CircuitInfo>> {
        self.read_lines("circuit-status", CircuitInfo::parse)
    }

    /// Begins a new circuit. When this returns tor has given it an id; it is
    /// not built yet. [`build_circuit`](Self::build_circuit) also waits for
    /// that.
    pub fn launch_circuit(&self, circuit: &BuildCircuit) -> Result<CircuitId> {
        self.launched(extend(CircuitId::new(0), circuit)?)
    }

    /// Begins to extend an existing circuit by more relays. When this returns
    /// tor has begun; the hops are not there yet.
    pub fn extend_circuit<R: ToString>(
        &self,
        id: CircuitId,
        relays: impl IntoIterator<Item = R>,
    ) -> Result<CircuitId> {
        let circuit = BuildCircuit::new().path(relays);
        if circuit.path.is_empty() {
            return Err(ArgumentError::new("EXTENDCIRCUIT", "path", ArgumentProblem::Empty).into());
        }
        if id.get() == 0 {
            let why = "is 0, which stands for a new circuit: build_circuit makes one";
            return Err(ArgumentError::invalid("EXTENDCIRCUIT", "circuit", why).into());
        }
        self.extended(extend(id, &circuit)?)
    }

    /// Builds a new circuit and waits until it can carry streams.
    ///
    /// The whole call takes at most [`BuildCircuit::timeout`], however many
    /// events come. A circuit that isn't built by then is closed: CLOSECIRCUIT
    /// is sent, but its reply isn't waited for.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`CircuitError`] (kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)), which has the
    /// reasons, if the circuit fails or is closed. The kind is
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// know a relay or has no descriptor of it,
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the circuit isn't
    /// built in time, and [`ErrorKind::Closed`](crate::ErrorKind::Closed) if
    /// the connection ends, even if it is made again.
    pub fn build_circuit(&self, circuit: &BuildCircuit) -> Result<CircuitInfo> {
        let deadline = self.deadline_after(circuit.timeout);
        let command = extend(CircuitId::new(0), circuit)?;
        let tor = self.on_this_link()?.until(deadline);
        let begun = tor
            .subscribe([EventKind::Circ])
            .and_then(|events| Ok((tor.launched(command)?, events)))
            .map_err(|error| deadline.or_late(error, Phase::Circuit));
        let (id, events) = begun?;
        let built = wait_built_on(&events, id, deadline);
        if built.as_ref().is_err_and(Error::is_unanswered) {
            // Nobody knows its id any more.
            tor.begin_to_close_circuit(id);
        }
        built
    }

    /// Waits until a circuit can carry streams, for at most `timeout`, however
    /// many events come.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`CircuitError`] (kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)) if the circuit fails,
    /// is closed, or doesn't exist. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it isn't built in
    /// time, and [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the
    /// connection ends, even if it is made again.
    pub fn wait_built(&self, id: CircuitId, timeout: Duration) -> Result<CircuitInfo> {
        let deadline = self.deadline_after(timeout);
        let tor = self.on_this_link()?.until(deadline);
        let events = tor.subscribe([EventKind::Circ])?;
        match tor.circuits()?.into_iter().find(|circuit| circuit.id == id) {
            Some(circuit) if circuit.status == CircuitStatus::Built => return Ok(circuit),
            Some(_) => {}
            // It has ended: before now, or so lately that the queue tells why.
            None => {
                let ended = wait_built_on(&events, id, Deadline::after(Duration::ZERO));
                return ended.map_err(|error| match error.is::<Timeout>() {
                    true => CircuitError::unknown(id).into(),
                    false => error,
                });
            }
        }
        wait_built_on(&events, id, deadline)
    }

    /// Makes a circuit one that tor itself uses ([`CircuitPurpose::General`]),
    /// or leaves to controllers ([`CircuitPurpose::Controller`]). A CIRC_MINOR
    /// event tells.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if the circuit
    /// is gone, for which
    /// [`is_unknown_circuit`](crate::protocol::Refusal::is_unknown_circuit) is
    /// true, or if the purpose is neither of these two.
    pub fn set_circuit_purpose(&self, id: CircuitId, purpose: CircuitPurpose) -> Result<()> {
        let mut command = Command::build("SETCIRCUITPURPOSE");
        // As for EXTENDCIRCUIT.
        command
            .word("circuit", &id.to_string())
            .pair("purpose", &purpose.as_str().to_ascii_lowercase());
        self.request(command.finish()?).map(drop)
    }

    /// Closes a circuit, in use or not. control-spec, command CLOSECIRCUIT.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if the circuit is gone
    /// already, for which [`is_unknown`](crate::protocol::Refusal::is_unknown)
    /// is true.
    pub fn close_circuit(&self, id: CircuitId) -> Result<()> {
        self.request(Command::build("CLOSECIRCUIT").word("circuit", &id.to_string()).finish()?)
            .map(drop)
    }

    /// Closes a circuit unless it carries streams; tor does not tell whether it
    /// did.
    pub fn close_circuit_if_unused(&self, id: CircuitId) -> Result<()> {
        let mut command = Command::build("CLOSECIRCUIT");
        self.request(command.word("circuit", &id.to_string()).word("flag", "IfUnused").finish()?)
            .map(drop)
    }

    /// Sends EXTENDCIRCUIT for an existing circuit.
    fn extended(&self, command: Command) -> Result<CircuitId> {
        circuit_id(&self.request(command)?)
    }

    /// Sends EXTENDCIRCUIT for a new circuit. A circuit whose id tor tells too
    /// late is closed when it does.
    fn launched(&self, command: Command) -> Result<CircuitId> {
        circuit_id(&self.request_or_undo(command, |tor, reply| {
            if let Ok(id) = circuit_id(reply) {
                tor.begin_to_close_circuit(id);
            }
        })?)
    }

    /// Tells tor to close a circuit without waiting for its reply. The circuit
    /// may be gone already.
    pub(crate) fn begin_to_close_circuit(&self, id: CircuitId) {
        let command = Command::build("CLOSECIRCUIT").word("circuit", &id.to_string()).finish();
        let sent = command.map_err(Error::from).and_then(|command| self.undoing().send(command));
        if let Err(error) = sent {
            log::debug!(target: "scape::connection", "circuit {id} could not be closed: {error}");
        }
    }
}

/// The circuit's id in tor's reply to EXTENDCIRCUIT.
fn circuit_id(reply: &Reply) -> Result<CircuitId> {
    let mut words = Words::new(reply.first().text);
    match (&*words.next_text(), words.next_value().parse()) {
        ("EXTENDED", Some(id)) => Ok(id),
        _ => Err(Error::answer("EXTENDCIRCUIT", reply.to_string())),
    }
}

/// Waits until the events tell that a circuit is built or has ended.
fn wait_built_on(events: &Subscription, id: CircuitId, deadline: Deadline) -> Result<CircuitInfo> {
    let mut events = events.wait(deadline, Phase::Circuit);
    loop {
        let event = events.next()?;
        let EventBody::Circ(circuit) = event.body() else { continue };
        if circuit.id != id {
            continue;
        }
        if circuit.status == CircuitStatus::Built {
            return Ok(circuit.clone());
        }
        if circuit.status.is_end() {
            return Err(CircuitError {
                id,
                status: circuit.status.clone(),
                reason: circuit.reason.clone(),
                remote_reason: circuit.remote_reason.clone(),
                path: circuit.path.clone(),
            }
            .into());
        }
    }
}

/// EXTENDCIRCUIT, checked before anything is sent.
fn extend(id: CircuitId, circuit: &BuildCircuit) -> Result<Command> {
    let mut command = Command::build("EXTENDCIRCUIT");
    command.word("circuit", &id.to_string());
    for relay in &circuit.path {
        // Checked one by one: a comma would make two of one.
        if relay.is_empty() || relay.contains(',') {
            let why = format!("holds {relay:?}, which is no relay");
            command.fail(ArgumentError::invalid("EXTENDCIRCUIT", "path", why));
        }
    }
    if !circuit.path.is_empty() {
        command.word("path", &circuit.path.join(","));
    }
    if let Some(purpose) = &circuit.purpose {
        // CIRC events write it in upper case, the command wants it in lower
        // case.
        command.pair("purpose", &purpose.as_str().to_ascii_lowercase());
    }
    Ok(command.finish()?)
}
