//! Builds one circuit, in several attempts if necessary.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::chooser::PathChooser;
use super::in_flight::{InFlight, begin_to_close};
use super::settings::{CircuitSettings, Route};
use crate::control::{CircuitError, ExtendCircuit};
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::connection::{CloseCause, Closed};
use crate::io::transport::Deadline;
use crate::live::state::{Circuit, State};
use scape_proto::control::{ArgumentError, Refusal};
use scape_proto::info::EntryGuardStatus;
use scape_proto::word::Fingerprint;

/// A [`Route`] that is ready for building a circuit. [`Route::Choosing`]
/// becomes a [`PathChooser`] with the candidates from the current consensus.
#[derive(Debug)]
enum Prepared {
    Tor,
    Along(Vec<String>),
    Choosing(PathChooser),
}

impl Prepared {
    fn new(route: &Route, state: &State, deadline: Deadline) -> Result<Prepared> {
        Ok(match route {
            Route::Tor => Prepared::Tor,
            Route::Along(relays) => Prepared::Along(relays.clone()),
            Route::Choosing(path) => {
                let tor = state.controller().until(deadline);
                let guards = if path.needs_guards() { guards(state) } else { Vec::new() };
                let directory = state.directory_with(&tor)?;
                Prepared::Choosing(path.prepare_until(directory, &guards, Some(deadline))?)
            }
        })
    }

    /// Returns the relays for one attempt to build a circuit. A [`PathChooser`]
    /// avoids the `failed` relays if possible. Returns an empty list if tor
    /// chooses the relays.
    fn path(&self, failed: &[Fingerprint]) -> Result<Vec<String>> {
        let chooser = match self {
            Prepared::Tor => return Ok(Vec::new()),
            Prepared::Along(relays) => return Ok(relays.clone()),
            Prepared::Choosing(chooser) => chooser,
        };
        let path = match chooser.choose_without(failed) {
            Err(_) if !failed.is_empty() => chooser.choose(),
            chosen => chosen,
        };
        Ok(path?.iter().map(Fingerprint::to_string).collect())
    }
}

/// Returns this tor's entry guards, except those with the status `Unusable`.
/// Guards that work come first, then guards that tor never connected to, then
/// the others. Each of these groups is in tor's order.
fn guards(state: &State) -> Vec<Fingerprint> {
    let mut guards = state.entry_guards();
    guards.retain(|guard| guard.status != EntryGuardStatus::Unusable);
    guards.sort_by_key(|guard| match guard.status {
        EntryGuardStatus::Up => 0,
        EntryGuardStatus::NeverConnected => 1,
        _ => 2,
    });
    guards.iter().filter_map(|guard| guard.relay.fingerprint()).collect()
}

/// Builds one circuit with these settings, until `deadline`. The returned
/// circuit is still registered in `site`, the list of circuits without an
/// owner. The caller must remove the circuit from that list when the circuit
/// has an owner.
pub(super) fn build_one(
    settings: &CircuitSettings,
    state: &State,
    site: &InFlight,
    deadline: Deadline,
) -> Result<Circuit> {
    let prepared = Prepared::new(&settings.route, state, deadline)?;
    let mut failed = Vec::new();
    let mut attempt = 1;
    loop {
        let path = prepared.path(&failed)?;
        let error =
            match build(settings, state, site, &path, deadline.part(settings.attempt_timeout)) {
                Ok(circuit) => return Ok(circuit),
                Err(failure) => {
                    failed.extend(failure.at);
                    failure.error
                }
            };
        let is_over = attempt >= settings.attempts || deadline.has_passed() || site.is_closed();
        if is_over || !may_go_better(&error) {
            return Err(error);
        }
        log::debug!(target: "scape::path", "attempt {attempt} at a circuit failed: {error}");
        attempt += 1;
    }
}

/// Builds one circuit like [`build_one`], but returns an error if one of the
/// user's conditions for relays panics. Threads in the background use this
/// function, because they have no caller that the panic could reach.
pub(super) fn build_one_or_fail(
    settings: &CircuitSettings,
    state: &State,
    site: &InFlight,
    deadline: Deadline,
) -> Result<Circuit> {
    let build = || build_one(settings, state, site, deadline);
    catch_unwind(AssertUnwindSafe(build)).unwrap_or_else(|_| {
        let why = "has panicked; the panic's message says why";
        Err(ArgumentError::invalid("PathBuilder", "condition for relays", why).into())
    })
}

/// Returns true if another attempt may succeed after this error.
fn may_go_better(error: &Error) -> bool {
    let is_late = error.exact().map(Timeout::phase) == Some(Phase::Circuit);
    // 551: the circuit couldn't be started. 552: tor doesn't know a relay (any
    // more), or has no descriptor of it.
    let is_refused = matches!(error.exact().map(Refusal::code), Some(551 | 552));
    error.is::<CircuitError>() || is_late || is_refused
}

/// A failed attempt to build a circuit.
struct Failure {
    error: Error,
    /// The relay that couldn't be reached. `None` if it is unknown.
    at: Option<Fingerprint>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, at: None }
    }
}

/// Starts to build one circuit with these settings, and doesn't wait until the
/// circuit is built.
pub(super) fn launch_one(
    settings: &CircuitSettings,
    state: &State,
    deadline: Deadline,
) -> Result<Circuit> {
    let path = Prepared::new(&settings.route, state, deadline)?.path(&[])?;
    launch(settings, state, &path, deadline)
}

/// Asks tor for a circuit over these relays. tor chooses them if `path` is
/// empty.
fn launch(
    settings: &CircuitSettings,
    state: &State,
    path: &[String],
    deadline: Deadline,
) -> Result<Circuit> {
    let mut command = ExtendCircuit::new().path(path);
    if let Some(purpose) = &settings.purpose {
        command = command.purpose(purpose.clone());
    }
    let circuit = state.launch(&state.controller().until(deadline), &command);
    circuit.map_err(|error| deadline.or_late(error, Phase::Circuit))
}

/// Makes one attempt to build a circuit. If it fails, the circuit is closed.
fn build(
    settings: &CircuitSettings,
    state: &State,
    site: &InFlight,
    path: &[String],
    deadline: Deadline,
) -> Result<Circuit, Failure> {
    let undone = || Error::from(Closed::new(CloseCause::Local));
    let Some(starting) = site.starting() else { return Err(undone().into()) };
    let circuit = launch(settings, state, path, deadline)?;
    if !site.enter(&circuit) {
        begin_to_close(state, std::slice::from_ref(&circuit))?;
        return Err(undone().into());
    }
    drop(starting);
    let Err(error) = circuit.wait_built_until(deadline) else { return Ok(circuit) };
    let reached = circuit.path().len();
    let at = path.get(reached).and_then(|relay| relay.parse().ok());
    // This doesn't wait until the circuit is closed, because tor may be slow
    // and the next attempt needs the time.
    let closing = begin_to_close(state, std::slice::from_ref(&circuit));
    site.leave(&circuit);
    if let Err(problem) = closing {
        log::debug!(target: "scape::path", "circuit {} could not be closed: {problem}", circuit.id());
    }
    Err(Failure { error, at })
}
