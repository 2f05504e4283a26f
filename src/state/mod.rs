//! What tor has and does, kept live: [`State`].
//!
//! A [`State`] knows tor's circuits and streams, the routers of the consensus,
//! its address map and its entry guards, and keeps what it knows up to date by
//! events. It begins by asking for these events, then for everything there is,
//! and then applies what has come meanwhile: nothing is missed in between.
//! Events are applied on the connection's reader thread, so what tor said
//! before a reply is in the state when that reply is seen.
//!
//! [`Circuit`], [`Stream`] and [`Router`] are handles on what they stand for,
//! and keep what was known last when it has ended. Whoever wants to be told
//! listens: with closures ([`State::on_circuit_built`] and its like), or with a
//! [`CircuitListener`], [`StreamListener`], [`RouterListener`] or
//! [`AddressListener`]. Whoever wants to wait, waits: [`Circuit::wait_built`],
//! [`State::wait`].
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder()
//! #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "").info("entry-guards", "")
//! #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL")
//! #     .on_prefix("SETEVENTS", "250 OK\r\n").start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! use scape::state::State;
//!
//! let state = State::new(&controller)?; // or tor.state()?
//! let listener = state.on_circuit_built(|circuit| println!("built: {circuit}"));
//! for circuit in state.circuits() {
//!     println!("{circuit}, with {} streams", circuit.streams().len());
//! }
//! # assert_eq!(state.circuits().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What tor does not tell
//!
//! tor queues its events: a reply may be about something of which the event
//! comes a moment later. Some things change without an event, see
//! [`Circuit::info`]. Entry guards are read again with every consensus and
//! change of the configuration.

mod address_table;
mod addresses;
mod change;
mod circuit;
mod circuit_table;
mod directory;
mod guard_table;
mod keeper;
mod listen;
mod location;
mod model;
mod router;
mod router_table;
mod routers;
mod snapshot;
mod stream;
mod stream_process;
mod stream_table;
mod tracker;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::connection::{Registration, Thread};
use crate::controller::{BuildCircuit, Controller};
use crate::descriptor::RouterFlags;
use crate::error::{Error, Phase, Result};
use crate::event::EventKind;
use crate::geoip::GeoIp;
use crate::protocol::EntryGuard;
use crate::socks::Keep;
use crate::transport::Deadline;
use crate::word::{CircuitId, Fingerprint, StreamId};

pub use addresses::Addresses;
pub use circuit::Circuit;
pub use listen::{AddressListener, CircuitListener, RouterListener, StateListener, StreamListener};
pub use router::Router;
pub use routers::Routers;
pub use stream::Stream;

use tracker::Shared;

/// The events that it lives by.
const KINDS: &[EventKind] = &[
    EventKind::Circ,
    EventKind::CircMinor,
    EventKind::Stream,
    EventKind::AddrMap,
    EventKind::Guard,
    EventKind::Ns,
    EventKind::NewConsensus,
    EventKind::ConfChanged,
];

/// How long its end waits for its thread.
const JOIN_FOR: Duration = Duration::from_secs(1);

/// What tor has and does, live. See the [module](self).
///
/// It is cheap to clone, and any number of threads may use it. There is one for
/// each control connection, however often it is asked for; it lasts as long as
/// somebody holds it, or a [`Circuit`], [`Stream`] or [`Router`] of it, and
/// keeps the connection open meanwhile. When the connection ends, whoever waits
/// learns it, and what was known last stays; when it is made again, everything
/// is read again.
#[derive(Clone)]
pub struct State {
    inner: Arc<Inner>,
    /// What is to live as long as this.
    keep: Option<Keep>,
}

/// What all its handles share.
#[derive(Debug)]
pub(crate) struct Inner {
    shared: Arc<Shared>,
    controller: Controller,
    geoip: Mutex<GeoIp>,
    /// Taken back first: afterwards nothing is applied any more.
    registration: Mutex<Option<Registration>>,
    keeper: Mutex<Option<Thread>>,
    /// What was last asked for.
    directory: Mutex<Option<directory::Kept>>,
}

impl State {
    /// The live state of the tor that `controller` controls: the one that there
    /// is already for its connection, or a new one. That reads everything once,
    /// which takes some milliseconds with the public network's nine thousand
    /// relays.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor, or a filter
    /// before it, doesn't give one of the events or answers that this needs:
    /// CIRC, CIRC_MINOR, STREAM, ADDRMAP, GUARD, NS, NEWCONSENSUS,
    /// CONF_CHANGED; `ns/all`, `circuit-status`, `stream-status`,
    /// `address-mappings/all`, `entry-guards`.
    pub fn new(controller: &Controller) -> Result<State> {
        let call = controller.in_one_call();
        call.shared(|| Inner::start(&call)).map(State::of)
    }

    pub(crate) fn of(inner: Arc<Inner>) -> State {
        State { inner, keep: None }
    }

    /// The same, which also keeps this alive.
    pub(crate) fn keep(self, keep: Keep) -> State {
        State { keep: Some(keep), ..self }
    }

    /// What is kept alive by it, besides the connection.
    pub(crate) fn kept(&self) -> Option<&Keep> {
        self.keep.as_ref()
    }

    fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// The control connection.
    pub fn controller(&self) -> &Controller {
        &self.inner.controller
    }

    /// The circuits that tor has now, in the order of their numbers.
    pub fn circuits(&self) -> Vec<Circuit> {
        let cells: Vec<_> = self.shared().model().circuits.iter().cloned().collect();
        cells.into_iter().map(|cell| Circuit::new(cell, self.clone())).collect()
    }

    /// The circuit of this number, unless it has ended, or is not known yet.
    pub fn circuit(&self, id: CircuitId) -> Option<Circuit> {
        let cell = self.shared().model().circuits.get(id).cloned()?;
        Some(Circuit::new(cell, self.clone()))
    }

    /// The streams that tor has now, in the order of their numbers.
    pub fn streams(&self) -> Vec<Stream> {
        let cells: Vec<_> = self.shared().model().streams.iter().cloned().collect();
        cells.into_iter().map(|cell| Stream::new(cell, self.clone())).collect()
    }

    /// The stream of this number, unless it has ended, or is not known yet.
    pub fn stream(&self, id: StreamId) -> Option<Stream> {
        let cell = self.shared().model().streams.get(id).cloned()?;
        Some(Stream::new(cell, self.clone()))
    }

    /// The routers of the consensus.
    pub fn routers(&self) -> Routers {
        Routers::new(self.shared().model().routers.clone(), self.clone())
    }

    /// The router with this fingerprint; one that the consensus does not have
    /// is a stub, which knows its fingerprint only, and says so
    /// ([`Router::is_in_consensus`]). As long as one is held, it is the same
    /// one that every later consensus tells of.
    pub fn router(&self, fingerprint: Fingerprint) -> Router {
        let routers = self.shared().model().routers.clone();
        Router::new(routers.get_or_stub(fingerprint), self.clone())
    }

    /// The directory authorities of the consensus.
    pub fn authorities(&self) -> Vec<Router> {
        self.routers().with_flags(RouterFlags::AUTHORITY).collect()
    }

    /// tor's entry guards, in its order. `Up` means that it is not known to be
    /// down.
    pub fn entry_guards(&self) -> Vec<EntryGuard> {
        self.shared().model().guards.guards().cloned().collect()
    }

    /// tor's address map.
    pub fn addresses(&self) -> Arc<Addresses> {
        let mut changes = self.shared().changes();
        let mut model = self.shared().model();
        model.addresses.expire(SystemTime::now(), &mut changes);
        let addresses = model.addresses.snapshot();
        let changes = changes.into_list();
        drop(model);
        self.shared().tell(changes);
        addresses
    }

    /// How often what the consensus says of routers has changed since the state
    /// was begun.
    pub fn consensus_count(&self) -> u64 {
        self.shared().model().consensus
    }

    /// Waits until `condition` returns `Some`. It is called at once and after
    /// every change, on the calling thread, and may call any method. May be
    /// called in callbacks.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "").info("entry-guards", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL")
    /// #     .on_prefix("SETEVENTS", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::state::State::new(&controller)?;
    /// use std::time::Duration;
    ///
    /// // Until some circuit can be used:
    /// let circuit = state.wait(Duration::from_secs(60), |state| {
    ///     state.circuits().into_iter().find(|c| c.is_built())
    /// })?;
    /// # assert_eq!(circuit.id().get(), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if that takes longer
    /// than `timeout`, and of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends
    /// and nobody makes it again.
    pub fn wait<T>(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&State) -> Option<T>,
    ) -> Result<T> {
        self.shared().wait(Deadline::after(timeout), Phase::State, || condition(self).map(Ok))
    }

    /// Begins a new circuit: when this returns tor has given it a number, and
    /// [`Circuit::wait_built`] waits for the rest.
    ///
    /// A path that tor did not choose can be told from others, and may reveal
    /// who uses it.
    ///
    /// # Errors
    ///
    /// As [`Controller::launch_circuit`].
    pub fn launch_circuit(&self, circuit: &BuildCircuit) -> Result<Circuit> {
        self.launch_with(self.controller(), circuit)
    }

    /// Like [`launch_circuit`](Self::launch_circuit), as a part of the call
    /// that `controller` was made for.
    pub(crate) fn launch_with(
        &self,
        controller: &Controller,
        circuit: &BuildCircuit,
    ) -> Result<Circuit> {
        self.shared().model().circuits.launching();
        let id = controller.launch_circuit(circuit);
        let mut changes = self.shared().changes();
        let mut model = self.shared().model();
        let cell = model.circuits.launched(id.as_ref().ok().copied(), &mut changes);
        self.shared().publish(model, changes);
        let id = id?;
        let cell = cell
            .ok_or_else(|| Error::answer("EXTENDCIRCUIT", format!("circuit {id} is not known")))?;
        Ok(Circuit::new(cell, self.clone()))
    }

    /// Builds a new circuit and waits until it can carry streams. The whole
    /// call takes at most [`BuildCircuit::timeout`]. A circuit that isn't built
    /// by then is closed: CLOSECIRCUIT is sent, but its reply isn't waited for.
    ///
    /// A path that tor did not choose can be told from others, and may reveal
    /// who uses it.
    ///
    /// # Errors
    ///
    /// As [`Controller::build_circuit`].
    pub fn build_circuit(&self, circuit: &BuildCircuit) -> Result<Circuit> {
        let deadline = Deadline::after(circuit.build_timeout());
        let built = self.launch_with(&self.controller().until(deadline), circuit)?;
        match built.wait_built_until(deadline) {
            Ok(()) => Ok(built),
            Err(error) => {
                if error.is_unanswered() {
                    // Nobody knows its id any more.
                    self.controller().begin_to_close_circuit(built.id());
                }
                Err(error)
            }
        }
    }
}

impl Inner {
    /// `controller` is for the parts of one call.
    fn start(controller: &Controller) -> Result<Arc<Inner>> {
        let shared = Shared::new(controller.callbacks()?);
        let registration = controller.track(KINDS, shared.clone())?;
        // Before the first answer: the connection may be made again at any
        // time.
        controller.follow(&shared);
        while !shared.load(&|command| controller.send(command)?.wait_ok())? {}
        let inner = Arc::new(Inner {
            shared: shared.clone(),
            controller: controller.to_keep(),
            geoip: Mutex::new(GeoIp::new().tor(&controller.to_keep())),
            registration: Mutex::new(Some(registration)),
            keeper: Mutex::default(),
            directory: Mutex::default(),
        });
        let for_keeper = Arc::downgrade(&inner);
        let _ = shared.inner.set(for_keeper.clone());
        let thread = Thread::spawn("scape-state", move || keeper::run(&shared, &for_keeper))
            .map_err(|error| Error::io("start the thread of the live state", error))?;
        *inner.keeper.lock() = Some(thread);
        Ok(inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.registration.lock().take());
        self.shared.wake_keeper(|tasks| tasks.stop = true);
        if let Some(keeper) = self.keeper.lock().take()
            && !keeper.is_current()
        {
            keeper.ended_within(JOIN_FOR);
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.shared().model();
        f.debug_struct("State")
            .field("circuits", &model.circuits.iter().count())
            .field("streams", &model.streams.iter().count())
            .field("routers", &model.routers.len())
            .field("keeps_tor", &self.keep.is_some())
            .finish_non_exhaustive()
    }
}
