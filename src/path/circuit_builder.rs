//! How circuits should be built.

use std::time::Duration;

use super::attempts::build_one;
use super::builder::PathBuilder;
use super::circuits::Circuits;
use super::pool::CircuitPool;
use super::site::Site;
use crate::error::Result;
use crate::event::CircuitPurpose;
use crate::protocol::{ArgumentError, ArgumentProblem};
use crate::state::{Circuit, State};
use crate::transport::Deadline;

/// Builds circuits: one, several at once, or a pool that is kept full; with
/// other attempts where one fails, and a deadline for each.
///
/// Unless it is told otherwise, tor chooses the relays. **A path that tor did
/// not choose can be told from others, and may reveal who uses it**: see
/// [`PathBuilder`].
///
/// Circuits are built by this program's threads, which wait for tor; any method
/// may be called from several threads, and in callbacks.
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
/// use scape::{CircuitBuilder, PathBuilder};
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
pub struct CircuitBuilder {
    pub(super) route: Route,
    pub(super) purpose: Option<CircuitPurpose>,
    pub(super) attempts: usize,
    pub(super) attempt_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) concurrency: usize,
}

/// Who chooses the relays.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// tor.
    Tor,
    /// The user, all of them.
    Along(Vec<String>),
    /// The library, as the user says.
    Choosing(Box<PathBuilder>),
}

impl Default for CircuitBuilder {
    fn default() -> Self {
        CircuitBuilder {
            route: Route::Tor,
            purpose: None,
            attempts: 3,
            attempt_timeout: Duration::from_secs(30),
            timeout: Duration::from_secs(60),
            concurrency: 4,
        }
    }
}

impl CircuitBuilder {
    /// Circuits whose relays tor chooses, for general use.
    pub fn new() -> Self {
        Self::default()
    }

    /// Circuits whose relays are chosen so, anew for each attempt. They can be
    /// told from others, and may reveal who uses them.
    pub fn choosing(path: PathBuilder) -> Self {
        CircuitBuilder { route: Route::Choosing(Box::new(path)), ..Self::default() }
    }

    /// Circuits over these relays, first hop first, whatever they are:
    /// fingerprints, with or without `$`, or nicknames. Anything that can be
    /// shown as such will do. They can be told from others, and may reveal who
    /// uses them.
    pub fn along<R: ToString>(relays: impl IntoIterator<Item = R>) -> Self {
        let relays = relays.into_iter().map(|relay| relay.to_string()).collect();
        CircuitBuilder { route: Route::Along(relays), ..Self::default() }
    }

    /// [`CircuitPurpose::General`] (default): tor may also use them for streams
    /// of its own choice, and closes them when they are old or idle; or
    /// [`CircuitPurpose::Controller`], which tor leaves alone, and which needs
    /// relays that tor did not choose.
    pub fn purpose(mut self, purpose: CircuitPurpose) -> Self {
        self.purpose = Some(purpose);
        self
    }

    /// How often each circuit is tried. Default: 3 times. Where relays are
    /// [chosen](Self::choosing), the other attempts go elsewhere, and around
    /// the relay that could not be reached, if possible.
    pub fn attempts(mut self, attempts: usize) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets how long each attempt may take, with its commands. Default: 30
    /// seconds.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Sets how long each circuit may take, with all its attempts and commands.
    /// Default: 60 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long each circuit may take.
    pub(crate) fn circuit_timeout(&self) -> Duration {
        self.timeout
    }

    /// How many circuits are built at once, by [`build_many`](Self::build_many)
    /// and by a [`pool`](Self::pool). Default: 4. Each takes a thread
    /// meanwhile.
    pub fn concurrency(mut self, circuits: usize) -> Self {
        self.concurrency = circuits;
        self
    }

    /// Builds a circuit, and returns it when it can carry streams. Attempts
    /// that fail leave no circuit behind.
    ///
    /// # Errors
    ///
    /// Returns the error of the last attempt: a
    /// [`CircuitError`](crate::controller::CircuitError) (kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)) with the reasons, an
    /// error of the kind [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), or
    /// one of the kind [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor
    /// doesn't know a relay (any more).
    ///
    /// Returns an error with a [`NoPathError`](crate::path::NoPathError) (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) if no path is as it
    /// should be, of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the settings
    /// can't be used, and of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends.
    pub fn build(&self, state: &State) -> Result<Circuit> {
        self.check()?;
        let site = Site::default();
        let circuit = build_one(self, state, &site, self.deadline())?;
        site.leave(&circuit);
        Ok(circuit)
    }

    /// Builds `count` circuits, several [at once](Self::concurrency), and gives
    /// each when it is there, or has failed for good: `count` results, in the
    /// order in which they come.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the settings
    /// can't be used, and of the kind [`ErrorKind::Io`](crate::ErrorKind::Io)
    /// if no thread can be started.
    pub fn build_many(&self, state: &State, count: usize) -> Result<Circuits> {
        self.check()?;
        Circuits::start(self.clone(), state.clone(), count)
    }

    /// Keeps `size` circuits built, from now on, in the background: those that
    /// end are replaced.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the settings
    /// can't be used or the size is 0, of the kind
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if no thread can be started, and
    /// of the kind [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the
    /// connection has ended.
    pub fn pool(&self, state: &State, size: usize) -> Result<CircuitPool> {
        self.check()?;
        if size == 0 {
            return Err(ArgumentError::invalid("CircuitPool", "size", "is 0").into());
        }
        CircuitPool::start(self.clone(), state.clone(), size)
    }

    /// The deadline of a circuit that is begun now.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }

    fn check(&self) -> Result<()> {
        let invalid = |argument, why: &str| {
            let problem = ArgumentProblem::Invalid(why.into());
            Err(ArgumentError::new("CircuitBuilder", argument, problem).into())
        };
        if self.attempts == 0 {
            return invalid("number of attempts", "is 0");
        }
        if self.concurrency == 0 {
            return invalid("number of circuits at once", "is 0");
        }
        match &self.route {
            Route::Tor
                if self.purpose.as_ref().is_some_and(|it| *it != CircuitPurpose::General) =>
            {
                invalid("purpose", "must be general where tor chooses the relays")
            }
            Route::Along(relays) if relays.is_empty() => invalid("path", "is empty"),
            Route::Choosing(path) => path.check(),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn settings_that_cannot_be_used_are_refused() {
        let none: [&str; 0] = [];
        for bad in [
            CircuitBuilder::new().attempts(0),
            CircuitBuilder::new().concurrency(0),
            CircuitBuilder::new().purpose(CircuitPurpose::Controller),
            CircuitBuilder::along(none),
            CircuitBuilder::choosing(PathBuilder::new().length(9)),
        ] {
            assert!(bad.check().as_ref().is_err_and(Error::is::<ArgumentError>), "{bad:?}");
        }
        assert!(CircuitBuilder::along(["a"]).purpose(CircuitPurpose::Controller).check().is_ok());
        assert!(CircuitBuilder::new().purpose(CircuitPurpose::General).check().is_ok());
    }
}
