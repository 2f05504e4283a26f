//! [`Circuit`]: a handle to a circuit in a live state.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::circuit_cell::CircuitCell;
use super::{Router, State, Stream};
use crate::control::CircuitError;
use crate::error::{Phase, Result};
use crate::io::transport::Deadline;
use scape_proto::control::Refusal;
use scape_proto::event::{CircuitInfo, CircuitPurpose, CircuitStatus, ConfluxId};
use scape_proto::word::{CircuitId, RelayName};

/// A handle to a circuit of tor. After the circuit has ended, the handle keeps
/// the last known information. Returned by methods of [`State`].
///
/// Handles are cheap to clone, and any number of threads can hold one. Each
/// method returns the current information; [`info`](Self::info) returns a
/// consistent snapshot. See the events CIRC and CIRC_MINOR in control-spec.
///
/// Two handles are equal if they refer to the same circuit.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .info("ns/all", "").info("address-mappings/all", "").info("entry-guards", "")
/// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL")
/// #     .info("stream-status", "12 SUCCEEDED 7 example.com:80")
/// #     .on_prefix("SETEVENTS", "250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// # let state = scape::State::new(&controller)?;
/// let circuit = state.circuits().remove(0);
/// println!("circuit {} goes over {} relays", circuit.id(), circuit.info().path.len());
/// // The handle stays valid when the circuit has ended.
/// assert!(!circuit.is_ended());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Circuit {
    cell: Arc<CircuitCell>,
    state: State,
}

impl Circuit {
    pub(super) fn new(cell: Arc<CircuitCell>, state: State) -> Self {
        Circuit { cell, state }
    }

    pub(super) fn cell(&self) -> &Arc<CircuitCell> {
        &self.cell
    }

    /// Returns the circuit's id. A restarted tor uses the same ids for other
    /// circuits.
    pub fn id(&self) -> CircuitId {
        self.cell.id()
    }

    /// Returns everything that is known about the circuit. After the circuit's
    /// end this includes the reasons and still includes the path.
    ///
    /// Some fields change without an event, so they may be older than in
    /// [`Controller::circuits`](crate::Controller::circuits). These fields are
    /// the round trip time of conflux, the proof of work, and the SOCKS user
    /// name and password that the circuit is isolated for. The status
    /// `GUARD_WAIT` is reported as `EXTENDED`.
    pub fn info(&self) -> Arc<CircuitInfo> {
        self.cell.info()
    }

    /// Returns the circuit's status.
    pub fn status(&self) -> CircuitStatus {
        self.cell.status()
    }

    /// Returns true if the circuit can carry streams.
    pub fn is_built(&self) -> bool {
        self.status() == CircuitStatus::Built
    }

    /// Returns true if the circuit has failed or was closed.
    pub fn is_ended(&self) -> bool {
        self.cell.is_ended()
    }

    /// Returns the circuit's relays, starting with the first hop. The path
    /// stays available after the circuit's end.
    pub fn path(&self) -> Vec<RelayName> {
        self.info().path.clone()
    }

    /// Returns the circuit's path as [`Router`] handles. For a relay that no
    /// consensus has listed, such as a bridge, most methods of [`Router`]
    /// return `None`. A relay that tor names without its fingerprint is left
    /// out.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\n")
    /// #     .info("circuit-status", "7 BUILT $256498816C85C6ABA4DF222205CF3FA091E63CCE~alice").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for circuit in state.circuits() {
    ///     for router in circuit.routers() {
    ///         println!("{router} at {:?}", router.or_address());
    ///     }
    /// }
    /// # assert_eq!(state.circuits()[0].routers().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn routers(&self) -> Vec<Router> {
        let info = self.info();
        info.path.iter().filter_map(|relay| Some(self.state.router(relay.fingerprint()?))).collect()
    }

    /// Returns the circuit's purpose, or `None` if tor hasn't reported it.
    pub fn purpose(&self) -> Option<CircuitPurpose> {
        self.info().purpose.clone()
    }

    /// Returns the time when the circuit was created, or when tor last changed
    /// the circuit's purpose. The time is by tor's clock. Returns `None` if tor
    /// hasn't reported the time.
    #[doc(alias = "time_created")]
    pub fn created(&self) -> Option<SystemTime> {
        self.info().created
    }

    /// Returns the time since [`created`](Self::created). Returns `None` if the
    /// creation time is unknown, and zero if tor's clock is ahead of this
    /// machine's.
    pub fn age(&self) -> Option<Duration> {
        let created = self.created()?;
        Some(SystemTime::now().duration_since(created).unwrap_or_default())
    }

    /// Returns the id that the legs of a conflux set share, or `None` if the
    /// circuit isn't in a conflux set.
    pub fn conflux_id(&self) -> Option<ConfluxId> {
        self.info().conflux_id
    }

    /// Returns the streams that the circuit carries now. For a conflux set, tor
    /// reports the streams on one leg only.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "4 SUCCEEDED 7 www.example.com:80")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for circuit in state.circuits() {
    ///     for stream in circuit.streams() {
    ///         assert_eq!(stream.circuit().as_ref(), Some(&circuit));
    ///     }
    /// }
    /// # assert_eq!(state.circuits()[0].streams().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn streams(&self) -> Vec<Stream> {
        let cells: Vec<_> = self.state.shared().model().streams.on(self.id()).cloned().collect();
        // If the circuit has ended, another circuit may have its id by now.
        if self.is_ended() {
            return Vec::new();
        }
        cells.into_iter().map(|cell| Stream::new(cell, self.state.clone())).collect()
    }

    /// Returns the state that the circuit belongs to.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Waits until the circuit can carry streams. Callbacks may call this
    /// method.
    ///
    /// ```no_run
    /// use scape::CircuitBuilder;
    /// use std::time::Duration;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// let circuit = CircuitBuilder::new().launch(&state)?;
    /// circuit.wait_built(Duration::from_secs(60))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`CircuitError`] (kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)) if the circuit fails,
    /// is closed, or has already ended. The [`CircuitError`] contains the
    /// reasons. The kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)
    /// if the circuit isn't built in time, and
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends
    /// and doesn't reconnect.
    #[doc(alias = "when_built")]
    pub fn wait_built(&self, timeout: Duration) -> Result<()> {
        self.wait_built_until(Deadline::after(timeout))
    }

    /// Waits like [`wait_built`](Self::wait_built), until `deadline`.
    pub(crate) fn wait_built_until(&self, deadline: Deadline) -> Result<()> {
        self.state.shared().wait(deadline, Phase::Circuit, || match self.status() {
            CircuitStatus::Built => Some(Ok(())),
            status if status.is_end() => Some(Err(self.error().into())),
            _ => None,
        })
    }

    /// Waits until the circuit has failed or was closed, and returns its last
    /// known information. Callbacks may call this method.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// for circuit in state.circuits() {
    ///     let info = circuit.wait_closed(Duration::from_secs(3600))?;
    ///     println!("{} has ended: {:?}", info.id, info.reason);
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the circuit isn't
    /// closed in time. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends
    /// and doesn't reconnect.
    #[doc(alias = "when_closed")]
    pub fn wait_closed(&self, timeout: Duration) -> Result<Arc<CircuitInfo>> {
        self.wait_closed_until(Deadline::after(timeout))
    }

    /// Waits like [`wait_closed`](Self::wait_closed), until `deadline`.
    pub(crate) fn wait_closed_until(&self, deadline: Deadline) -> Result<Arc<CircuitInfo>> {
        let ended = || Some(self.info()).filter(|info| info.status.is_end()).map(Ok);
        self.state.shared().wait(deadline, Phase::Circuit, ended)
    }

    /// Closes the circuit, even if it is in use, and waits until tor reports
    /// that it is closed. Returns false if the circuit had already ended. The
    /// call takes at most the controller's timeout.
    ///
    /// ```no_run
    /// let state = scape::Tor::connect()?.state()?;
    /// for circuit in state.circuits() {
    ///     circuit.close()?;
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as
    /// [`Controller::close_circuit`](crate::Controller::close_circuit) and
    /// [`wait_closed`](Self::wait_closed), most often of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout). It is no error if tor
    /// no longer knows the circuit.
    pub fn close(&self) -> Result<bool> {
        let Some(controller) = self.state.call_about(|| self.is_ended())? else { return Ok(false) };
        let was_there = match controller.close_circuit(self.id()) {
            Ok(()) => true,
            Err(error) if error.exact().is_some_and(Refusal::is_unknown) => false,
            Err(error) => return Err(error),
        };
        self.wait_closed_until(controller.deadline()).map(|_| was_there)
    }

    /// Closes the circuit unless it carries streams, and waits until tor
    /// reports that it is closed. Returns true if tor has closed the circuit.
    /// Returns false if the circuit carries streams, or had already ended:
    /// [`is_ended`](Self::is_ended) tells these cases apart. The call takes at
    /// most the controller's timeout.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let built = "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL";
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "").info("entry-guards", "")
    /// #     .info("circuit-status", built).on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on("CLOSECIRCUIT 7 IfUnused", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for circuit in state.circuits() {
    ///     if !circuit.close_if_unused()? {
    ///         println!("{circuit} is in use");
    ///     }
    /// }
    /// # assert_eq!(state.circuits().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`close`](Self::close), most often of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout).
    pub fn close_if_unused(&self) -> Result<bool> {
        let Some(controller) = self.state.call_about(|| self.is_ended())? else { return Ok(false) };
        let was_there = match controller.close_circuit_if_unused(self.id()) {
            Ok(()) => true,
            Err(error) if error.exact().is_some_and(Refusal::is_unknown) => false,
            Err(error) => return Err(error),
        };
        // tor's answer is the same if it left the circuit open. tor's list
        // doesn't contain circuits that are about to be closed.
        let is_open = controller.circuits()?.iter().any(|circuit| circuit.id == self.id());
        if is_open {
            return Ok(false);
        }
        self.wait_closed_until(controller.deadline()).map(|_| was_there)
    }

    /// Starts to extend the circuit by more relays. The call returns when tor
    /// has started; [`wait_built`](Self::wait_built) waits until the circuit is
    /// extended. Until then [`is_built`](Self::is_built) returns false. tor
    /// sends no event for the start of an extension, so an extension by another
    /// controller is noticed only when a hop has been added.
    ///
    /// Paths that tor didn't choose stand out, and may reveal who uses them.
    ///
    /// ```no_run
    /// use scape::CircuitBuilder;
    /// use std::time::Duration;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// let circuit = CircuitBuilder::new().build(&state)?;
    /// circuit.extend(["$9695DFC35FFEB861329B9F1AB04C46397020CE31"])?;
    /// circuit.wait_built(Duration::from_secs(60))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as
    /// [`Controller::extend_circuit`](crate::Controller::extend_circuit), most
    /// often of the kind [`ErrorKind::Refused`](crate::ErrorKind::Refused).
    /// Returns an error with a [`CircuitError`] if the circuit has already
    /// ended.
    #[doc(alias = "extend_circuit")]
    pub fn extend<R: ToString>(&self, relays: impl IntoIterator<Item = R>) -> Result<()> {
        let Some(controller) = self.state.call_about(|| self.is_ended())? else {
            return Err(self.error().into());
        };
        let hops_before = self.info().path.len();
        controller.extend_circuit(self.id(), relays)?;
        let shared = self.state.shared();
        let mut model = shared.model();
        model.circuits.extending(&self.cell, hops_before);
        shared.publish(model, shared.changes());
        Ok(())
    }

    /// Returns the error for a circuit that has ended, with its status, the
    /// reasons and its path.
    pub(crate) fn error(&self) -> CircuitError {
        let info = self.info();
        CircuitError {
            id: info.id,
            status: info.status.clone(),
            reason: info.reason.clone(),
            remote_reason: info.remote_reason.clone(),
            path: info.path.clone(),
        }
    }
}

impl PartialEq for Circuit {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }
}

impl Eq for Circuit {}

impl Hash for Circuit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.cell).hash(state);
    }
}

impl fmt::Display for Circuit {
    /// Formats the circuit like [`CircuitInfo`]: in one line, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info().fmt(f)
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Circuit").field(&self.info()).finish()
    }
}
