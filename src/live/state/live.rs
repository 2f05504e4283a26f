//! [`State`], the live state.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::tracker::Shared;
use super::{Addresses, Circuit, Router, Routers, Stream, directory, keeper, model};
use crate::client::socks::KeepAlive;
use crate::control::{Controller, ExtendCircuit, Questions};
use crate::error::{Error, Phase, Result};
use crate::geoip::GeoIp;
use crate::io::connection::{CloseCause, Closed, RouteGuard, Thread};
use crate::io::transport::Deadline;
use scape_proto::event::EventKind;
use scape_proto::info::EntryGuard;
use scape_proto::netdoc::RouterFlags;
use scape_proto::word::{CircuitId, Fingerprint, StreamId};

/// The events that keep the state up to date.
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

/// The maximum time that dropping the state waits for its
/// [keeper](super::keeper) thread to end.
const JOIN_FOR: Duration = Duration::from_secs(1);

/// The live state of tor: circuits, streams, relays, addresses and entry
/// guards. See the [module](crate::state).
///
/// A state is cheap to clone, and any number of threads can use it. Each
/// control connection has only one state, no matter how often it is requested.
/// The state exists until all of its clones, [`Circuit`]s, [`Stream`]s,
/// [`Router`]s and [`Registration`](crate::Registration)s are dropped. It keeps
/// the connection open.
///
/// If the connection ends, the last known information stays, and waiting calls
/// fail unless the connection reconnects automatically. If the connection
/// reconnects, everything is loaded again.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .info("ns/all", "").info("address-mappings/all", "").info("entry-guards", "")
/// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL")
/// #     .info("stream-status", "12 SUCCEEDED 7 example.com:80")
/// #     .on_prefix("SETEVENTS", "250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// let state = scape::State::new(&controller)?;
/// for circuit in state.circuits() {
///     println!("{circuit}: {} streams", circuit.streams().len());
/// }
/// # assert_eq!(state.circuits().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "TorState")]
pub struct State {
    pub(super) inner: Arc<Inner>,
    /// A value that lives as long as this handle, for example a launched tor.
    pub(super) keep: Option<KeepAlive>,
}

/// Data that all handles of a state share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(super) shared: Arc<Shared>,
    pub(super) controller: Controller,
    pub(super) geoip: Mutex<GeoIp>,
    /// The subscription to tor's events. It is dropped first, so that no more
    /// events are applied.
    pub(super) registration: Mutex<Option<RouteGuard>>,
    pub(super) keeper: Mutex<Option<Thread>>,
    /// The most recently loaded [directory](State::directory). `None` if no
    /// directory was loaded yet.
    pub(super) directory: Mutex<Option<directory::Kept>>,
}

impl State {
    /// Returns the live state of the tor that `controller` controls. If the
    /// control connection already has a state, returns that state. Otherwise
    /// loads everything once, which takes some milliseconds with the public
    /// network's nine thousand relays.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::State;
    ///
    /// let state = State::new(&controller)?; // or tor.state()?
    /// assert_eq!(state.circuits().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor, or a filter in
    /// front of its control port, refuses one of the required events or GETINFO
    /// keys. The events are CIRC, CIRC_MINOR, STREAM, ADDRMAP, GUARD, NS,
    /// NEWCONSENSUS and CONF_CHANGED. The keys are `ns/all`, `circuit-status`,
    /// `stream-status`, `address-mappings/all` and `entry-guards`. Errors of
    /// the control connection are also possible.
    pub fn new(controller: &Controller) -> Result<State> {
        let call = controller.in_one_call();
        call.shared(|| Inner::start(&call)).map(State::of)
    }

    pub(crate) fn of(inner: Arc<Inner>) -> State {
        State { inner, keep: None }
    }

    /// Returns this state as a handle that also keeps `keep` alive.
    pub(crate) fn keep(self, keep: KeepAlive) -> State {
        State { keep: Some(keep), ..self }
    }

    /// Returns the value that was set with [`keep`](Self::keep), or `None` if
    /// no value was set.
    pub(crate) fn kept(&self) -> Option<&KeepAlive> {
        self.keep.as_ref()
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// Returns the control connection.
    pub fn controller(&self) -> &Controller {
        &self.inner.controller
    }

    /// Returns tor's current circuits, ordered by id.
    pub fn circuits(&self) -> Vec<Circuit> {
        let cells: Vec<_> = self.shared().model().circuits.iter().cloned().collect();
        cells.into_iter().map(|cell| Circuit::new(cell, self.clone())).collect()
    }

    /// Returns the circuit with this id. Returns `None` if it has ended or tor
    /// hasn't reported it yet.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::word::CircuitId;
    ///
    /// let circuit = state.circuit(CircuitId::new(7));
    /// assert!(circuit.is_some_and(|circuit| circuit.is_built()));
    /// assert_eq!(state.circuit(CircuitId::new(8)), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn circuit(&self, id: CircuitId) -> Option<Circuit> {
        let cell = self.shared().model().circuits.get(id).cloned()?;
        Some(Circuit::new(cell, self.clone()))
    }

    /// Returns tor's current streams, ordered by id.
    pub fn streams(&self) -> Vec<Stream> {
        let cells: Vec<_> = self.shared().model().streams.iter().cloned().collect();
        cells.into_iter().map(|cell| Stream::new(cell, self.clone())).collect()
    }

    /// Returns the stream with this id. Returns `None` if it has ended or tor
    /// hasn't reported it yet.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "4 SUCCEEDED 7 www.example.com:80")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::word::StreamId;
    ///
    /// if let Some(stream) = state.stream(StreamId::new(4)) {
    ///     assert_eq!(stream.target().to_string(), "www.example.com:80");
    /// }
    /// # assert!(state.stream(StreamId::new(4)).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream(&self, id: StreamId) -> Option<Stream> {
        let cell = self.shared().model().streams.get(id).cloned()?;
        Some(Stream::new(cell, self.clone()))
    }

    /// Returns a snapshot of the relays in the consensus.
    pub fn routers(&self) -> Routers {
        Routers::new(self.shared().model().routers.clone(), self.clone())
    }

    /// Returns the relay with this fingerprint.
    ///
    /// For a relay that isn't in the consensus, [`Router::is_in_consensus`]
    /// returns false. If no consensus has listed it yet, only its fingerprint
    /// is known. As long as a handle to a relay exists, later consensuses
    /// update that handle.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\ns Authority Exit Running\nw Bandwidth=4000\n")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let alice = state.router("256498816C85C6ABA4DF222205CF3FA091E63CCE".parse()?);
    /// assert_eq!(alice.nickname().as_deref(), Some("alice"));
    /// let unlisted = state.router("9695DFC35FFEB861329B9F1AB04C46397020CE31".parse()?);
    /// assert!(!unlisted.is_in_consensus());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn router(&self, fingerprint: Fingerprint) -> Router {
        let routers = self.shared().model().routers.clone();
        Router::new(routers.get_or_stub(fingerprint), self.clone())
    }

    /// Returns the directory authorities in the consensus.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\ns Authority Exit Running\nw Bandwidth=4000\n")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for authority in state.authorities() {
    ///     println!("{authority}");
    /// }
    /// # assert_eq!(state.authorities().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn authorities(&self) -> Vec<Router> {
        self.routers().with_flags(RouterFlags::AUTHORITY).collect()
    }

    /// Returns tor's entry guards, in tor's order. The status `Up` means that
    /// the guard isn't known to be down.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "$256498816C85C6ABA4DF222205CF3FA091E63CCE~alice never-connected").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::info::EntryGuardStatus;
    ///
    /// for guard in state.entry_guards() {
    ///     assert_eq!(guard.status, EntryGuardStatus::NeverConnected);
    /// }
    /// # assert_eq!(state.entry_guards().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entry_guards(&self) -> Vec<EntryGuard> {
        self.shared().model().guards.guards().cloned().collect()
    }

    /// Returns a snapshot of tor's address map. Expired mappings are left out.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "a.example 192.0.2.1 NEVER").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for mapping in state.addresses().iter() {
    ///     println!("{} is mapped to {}", mapping.from, mapping.to);
    /// }
    /// # assert_eq!(state.addresses().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn addresses(&self) -> Arc<Addresses> {
        let mut changes = self.shared().changes();
        let mut model = self.shared().model();
        let have_expired = model.addresses.expire(SystemTime::now(), &mut changes);
        let addresses = model.addresses.snapshot();
        if have_expired {
            self.shared().publish(model, changes);
        }
        addresses
    }

    /// Returns the number of times that the state has received consensus
    /// entries of relays. The first load counts, and so does every later
    /// consensus, NS event and reconnect.
    pub fn consensus_count(&self) -> u64 {
        self.shared().model().consensus
    }

    /// Waits until `condition` returns `Some`, and returns its value. The
    /// condition is checked at once and after every change, on the calling
    /// thread, and may call any method. Callbacks may call this method.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "").info("entry-guards", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL")
    /// #     .on_prefix("SETEVENTS", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use std::time::Duration;
    ///
    /// // Wait for any circuit that can carry streams.
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
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the condition isn't
    /// met within `timeout`. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends
    /// and doesn't reconnect.
    pub fn wait<T>(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&State) -> Option<T>,
    ) -> Result<T> {
        self.shared().wait(Deadline::after(timeout), Phase::State, || condition(self).map(Ok))
    }

    /// Returns the controller for the commands of a call about a circuit or a
    /// stream. Returns `None` if `is_ended` returns true, that is, if the
    /// circuit or stream has ended. The commands of the controller fail if the
    /// connection is lost, because after a reconnect another tor may use the
    /// same id for something else.
    pub(super) fn call_about(&self, is_ended: impl Fn() -> bool) -> Result<Option<Controller>> {
        if is_ended() {
            return Ok(None);
        }
        let controller = self.controller().on_this_link()?.in_one_call();
        // The connection may have been opened again before the line above.
        Ok((!is_ended()).then_some(controller))
    }

    /// Starts to build a new circuit. Sends the command with `controller`,
    /// which may be limited to the deadline of a call.
    pub(crate) fn launch(
        &self,
        controller: &Controller,
        circuit: &ExtendCircuit,
    ) -> Result<Circuit> {
        let controller = controller.on_this_link()?;
        let ends = {
            let mut model = self.shared().model();
            model.circuits.launching();
            self.shared().ends()
        };
        let launched = controller.launch_circuit(circuit);
        let mut changes = self.shared().changes();
        let mut model = self.shared().model();
        // If the connection has ended since, the model may be about another
        // tor, in which the id stands for another circuit or for none.
        let closed = (self.shared().ends() != ends).then(|| match &model.phase {
            model::Phase::Ended(closed) => closed.clone(),
            _ => Closed::new(CloseCause::Reconnecting),
        });
        let id = launched.as_ref().ok().copied().filter(|_| closed.is_none());
        let cell = model.circuits.launched(id, &mut changes);
        self.shared().publish(model, changes);
        let id = launched?;
        if let Some(closed) = closed {
            // Only the state may have ended, and not the connection.
            controller.begin_to_close_circuit(id);
            return Err(closed.into());
        }
        let cell = cell
            .ok_or_else(|| Error::answer("EXTENDCIRCUIT", format!("circuit {id} is not known")))?;
        Ok(Circuit::new(cell, self.clone()))
    }
}

impl Inner {
    /// Loads a new state. `controller` is limited to the deadline of one call.
    pub(super) fn start(controller: &Controller) -> Result<Arc<Inner>> {
        let shared = Shared::new(controller.callbacks()?);
        let registration = controller.track(KINDS, shared.clone())?;
        // Following starts before the first answer, because the connection may
        // reconnect at any time.
        controller.follow(&shared);
        let ask = |command| controller.send(command)?.wait_ok();
        while !shared.load(&Questions::new(&ask))? {}
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

#[cfg(feature = "testing")]
#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::control::Connect;
    use crate::io::connection::Tracker;
    use crate::testing::{ScriptedTor, ScriptedTorBuilder};
    use scape_proto::info::AddressMapping;

    const SOON: Duration = Duration::from_secs(20);

    fn tor() -> ScriptedTorBuilder {
        ScriptedTor::builder()
            .info("ns/all", "")
            .info("circuit-status", "")
            .info("stream-status", "")
            .info("address-mappings/all", "")
            .info("entry-guards", "")
            .on_prefix("SETEVENTS", "250 OK\r\n")
    }

    #[test]
    fn mapping_that_addresses_expires_wakes_waiting_threads() {
        let tor = tor().start().unwrap();
        let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        let state = State::new(&controller).unwrap();
        // Without its keeper, only `addresses` removes the mapping.
        let keeper = state.inner.keeper.lock().take().unwrap();
        state.shared().wake_keeper(|tasks| tasks.stop = true);
        assert!(keeper.ended_within(SOON));
        let expired = AddressMapping::parse(b"a.example 192.0.2.1 \"2026-01-01 00:00:00\"");
        let mut changes = state.shared().changes();
        state.shared().model().addresses.take(vec![expired.unwrap()], &mut changes);

        let (sender, told) = crossbeam_channel::unbounded();
        let _expired = state.on_address_expired(move |_| sender.send(()).unwrap());
        let woken_after = thread::scope(|scope| {
            let (looked, has_looked) = crossbeam_channel::unbounded();
            let state = &state;
            let waiting = scope.spawn(move || {
                let waited = state.wait(SOON, |state| {
                    looked.send(()).unwrap();
                    let is_gone = state.shared().model().addresses.next_end().is_none();
                    is_gone.then_some(())
                });
                waited.map(|()| Instant::now())
            });
            has_looked.recv_timeout(SOON).unwrap();
            let begun = Instant::now();
            assert!(state.addresses().is_empty());
            waiting.join().unwrap().unwrap().saturating_duration_since(begun)
        });
        assert!(woken_after < SOON / 2, "{woken_after:?}");
        assert!(told.recv_timeout(SOON).is_ok());
    }

    #[test]
    fn circuit_of_the_tor_before_a_reconnect_does_not_get_into_the_state() {
        let shared: Arc<OnceLock<Arc<Shared>>> = Arc::default();
        let known = shared.clone();
        let tor = tor()
            .on_prefix("CLOSECIRCUIT", "250 OK\r\n")
            .on_any(move |line| {
                line.starts_with("EXTENDCIRCUIT").then(|| {
                    // The connection ends and is opened again before the thread
                    // that waits for this answer runs.
                    known.get().unwrap().ended(&Closed::new(CloseCause::Truncated), true);
                    b"250 EXTENDED 8\r\n".to_vec()
                })
            })
            .start()
            .unwrap();
        let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        let state = State::new(&controller).unwrap();
        shared.set(state.inner.shared.clone()).unwrap();
        let launched = state.launch(&controller, &ExtendCircuit::new());
        assert!(launched.unwrap_err().is_closed());
        assert!(state.circuits().is_empty());
        tor.wait_for("CLOSECIRCUIT 8").unwrap();
    }
}
