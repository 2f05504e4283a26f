//! Listeners for changes of the state.

use std::sync::Arc;
use std::time::Duration;

use super::change::Change;
use super::{Circuit, Router, State, Stream};
use crate::control::{ListenerGuard, Subject};
use crate::error::Result;
use crate::io::transport::Deadline;
use scape_proto::event::AddrMapEvent;
use scape_proto::info::AddressMapping;
use scape_proto::word::RelayName;

/// A listener for changes of circuits. Install it with
/// [`State::listen_to_circuits`] or [`Circuit::listen`]. Every method does
/// nothing by default.
///
/// The methods are called on the connection's callback thread, one at a time
/// and in tor's order. They may call any method of this library, and may wait.
/// The circuit returns the latest information, which may be newer than the
/// change that the call is about.
///
/// ```no_run
/// use scape::state::{Circuit, CircuitListener};
///
/// struct Printer;
///
/// impl CircuitListener for Printer {
///     fn circuit_built(&mut self, circuit: &Circuit) {
///         println!("built: {circuit}");
///     }
/// }
///
/// let state = scape::Tor::connect()?.state()?;
/// let listener = state.listen_to_circuits(Printer);
/// # Ok::<(), scape::Error>(())
/// ```
#[doc(alias = "ICircuitListener")]
pub trait CircuitListener: Send {
    /// The state contains a new circuit: tor has reported it, or this program
    /// has launched it. This is always the first call for a circuit.
    fn circuit_new(&mut self, _circuit: &Circuit) {}
    /// tor starts to build the circuit.
    fn circuit_launched(&mut self, _circuit: &Circuit) {}
    /// The circuit has one more hop. If tor reports several hops at once, there
    /// is one call for each.
    #[doc(alias = "circuit_extend")]
    fn circuit_extended(&mut self, _circuit: &Circuit, _hop: &RelayName) {}
    /// The circuit can carry streams. This is also called after an extension.
    fn circuit_built(&mut self, _circuit: &Circuit) {}
    /// The circuit's purpose has changed, or its onion service state has.
    fn circuit_changed(&mut self, _circuit: &Circuit) {}
    /// The circuit couldn't be built.
    fn circuit_failed(&mut self, _circuit: &Circuit) {}
    /// The circuit was closed after it had been built, or it is gone after a
    /// reconnect.
    fn circuit_closed(&mut self, _circuit: &Circuit) {}
}

/// A listener for changes of streams. Install it with
/// [`State::listen_to_streams`] or [`Stream::listen`]. Every method does
/// nothing by default. See [`CircuitListener`] for the thread and the order of
/// the calls.
///
/// ```no_run
/// use scape::state::{Stream, StreamListener};
///
/// struct Printer;
///
/// impl StreamListener for Printer {
///     fn stream_succeeded(&mut self, stream: &Stream) {
///         println!("open: {stream}");
///     }
/// }
///
/// let state = scape::Tor::connect()?.state()?;
/// let listener = state.listen_to_streams(Printer);
/// # Ok::<(), scape::Error>(())
/// ```
#[doc(alias = "IStreamListener")]
pub trait StreamListener: Send {
    /// The state contains a new stream. This is always the first call for a
    /// stream.
    fn stream_new(&mut self, _stream: &Stream) {}
    /// The stream is attached to this circuit. It may have been attached to
    /// another one before.
    #[doc(alias = "stream_attach")]
    fn stream_attached(&mut self, _stream: &Stream, _circuit: &Circuit) {}
    /// The stream is no longer attached to a circuit. It may be attached to
    /// another one.
    #[doc(alias = "stream_detach")]
    fn stream_detached(&mut self, _stream: &Stream) {}
    /// The stream is open.
    fn stream_succeeded(&mut self, _stream: &Stream) {}
    /// The stream couldn't be opened. A call of
    /// [`stream_closed`](Self::stream_closed) follows.
    fn stream_failed(&mut self, _stream: &Stream) {}
    /// The stream has ended.
    fn stream_closed(&mut self, _stream: &Stream) {}
}

/// A listener for changes of relays. Install it with
/// [`State::listen_to_routers`]. Every method does nothing by default. See
/// [`CircuitListener`] for the thread and the order of the calls.
///
/// ```no_run
/// use scape::state::{Router, RouterListener};
///
/// struct Printer;
///
/// impl RouterListener for Printer {
///     fn router_removed(&mut self, router: &Router) {
///         println!("{router} has left the consensus");
///     }
/// }
///
/// let state = scape::Tor::connect()?.state()?;
/// let listener = state.listen_to_routers(Printer);
/// # Ok::<(), scape::Error>(())
/// ```
pub trait RouterListener: Send {
    /// The relay is in the consensus now.
    fn router_added(&mut self, _router: &Router) {}
    /// The relay's entry in the consensus has changed.
    fn router_changed(&mut self, _router: &Router) {}
    /// The relay is no longer in the consensus.
    fn router_removed(&mut self, _router: &Router) {}
}

/// A listener for changes of the address map. Install it with
/// [`State::listen_to_addresses`]. Every method does nothing by default. See
/// [`CircuitListener`] for the thread and the order of the calls.
///
/// ```no_run
/// use scape::info::AddressMapping;
/// use scape::state::AddressListener;
///
/// struct Printer;
///
/// impl AddressListener for Printer {
///     fn address_added(&mut self, mapping: &AddressMapping) {
///         println!("{} is mapped to {}", mapping.from, mapping.to);
///     }
/// }
///
/// let state = scape::Tor::connect()?.state()?;
/// let listener = state.listen_to_addresses(Printer);
/// # Ok::<(), scape::Error>(())
/// ```
#[doc(alias = "IAddrListener")]
pub trait AddressListener: Send {
    /// A mapping was added, or its target or its expiry time has changed.
    fn address_added(&mut self, _mapping: &AddressMapping) {}
    /// A mapping has expired or was removed.
    fn address_expired(&mut self, _mapping: &AddressMapping) {}
    /// A name couldn't be resolved.
    fn address_failed(&mut self, _event: &AddrMapEvent) {}
}

/// The guard of an installed listener. The listener is called as long as the
/// guard lives.
///
/// Dropping the guard removes the listener at once: no call starts afterwards,
/// not even for earlier changes. A call that is running on another thread isn't
/// waited for. The listener itself may drop the guard. To let the listener see
/// all earlier changes first, use [`finish`](Self::finish).
#[derive(Debug)]
#[must_use = "dropping this removes the listener at once"]
pub struct StateListener(ListenerGuard<State, Change>);

impl StateListener {
    /// Removes the listener after it has been called for every change that tor
    /// reported before this call. Waits for at most `timeout`.
    ///
    /// If a callback of the same connection calls this, it can't wait for
    /// itself, so the call returns early. The listener is then called for the
    /// pending changes and removed after that.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// let listener = state.on_circuit_built(|circuit| println!("built: {circuit}"));
    /// listener.finish(Duration::from_secs(5))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// in time, or if pending callbacks don't return in time. The listener is
    /// then removed at once. The end of the connection is not an error.
    pub fn finish(self, timeout: Duration) -> Result<()> {
        self.0.finish(Deadline::after(timeout))
    }
}

/// Listeners. Each is called as long as the returned [`StateListener`] lives.
impl State {
    /// Installs a listener for all circuits. [`CircuitListener`] has an
    /// example.
    #[doc(alias = "add_circuit_listener")]
    pub fn listen_to_circuits(
        &self,
        mut listener: impl CircuitListener + 'static,
    ) -> StateListener {
        self.listen(move |state, change| {
            tell_of_circuit(&mut listener, state, change);
        })
    }

    /// Installs a listener for all streams. [`StreamListener`] has an example.
    #[doc(alias = "add_stream_listener")]
    pub fn listen_to_streams(&self, mut listener: impl StreamListener + 'static) -> StateListener {
        self.listen(move |state, change| tell_of_stream(&mut listener, state, change))
    }

    /// Installs a listener for all relays. [`RouterListener`] has an example.
    pub fn listen_to_routers(&self, mut listener: impl RouterListener + 'static) -> StateListener {
        self.listen(move |state, change| match change {
            Change::RouterAdded(cell) => {
                listener.router_added(&Router::new(cell.clone(), state.clone()));
            }
            Change::RouterChanged(cell) => {
                listener.router_changed(&Router::new(cell.clone(), state.clone()));
            }
            Change::RouterRemoved(cell) => {
                listener.router_removed(&Router::new(cell.clone(), state.clone()));
            }
            _ => {}
        })
    }

    /// Installs a listener for all address mappings. [`AddressListener`] has an
    /// example.
    pub fn listen_to_addresses(
        &self,
        mut listener: impl AddressListener + 'static,
    ) -> StateListener {
        self.listen(move |_, change| match change {
            Change::AddressAdded(mapping) => listener.address_added(mapping),
            Change::AddressExpired(mapping) => listener.address_expired(mapping),
            Change::AddressFailed(event) => listener.address_failed(event),
            _ => {}
        })
    }

    fn listen(&self, function: impl FnMut(&State, &Change) + Send + 'static) -> StateListener {
        StateListener(self.shared().add_listener(None, Box::new(function)))
    }

    /// Calls `function` only for changes of the circuit or stream in `cell`.
    fn listen_to<T: Send + Sync + 'static>(
        &self,
        cell: &Arc<T>,
        mut function: impl FnMut(&State, &Change) + Send + 'static,
    ) -> StateListener {
        let kept = cell.clone();
        let function = move |state: &State, change: &Change| {
            // The cell is identified by its memory address, so it must live as
            // long as the listener.
            let _ = &kept;
            function(state, change);
        };
        StateListener(self.shared().add_listener(Some(Subject::of(cell)), Box::new(function)))
    }
}

impl Circuit {
    /// Installs a listener for this circuit. Events of other circuits cost
    /// nothing. [`CircuitListener`] has an example.
    pub fn listen(&self, mut listener: impl CircuitListener + 'static) -> StateListener {
        self.state().listen_to(self.cell(), move |state, change| {
            tell_of_circuit(&mut listener, state, change);
        })
    }
}

impl Stream {
    /// Installs a listener for this stream. Events of other streams cost
    /// nothing. [`StreamListener`] has an example.
    pub fn listen(&self, mut listener: impl StreamListener + 'static) -> StateListener {
        self.state().listen_to(self.cell(), move |state, change| {
            tell_of_stream(&mut listener, state, change);
        })
    }
}

macro_rules! closures {
    ($( $(#[$meta:meta])* $name:ident($($argument:ty),*): $change:pat => $call:expr; )*) => {
        /// Closures as listeners. Each is called like the listener method with
        /// the same name.
        impl State {
            $(
                $(#[$meta])*
                pub fn $name(
                    &self,
                    mut callback: impl FnMut($(&$argument),*) + Send + 'static,
                ) -> StateListener {
                    self.listen(move |state, change| {
                        if let $change = change {
                            let call: fn(&mut dyn FnMut($(&$argument),*), &State, &Change) = $call;
                            call(&mut callback, state, change);
                        }
                    })
                }
            )*
        }
    };
}

fn with_circuit(callback: &mut dyn FnMut(&Circuit), state: &State, change: &Change) {
    if let Some(cell) = change.circuit() {
        callback(&Circuit::new(cell.clone(), state.clone()));
    }
}

fn with_hop(callback: &mut dyn FnMut(&Circuit, &RelayName), state: &State, change: &Change) {
    if let Change::CircuitExtended(cell, hop) = change {
        callback(&Circuit::new(cell.clone(), state.clone()), hop);
    }
}

fn with_stream(callback: &mut dyn FnMut(&Stream), state: &State, change: &Change) {
    if let Some(cell) = change.stream() {
        callback(&Stream::new(cell.clone(), state.clone()));
    }
}

fn with_both(callback: &mut dyn FnMut(&Stream, &Circuit), state: &State, change: &Change) {
    if let Change::StreamAttached(stream, circuit) = change {
        callback(
            &Stream::new(stream.clone(), state.clone()),
            &Circuit::new(circuit.clone(), state.clone()),
        );
    }
}

fn with_router(callback: &mut dyn FnMut(&Router), state: &State, change: &Change) {
    if let Change::RouterAdded(cell) | Change::RouterChanged(cell) | Change::RouterRemoved(cell) =
        change
    {
        callback(&Router::new(cell.clone(), state.clone()));
    }
}

fn with_mapping(callback: &mut dyn FnMut(&AddressMapping), _state: &State, change: &Change) {
    if let Change::AddressAdded(mapping) | Change::AddressExpired(mapping) = change {
        callback(mapping);
    }
}

fn with_failure(callback: &mut dyn FnMut(&AddrMapEvent), _state: &State, change: &Change) {
    if let Change::AddressFailed(event) = change {
        callback(event);
    }
}

closures! {
    /// Calls `callback` for every new circuit.
    on_circuit_new(Circuit): Change::CircuitNew(_) => with_circuit;
    /// Calls `callback` for every circuit that tor starts to build.
    on_circuit_launched(Circuit): Change::CircuitLaunched(_) => with_circuit;
    /// Calls `callback` for every hop that is added to a circuit, with the
    /// circuit and the hop.
    on_circuit_extended(Circuit, RelayName): Change::CircuitExtended(..) => with_hop;
    /// Calls `callback` for every circuit that can now carry streams.
    on_circuit_built(Circuit): Change::CircuitBuilt(_) => with_circuit;
    /// Calls `callback` for every circuit whose purpose or onion service state
    /// has changed.
    on_circuit_changed(Circuit): Change::CircuitChanged(_) => with_circuit;
    /// Calls `callback` for every circuit that couldn't be built.
    on_circuit_failed(Circuit): Change::CircuitFailed(_) => with_circuit;
    /// Calls `callback` for every circuit that was closed after it had been
    /// built, or that is gone after a reconnect.
    on_circuit_closed(Circuit): Change::CircuitClosed(_) => with_circuit;
    /// Calls `callback` for every new stream.
    on_stream_new(Stream): Change::StreamNew(_) => with_stream;
    /// Calls `callback` for every stream that is attached to a circuit, with
    /// the stream and the circuit.
    on_stream_attached(Stream, Circuit): Change::StreamAttached(..) => with_both;
    /// Calls `callback` for every stream that is no longer attached to a
    /// circuit. It may be attached to another one.
    on_stream_detached(Stream): Change::StreamDetached(_) => with_stream;
    /// Calls `callback` for every stream that has been opened.
    on_stream_succeeded(Stream): Change::StreamSucceeded(_) => with_stream;
    /// Calls `callback` for every stream that couldn't be opened.
    on_stream_failed(Stream): Change::StreamFailed(_) => with_stream;
    /// Calls `callback` for every stream that has ended.
    on_stream_closed(Stream): Change::StreamClosed(_) => with_stream;
    /// Calls `callback` for every relay that is new in the consensus.
    on_router_added(Router): Change::RouterAdded(_) => with_router;
    /// Calls `callback` for every relay whose entry in the consensus has
    /// changed.
    on_router_changed(Router): Change::RouterChanged(_) => with_router;
    /// Calls `callback` for every relay that is no longer in the consensus.
    on_router_removed(Router): Change::RouterRemoved(_) => with_router;
    /// Calls `callback` for every address mapping that is new or has changed.
    on_address_added(AddressMapping): Change::AddressAdded(_) => with_mapping;
    /// Calls `callback` for every address mapping that has expired or was
    /// removed.
    on_address_expired(AddressMapping): Change::AddressExpired(_) => with_mapping;
    /// Calls `callback` for every name that couldn't be resolved.
    on_address_failed(AddrMapEvent): Change::AddressFailed(_) => with_failure;
}

fn tell_of_circuit(listener: &mut dyn CircuitListener, state: &State, change: &Change) {
    let Some(cell) = change.circuit() else { return };
    let circuit = Circuit::new(cell.clone(), state.clone());
    match change {
        Change::CircuitNew(_) => listener.circuit_new(&circuit),
        Change::CircuitLaunched(_) => listener.circuit_launched(&circuit),
        Change::CircuitExtended(_, hop) => listener.circuit_extended(&circuit, hop),
        Change::CircuitBuilt(_) => listener.circuit_built(&circuit),
        Change::CircuitChanged(_) => listener.circuit_changed(&circuit),
        Change::CircuitFailed(_) => listener.circuit_failed(&circuit),
        Change::CircuitClosed(_) => listener.circuit_closed(&circuit),
        _ => {}
    }
}

fn tell_of_stream(listener: &mut dyn StreamListener, state: &State, change: &Change) {
    let Some(cell) = change.stream() else { return };
    let stream = Stream::new(cell.clone(), state.clone());
    match change {
        Change::StreamNew(_) => listener.stream_new(&stream),
        Change::StreamAttached(_, circuit) => {
            listener.stream_attached(&stream, &Circuit::new(circuit.clone(), state.clone()));
        }
        Change::StreamDetached(_) => listener.stream_detached(&stream),
        Change::StreamSucceeded(_) => listener.stream_succeeded(&stream),
        Change::StreamFailed(_) => listener.stream_failed(&stream),
        Change::StreamClosed(_) => listener.stream_closed(&stream),
        _ => {}
    }
}
