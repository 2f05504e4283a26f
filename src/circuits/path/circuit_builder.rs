//! [`CircuitBuilder`]: builds circuits.

use std::time::Duration;

use super::attempts::{build_one, launch_one};
use super::builder::PathBuilder;
use super::circuits::Circuits;
use super::in_flight::InFlight;
use super::pool::CircuitPool;
use super::settings::{CircuitSettings, Route};
use crate::error::Result;
use crate::live::state::{Circuit, State};
use scape_proto::control::ArgumentError;
use scape_proto::event::CircuitPurpose;

/// A builder of circuits: of one, of several at once, or of a pool that is kept
/// full. Failed attempts are repeated, and there is a deadline for each attempt
/// and each circuit.
///
/// By default, tor chooses the relays. **A path that tor didn't choose stands
/// out and may reveal its user**: see [`PathBuilder`].
///
/// Circuits are built by this program's threads, which wait for tor. All
/// methods may be called from several threads and in callbacks.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "").info("entry-guards", "")
/// #     .info("circuit-status", "").on_prefix("SETEVENTS", "250 OK\r\n")
/// #     .on("EXTENDCIRCUIT 0", concat!("250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n",
/// #         "650 CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n"))
/// #     .start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::{CircuitBuilder, State};
///
/// let state = State::new(&controller)?; // or tor.state()?
/// let circuit = CircuitBuilder::new().build(&state)?;
/// println!("{circuit}");
/// # assert_eq!(circuit.id().get(), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Ten circuits, four at a time, each with an exit that leads to a web server:
///
/// ```no_run
/// # let state = scape::State::new(&scape::connect()?)?;
/// use scape::path::PathBuilder;
/// use scape::CircuitBuilder;
///
/// let path = PathBuilder::new().exit_to(("example.com", 443));
/// for circuit in CircuitBuilder::choosing(path).build_many(&state, 10)? {
///     match circuit {
///         Ok(circuit) => println!("built: {circuit}"),
///         Err(error) => println!("failed: {error}"),
///     }
/// }
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is built before build() or launch() is called"]
pub struct CircuitBuilder {
    settings: CircuitSettings,
}

impl Default for CircuitBuilder {
    fn default() -> Self {
        CircuitBuilder::over(Route::Tor)
    }
}

impl CircuitBuilder {
    /// Creates a builder of circuits for general use, over relays that tor
    /// chooses.
    ///
    /// ```
    /// use scape::CircuitBuilder;
    ///
    /// let builder = CircuitBuilder::new().attempts(5);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a builder of circuits whose relays this library chooses by
    /// `path`, anew for each attempt. Such circuits stand out and may reveal
    /// their user.
    ///
    /// ```
    /// use scape::CircuitBuilder;
    /// use scape::path::PathBuilder;
    ///
    /// let builder = CircuitBuilder::choosing(PathBuilder::new().exit_to(("example.com", 443)));
    /// ```
    pub fn choosing(path: PathBuilder) -> Self {
        CircuitBuilder::over(Route::Choosing(Box::new(path)))
    }

    /// Creates a builder of circuits over these relays, first hop first. The
    /// rules of path selection, such as those about families and exits, aren't
    /// checked. Such circuits stand out and may reveal their user.
    ///
    /// Relays are named by fingerprint, with or without `$`, or by nickname.
    /// Any type whose `to_string` returns such a name is accepted.
    ///
    /// ```
    /// use scape::CircuitBuilder;
    ///
    /// let builder = CircuitBuilder::along(["$9695DFC35FFEB861329B9F1AB04C46397020CE31", "relay01"]);
    /// ```
    pub fn along<R: ToString>(relays: impl IntoIterator<Item = R>) -> Self {
        let relays = relays.into_iter().map(|relay| relay.to_string()).collect();
        CircuitBuilder::over(Route::Along(relays))
    }

    fn over(route: Route) -> Self {
        CircuitBuilder { settings: CircuitSettings::over(route) }
    }

    /// Sets the purpose of the circuits. Default: [`CircuitPurpose::General`].
    ///
    /// tor may also use general circuits for streams of its own choice, and
    /// closes them when they are old or idle. tor leaves circuits with the
    /// purpose [`CircuitPurpose::Controller`] alone. If tor chooses the relays,
    /// building fails with any purpose other than `General`. Set other purposes
    /// only with [`choosing`](Self::choosing) or [`along`](Self::along).
    ///
    /// ```
    /// use scape::CircuitBuilder;
    /// use scape::event::CircuitPurpose;
    ///
    /// // tor attaches no stream to this circuit by itself.
    /// let builder = CircuitBuilder::along(["relay01", "relay02", "relay03"])
    ///     .purpose(CircuitPurpose::Controller);
    /// ```
    pub fn purpose(mut self, purpose: CircuitPurpose) -> Self {
        self.settings.purpose = Some(purpose);
        self
    }

    /// Sets the number of attempts for each circuit. Default: 3.
    ///
    /// If this library [chooses](Self::choosing) the relays, each attempt uses
    /// a newly chosen path. The new path avoids the relays that couldn't be
    /// reached, if possible.
    ///
    /// ```
    /// use scape::CircuitBuilder;
    ///
    /// let builder = CircuitBuilder::new().attempts(1);
    /// ```
    pub fn attempts(mut self, attempts: usize) -> Self {
        self.settings.attempts = attempts;
        self
    }

    /// Sets the time limit for each attempt, including the commands to tor.
    /// Default: 30 seconds.
    ///
    /// ```
    /// use scape::CircuitBuilder;
    /// use std::time::Duration;
    ///
    /// let builder = CircuitBuilder::new().attempt_timeout(Duration::from_secs(10));
    /// ```
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.settings.attempt_timeout = timeout;
        self
    }

    /// Sets the time limit for each circuit, including all attempts, the
    /// commands to tor, and the [`PathBuilder`]'s conditions. (A condition that
    /// is being called isn't interrupted.) Default: 60 seconds.
    ///
    /// ```
    /// use scape::CircuitBuilder;
    /// use std::time::Duration;
    ///
    /// let builder = CircuitBuilder::new().timeout(Duration::from_secs(120));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Returns the time limit for each circuit.
    pub(crate) fn circuit_timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Sets the number of circuits that [`build_many`](Self::build_many) and a
    /// [`pool`](Self::pool) build at the same time. Default: 4. Each circuit
    /// needs a thread while it is built.
    ///
    /// ```
    /// use scape::CircuitBuilder;
    ///
    /// let builder = CircuitBuilder::new().concurrency(8);
    /// ```
    pub fn concurrency(mut self, circuits: usize) -> Self {
        self.settings.concurrency = circuits;
        self
    }

    /// Builds a circuit and returns it when it can carry streams. Failed
    /// attempts leave no circuit behind.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "")
    /// #     .info("entry-guards", "").info("circuit-status", "").on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on("CLOSECIRCUIT 7", "250 OK\r\n650 CIRC 7 CLOSED PURPOSE=GENERAL REASON=REQUESTED\r\n")
    /// #     .on("EXTENDCIRCUIT 0", concat!("250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n",
    /// #         "650 CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n"))
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::CircuitBuilder;
    ///
    /// let circuit = CircuitBuilder::new().build(&state)?;
    /// assert!(circuit.is_built());
    /// circuit.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error of the last attempt. The kind is
    ///
    /// * [`ErrorKind::Network`](crate::ErrorKind::Network) if the circuit
    ///   failed. The error contains a
    ///   [`CircuitError`](crate::control::CircuitError) with the reasons;
    /// * [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if building took too
    ///   long;
    /// * [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor doesn't know
    ///   a relay (any more).
    ///
    /// These errors end the call without another attempt:
    ///
    /// * [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the settings
    ///   are invalid;
    /// * [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no
    ///   path that fits the settings. The error contains a
    ///   [`NoPathError`](crate::path::NoPathError);
    /// * [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection
    ///   ends.
    #[doc(alias = "build_timeout_circuit")]
    pub fn build(&self, state: &State) -> Result<Circuit> {
        self.settings.check()?;
        let site = InFlight::new(state);
        let circuit = build_one(&self.settings, state, &site, self.settings.deadline())?;
        site.leave(&circuit);
        Ok(circuit)
    }

    /// Starts to build a circuit and returns it as soon as tor has given it an
    /// id. [`Circuit::wait_built`] waits until the circuit is built. There is
    /// only one attempt. If building takes too long, the circuit isn't closed.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "").info("entry-guards", "")
    /// #     .info("circuit-status", "").on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on("EXTENDCIRCUIT 0", concat!("250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n",
    /// #         "650 CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n"))
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::CircuitBuilder;
    /// use std::time::Duration;
    ///
    /// let circuit = CircuitBuilder::new().launch(&state)?;
    /// println!("tor is building circuit {}", circuit.id());
    /// circuit.wait_built(Duration::from_secs(60))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`build`](Self::build), most often because tor doesn't
    /// know a relay (kind [`ErrorKind::Refused`](crate::ErrorKind::Refused)).
    /// If the circuit fails after this call, [`Circuit::wait_built`] returns
    /// the error.
    pub fn launch(&self, state: &State) -> Result<Circuit> {
        self.settings.check()?;
        launch_one(&self.settings, state, self.settings.deadline())
    }

    /// Builds `count` circuits, several [at once](Self::concurrency). Returns
    /// an iterator over `count` results, in the order in which circuits are
    /// ready or have finally failed.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "")
    /// #     .info("entry-guards", "").info("circuit-status", "").on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on("CLOSECIRCUIT 7", "250 OK\r\n650 CIRC 7 CLOSED PURPOSE=GENERAL REASON=REQUESTED\r\n")
    /// #     .on("EXTENDCIRCUIT 0", concat!("250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n",
    /// #         "650 CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n"))
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::CircuitBuilder;
    ///
    /// let mut circuits = CircuitBuilder::new().build_many(&state, 1)?;
    /// if let Some(circuit) = circuits.next() {
    ///     println!("{}", circuit?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the settings are
    /// invalid, and of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if no
    /// thread can be started.
    pub fn build_many(&self, state: &State, count: usize) -> Result<Circuits> {
        self.settings.check()?;
        Circuits::start(self.settings.clone(), state.clone(), count)
    }

    /// Creates a pool of `size` circuits. Threads in the background build the
    /// circuits, and replace those that end.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "")
    /// #     .info("entry-guards", "").info("circuit-status", "").on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on("CLOSECIRCUIT 7", "250 OK\r\n650 CIRC 7 CLOSED PURPOSE=GENERAL REASON=REQUESTED\r\n")
    /// #     .on("EXTENDCIRCUIT 0", concat!("250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n",
    /// #         "650 CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n"))
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::CircuitBuilder;
    /// use std::time::Duration;
    ///
    /// let pool = CircuitBuilder::new().pool(&state, 1)?;
    /// println!("{}", pool.get(Duration::from_secs(60))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the settings are
    /// invalid or the size is 0. The kind is
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if no thread can be started, and
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended.
    pub fn pool(&self, state: &State, size: usize) -> Result<CircuitPool> {
        self.settings.check()?;
        if size == 0 {
            return Err(ArgumentError::invalid("CircuitPool", "size", "is 0").into());
        }
        CircuitPool::start(self.settings.clone(), state.clone(), size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn invalid_circuit_settings_are_refused() {
        let none: [&str; 0] = [];
        for bad in [
            CircuitBuilder::new().attempts(0),
            CircuitBuilder::new().concurrency(0),
            CircuitBuilder::new().purpose(CircuitPurpose::Controller),
            CircuitBuilder::along(none),
            CircuitBuilder::choosing(PathBuilder::new().length(9)),
        ] {
            assert!(
                bad.settings.check().as_ref().is_err_and(Error::is::<ArgumentError>),
                "{bad:?}"
            );
        }
        assert!(
            CircuitBuilder::along(["a"])
                .purpose(CircuitPurpose::Controller)
                .settings
                .check()
                .is_ok()
        );
        assert!(CircuitBuilder::new().purpose(CircuitPurpose::General).settings.check().is_ok());
    }
}
