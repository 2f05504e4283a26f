//! Building, extending and closing circuits.

use std::time::Duration;

use super::Controller;
use crate::control::CircuitError;
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::connection::Subscription;
use crate::io::transport::Deadline;
use scape_proto::control::{ArgumentError, ArgumentProblem, Command, Reply, Words};
use scape_proto::event::{CircuitInfo, CircuitPurpose, CircuitStatus, EventBody, EventKind};
use scape_proto::word::CircuitId;

/// The EXTENDCIRCUIT command for a new circuit: its relays and its purpose.
/// Give the command to [`Controller::build_circuit`] or
/// [`Controller::launch_circuit`].
///
/// ```no_run
/// use scape::control::ExtendCircuit;
/// use std::time::Duration;
///
/// let controller = scape::connect()?;
/// let command = ExtendCircuit::new().path(["moria1", "dizum", "bastet"]);
/// let circuit = controller.build_circuit(&command, Duration::from_secs(60))?;
/// println!("circuit {} is built", circuit.id);
/// # Ok::<(), scape::Error>(())
/// ```
///
/// Let tor choose the relays unless there is a reason not to. Circuits with
/// relays that are chosen by hand differ from those of other users, and may
/// reveal who uses them.
///
/// [`CircuitBuilder`](crate::CircuitBuilder) does more: it repeats failed
/// attempts, chooses relays by rules, and returns circuits of the live
/// [`State`](crate::State).
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is sent before the command is given to build_circuit() or launch_circuit()"]
pub struct ExtendCircuit {
    path: Vec<String>,
    purpose: Option<CircuitPurpose>,
}

impl ExtendCircuit {
    /// Creates the command for a circuit for general use. tor chooses the
    /// relays.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("EXTENDCIRCUIT 0", "250 EXTENDED 7\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::ExtendCircuit;
    ///
    /// let id = controller.launch_circuit(&ExtendCircuit::new())?;
    /// println!("tor is building circuit {id}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the relays, in order. Each is a fingerprint, with or without `$`,
    /// or a nickname. Any type whose text has this form is accepted: strings,
    /// [`Fingerprint`](crate::word::Fingerprint),
    /// [`RelayName`](crate::word::RelayName).
    ///
    /// ```
    /// use scape::control::ExtendCircuit;
    /// use scape::word::Fingerprint;
    ///
    /// let guard: Fingerprint = "9695DFC35FFEB861329B9F1AB04C46397020CE31".parse()?;
    /// let circuit = ExtendCircuit::new().path([guard.to_string(), "dizum".to_owned()]);
    /// # let _ = circuit;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn path<R: ToString>(mut self, relays: impl IntoIterator<Item = R>) -> Self {
        self.path = relays.into_iter().map(|relay| relay.to_string()).collect();
        self
    }

    /// Sets the purpose: [`CircuitPurpose::General`] (default) or
    /// [`CircuitPurpose::Controller`]. tor itself doesn't use a circuit with
    /// the purpose `Controller`.
    ///
    /// With the purpose `Controller`, the [`path`](Self::path) must be set. tor
    /// 0.4.9 chooses the relays only for `General` circuits. It refuses a
    /// `Controller` circuit without a path (551).
    ///
    /// ```
    /// use scape::control::ExtendCircuit;
    /// use scape::event::CircuitPurpose;
    ///
    /// let circuit = ExtendCircuit::new()
    ///     .path(["moria1", "dizum", "bastet"])
    ///     .purpose(CircuitPurpose::Controller);
    /// # let _ = circuit;
    /// ```
    pub fn purpose(mut self, purpose: CircuitPurpose) -> Self {
        self.purpose = Some(purpose);
        self
    }
}

/// Circuits. See control-spec, commands EXTENDCIRCUIT, SETCIRCUITPURPOSE and
/// CLOSECIRCUIT, GETINFO `circuit-status`.
impl Controller {
    /// Returns the circuits that tor has now (`GETINFO circuit-status`).
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
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](Self::get_info), most often a closed
    /// connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if a line can't be
    /// parsed.
    #[doc(alias = "get_circuits")]
    #[doc(alias = "get_circuit")]
    pub fn circuits(&self) -> Result<Vec<CircuitInfo>> {
        self.read_lines("circuit-status", CircuitInfo::parse)
    }

    /// Starts building a new circuit and returns its id. The circuit isn't
    /// built yet when this method returns.
    /// [`build_circuit`](Self::build_circuit) also waits until the circuit is
    /// built.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("EXTENDCIRCUIT 0 moria1,dizum,bastet", "250 EXTENDED 7\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::ExtendCircuit;
    /// use scape::word::CircuitId;
    ///
    /// let circuit = ExtendCircuit::new().path(["moria1", "dizum", "bastet"]);
    /// assert_eq!(controller.launch_circuit(&circuit)?, CircuitId::new(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor doesn't know a
    /// relay or has no descriptor of it (552), or can't start the circuit
    /// (551). The kind is [`ErrorKind::Argument`](crate::ErrorKind::Argument)
    /// if the path contains an invalid name.
    ///
    /// The kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor
    /// doesn't answer within the handle's [timeout](Self::with_timeout). If tor
    /// answers later, the circuit is closed.
    #[doc(alias = "new_circuit")]
    pub fn launch_circuit(&self, circuit: &ExtendCircuit) -> Result<CircuitId> {
        self.launched(extend(CircuitId::new(0), circuit)?)
    }

    /// Starts extending an existing circuit by more relays, and returns the
    /// circuit's id. The circuit isn't extended yet when this method returns.
    /// tor sends a CIRC event for each added relay.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("EXTENDCIRCUIT 7 dizum,bastet", "250 EXTENDED 7\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::CircuitId;
    ///
    /// controller.extend_circuit(CircuitId::new(7), ["dizum", "bastet"])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if the circuit
    /// is gone, or if tor doesn't know a relay or has no descriptor of it. If
    /// the circuit is gone,
    /// [`is_unknown_circuit`](crate::control::Refusal::is_unknown_circuit) is
    /// true. The kind is [`ErrorKind::Argument`](crate::ErrorKind::Argument) if
    /// there are no relays, if a name is invalid, or if the id is 0.
    pub fn extend_circuit<R: ToString>(
        &self,
        id: CircuitId,
        relays: impl IntoIterator<Item = R>,
    ) -> Result<CircuitId> {
        let circuit = ExtendCircuit::new().path(relays);
        if circuit.path.is_empty() {
            return Err(ArgumentError::new("EXTENDCIRCUIT", "path", ArgumentProblem::Empty).into());
        }
        if id.get() == 0 {
            let why = "is 0, which stands for a new circuit: build_circuit makes one";
            return Err(ArgumentError::invalid("EXTENDCIRCUIT", "circuit", why).into());
        }
        self.extended(extend(id, &circuit)?)
    }

    /// Builds a new circuit and waits until it can carry streams (status
    /// `BUILT`).
    ///
    /// The whole call takes at most `timeout`, however many events arrive. tor
    /// itself gives up after about a minute. A circuit that isn't built in time
    /// is closed: CLOSECIRCUIT is sent, but its reply isn't waited for.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("EXTENDCIRCUIT 0 moria1,dizum", concat!("250 EXTENDED 7\r\n",
    /// #     "650 CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1,",
    /// #     "$7EA6EAD6FD83083C538F44038BBFA077587DD755~dizum PURPOSE=GENERAL\r\n")).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::ExtendCircuit;
    /// use std::time::Duration;
    ///
    /// let command = ExtendCircuit::new().path(["moria1", "dizum"]);
    /// let circuit = controller.build_circuit(&command, Duration::from_secs(60))?;
    /// assert_eq!(circuit.path.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`CircuitError`] (kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)) if the circuit fails
    /// or is closed. The [`CircuitError`] contains the reasons. The kind is
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// know a relay or has no descriptor of it, and
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the circuit isn't
    /// built in time. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends,
    /// even if it is opened again.
    #[doc(alias = "new_circuit")]
    #[doc(alias = "build_timeout_circuit")]
    pub fn build_circuit(&self, circuit: &ExtendCircuit, timeout: Duration) -> Result<CircuitInfo> {
        let deadline = self.deadline_after(timeout);
        let command = extend(CircuitId::new(0), circuit)?;
        let tor = self.on_this_link()?.until(deadline);
        let begun = tor
            .subscribe([EventKind::Circ])
            .and_then(|events| Ok((tor.launched(command)?, events)))
            .map_err(|error| deadline.or_late(error, Phase::Circuit));
        let (id, events) = begun?;
        let built = wait_built_on(&events, id, deadline);
        if built.as_ref().is_err_and(Error::is_unanswered) {
            // The caller doesn't get the circuit's id, so nobody else would
            // close it.
            tor.begin_to_close_circuit(id);
        }
        built
    }

    /// Waits until a circuit can carry streams, for at most `timeout`, however
    /// many events arrive.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::CircuitId;
    /// use std::time::Duration;
    ///
    /// let circuit = controller.wait_built(CircuitId::new(7), Duration::from_secs(60))?;
    /// println!("{circuit}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`CircuitError`] (kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)) if the circuit fails,
    /// is closed, or doesn't exist. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it isn't built in
    /// time, and [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the
    /// connection ends, even if it is opened again.
    pub fn wait_built(&self, id: CircuitId, timeout: Duration) -> Result<CircuitInfo> {
        let deadline = self.deadline_after(timeout);
        let tor = self.on_this_link()?.until(deadline);
        let events = tor.subscribe([EventKind::Circ])?;
        match tor.circuits()?.into_iter().find(|circuit| circuit.id == id) {
            Some(circuit) if circuit.status == CircuitStatus::Built => return Ok(circuit),
            Some(_) => {}
            // The circuit has ended. If it ended a moment ago, the queue has
            // the event that says why.
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

    /// Sets the purpose of a circuit. tor itself uses circuits with the purpose
    /// [`CircuitPurpose::General`], and leaves those with the purpose
    /// [`CircuitPurpose::Controller`] to controllers. tor sends a CIRC_MINOR
    /// event for the change.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SETCIRCUITPURPOSE 7 purpose=controller", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::CircuitPurpose;
    /// use scape::word::CircuitId;
    ///
    /// controller.set_circuit_purpose(CircuitId::new(7), CircuitPurpose::Controller)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if the circuit
    /// is gone, or if the purpose is neither `General` nor `Controller`. If the
    /// circuit is gone,
    /// [`is_unknown_circuit`](crate::control::Refusal::is_unknown_circuit) is
    /// true.
    #[doc(alias = "repurpose_circuit")]
    pub fn set_circuit_purpose(&self, id: CircuitId, purpose: CircuitPurpose) -> Result<()> {
        let mut command = Command::build("SETCIRCUITPURPOSE");
        // CIRC events write the purpose in upper case, but the command takes it
        // in lower case.
        command
            .word("circuit", &id.to_string())
            .pair("purpose", &purpose.as_str().to_ascii_lowercase());
        self.request(command.finish()?).map(drop)
    }

    /// Closes a circuit, even if it carries streams. See control-spec, command
    /// CLOSECIRCUIT.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("CLOSECIRCUIT 7", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::CircuitId;
    ///
    /// controller.close_circuit(CircuitId::new(7))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if the circuit is gone
    /// already. [`is_unknown`](crate::control::Refusal::is_unknown) is true for
    /// this refusal.
    pub fn close_circuit(&self, id: CircuitId) -> Result<()> {
        self.request(Command::build("CLOSECIRCUIT").word("circuit", &id.to_string()).finish()?)
            .map(drop)
    }

    /// Closes a circuit unless it carries streams. tor's answer doesn't say
    /// whether it closed the circuit.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("CLOSECIRCUIT 7 IfUnused", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::CircuitId;
    ///
    /// controller.close_circuit_if_unused(CircuitId::new(7))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`close_circuit`](Self::close_circuit), most often a
    /// circuit that is gone already.
    pub fn close_circuit_if_unused(&self, id: CircuitId) -> Result<()> {
        let mut command = Command::build("CLOSECIRCUIT");
        self.request(command.word("circuit", &id.to_string()).word("flag", "IfUnused").finish()?)
            .map(drop)
    }

    /// Sends `command`, an EXTENDCIRCUIT for an existing circuit, and returns
    /// the circuit's id.
    fn extended(&self, command: Command) -> Result<CircuitId> {
        circuit_id(&self.request(command)?)
    }

    /// Sends EXTENDCIRCUIT for a new circuit and returns the circuit's id. If
    /// tor's answer arrives after the deadline, the new circuit is closed.
    fn launched(&self, command: Command) -> Result<CircuitId> {
        circuit_id(&self.request_or_undo(command, |tor, reply| {
            if let Ok(id) = circuit_id(reply) {
                tor.begin_to_close_circuit(id);
            }
        })?)
    }

    /// Tells tor to close a circuit, and doesn't wait for the reply. The
    /// circuit may be gone already.
    pub(crate) fn begin_to_close_circuit(&self, id: CircuitId) {
        let command = Command::build("CLOSECIRCUIT").word("circuit", &id.to_string()).finish();
        let sent = command.map_err(Error::from).and_then(|command| self.undoing().send(command));
        if let Err(error) = sent {
            log::debug!(target: "scape::connection", "circuit {id} could not be closed: {error}");
        }
    }
}

/// Returns the circuit's id from tor's reply to EXTENDCIRCUIT.
fn circuit_id(reply: &Reply) -> Result<CircuitId> {
    let mut words = Words::new(reply.first().text);
    match (&*words.next_text(), words.next_value().parse()) {
        ("EXTENDED", Some(id)) => Ok(id),
        _ => Err(Error::answer("EXTENDCIRCUIT", reply.to_string())),
    }
}

/// Waits until an event reports that the circuit is built, and returns the
/// circuit. Returns a [`CircuitError`] if an event reports that the circuit has
/// ended.
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

/// Returns the EXTENDCIRCUIT command for the circuit `id`, or for a new circuit
/// if `id` is 0. Returns an error if an argument is invalid.
fn extend(id: CircuitId, circuit: &ExtendCircuit) -> Result<Command> {
    let mut command = Command::build("EXTENDCIRCUIT");
    command.word("circuit", &id.to_string());
    for relay in &circuit.path {
        // Relays are checked one by one, because a comma would turn one name
        // into two.
        if relay.is_empty() || relay.contains(',') {
            let why = format!("holds {relay:?}, which is no relay");
            command.fail(ArgumentError::invalid("EXTENDCIRCUIT", "path", why));
        }
    }
    if !circuit.path.is_empty() {
        command.word("path", &circuit.path.join(","));
    }
    if let Some(purpose) = &circuit.purpose {
        // CIRC events write the purpose in upper case, but the command takes it
        // in lower case.
        command.pair("purpose", &purpose.as_str().to_ascii_lowercase());
    }
    Ok(command.finish()?)
}
