//! Being told of changes.

use std::sync::Arc;
use std::time::Duration;

use super::change::Change;
use super::{Circuit, Router, State, Stream};
use crate::controller::{ListenerGuard, Subject};
use crate::error::Result;
use crate::event::AddrMapEvent;
use crate::protocol::AddressMapping;
use crate::transport::Deadline;
use crate::word::RelayName;

/// Who wants to be told of circuits: [`State::listen_to_circuits`],
/// [`Circuit::listen`]. Every method does nothing unless it is written.
///
/// They are called on the connection's thread for callbacks, one at a time, in
/// tor's order, and may call any method, and wait. The circuit says what is
/// known of it when it is asked, which may be more than what the call is about.
pub trait CircuitListener: Send {
    /// A circuit that was not known before: always the first call for it.
    fn circuit_new(&mut self, _circuit: &Circuit) {}
    /// tor begins to build it.
    fn circuit_launched(&mut self, _circuit: &Circuit) {}
    /// One more hop is there. tor may tell of several at once: then there is a
    /// call for each.
    fn circuit_extended(&mut self, _circuit: &Circuit, _hop: &RelayName) {}
    /// It can carry streams: also after it was extended.
    fn circuit_built(&mut self, _circuit: &Circuit) {}
    /// It is for something else now, or has come further in its work for an
    /// onion service.
    fn circuit_changed(&mut self, _circuit: &Circuit) {}
    /// It could not be built.
    fn circuit_failed(&mut self, _circuit: &Circuit) {}
    /// It has ended, after it was built.
    fn circuit_closed(&mut self, _circuit: &Circuit) {}
}

/// Who wants to be told of streams: [`State::listen_to_streams`],
/// [`Stream::listen`]. As [`CircuitListener`].
pub trait StreamListener: Send {
    /// A stream that was not known before: always the first call for it.
    fn stream_new(&mut self, _stream: &Stream) {}
    /// It is on this circuit now. It may have been on another before.
    fn stream_attached(&mut self, _stream: &Stream, _circuit: &Circuit) {}
    /// It is on no circuit any more, and may come to another.
    fn stream_detached(&mut self, _stream: &Stream) {}
    /// It is open.
    fn stream_succeeded(&mut self, _stream: &Stream) {}
    /// It could not be opened. [`stream_closed`](Self::stream_closed) follows.
    fn stream_failed(&mut self, _stream: &Stream) {}
    /// It has ended.
    fn stream_closed(&mut self, _stream: &Stream) {}
}

/// Who wants to be told of routers: [`State::listen_to_routers`]. As
/// [`CircuitListener`].
pub trait RouterListener: Send {
    /// The consensus has it now.
    fn router_added(&mut self, _router: &Router) {}
    /// The consensus says something else of it.
    fn router_changed(&mut self, _router: &Router) {}
    /// The consensus no longer has it.
    fn router_removed(&mut self, _router: &Router) {}
}

/// Who wants to be told of address mappings: [`State::listen_to_addresses`]. As
/// [`CircuitListener`].
pub trait AddressListener: Send {
    /// A mapping is new, or maps to something else, or ends at another time.
    fn address_added(&mut self, _mapping: &AddressMapping) {}
    /// A mapping has ended, or was taken away.
    fn address_expired(&mut self, _mapping: &AddressMapping) {}
    /// A name could not be resolved.
    fn address_failed(&mut self, _event: &AddrMapEvent) {}
}

/// A listener that is told of changes as long as this lives.
///
/// Dropping it removes the listener at once: no call begins afterwards, also
/// for changes that came before. A call that is running just now on another
/// thread is not waited for. It may be dropped by the listener itself.
/// [`finish`](Self::finish) lets the listener see what came before.
#[derive(Debug)]
#[must_use = "dropping this removes the listener at once"]
pub struct StateListener(ListenerGuard<State, Change>);

impl StateListener {
    /// Removes the listener once it was told of everything that tor sent before
    /// this call. Waits for that for at most `timeout`.
    ///
    /// A callback of the same connection may call this, but it can't wait for
    /// itself. The call returns early then, and the listener is still told of
    /// what is due and removed after that.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// in time, or if callbacks that are due don't return in time. The listener
    /// is removed at once then. The end of the connection is not an error.
    pub fn finish(self, timeout: Duration) -> Result<()> {
        self.0.finish(Deadline::after(timeout))
    }
}

/// Listeners. Each is told as long as what these return lives.
impl State {
    /// Tells `listener` of all circuits.
    pub fn listen_to_circuits(
        &self,
        mut listener: impl CircuitListener + 'static,
    ) -> StateListener {
        self.listen(move |state, change| {
            tell_of_circuit(&mut listener, state, change);
        })
    }

    /// Tells `listener` of all streams.
    pub fn listen_to_streams(&self, mut listener: impl StreamListener + 'static) -> StateListener {
        self.listen(move |state, change| tell_of_stream(&mut listener, state, change))
    }

    /// Tells `listener` of all routers.
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

    /// Tells `listener` of all address mappings.
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

    /// Calls `function` with the changes of the circuit or stream in `cell`
    /// only.
    fn listen_to<T: Send + Sync + 'static>(
        &self,
        cell: &Arc<T>,
        mut function: impl FnMut(&State, &Change) + Send + 'static,
    ) -> StateListener {
        let kept = cell.clone();
        let function = move |state: &State, change: &Change| {
            // As long as somebody listens to it, no other cell takes its place.
            let _ = &kept;
            function(state, change);
        };
        StateListener(self.shared().add_listener(Some(Subject::of(cell)), Box::new(function)))
    }
}

impl Circuit {
    /// Tells `listener` of this circuit. Events of other circuits cost nothing.
    pub fn listen(&self, mut listener: impl CircuitListener + 'static) -> StateListener {
        self.state().listen_to(self.cell(), move |state, change| {
            tell_of_circuit(&mut listener, state, change);
        })
    }
}

impl Stream {
    /// Tells `listener` of this stream. Events of other streams cost nothing.
    pub fn listen(&self, mut listener: impl StreamListener + 'static) -> StateListener {
        self.state().listen_to(self.cell(), move |state, change| {
            tell_of_stream(&mut listener, state, change);
        })
    }
}

macro_rules! closures {
    ($( $(#[$meta:meta])* $name:ident($($argument:ty),*): $change:pat => $call:expr; )*) => {
        /// Closures, called as the listeners' methods of the same names are.
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
    /// Calls back with every circuit that was not known before.
    on_circuit_new(Circuit): Change::CircuitNew(_) => with_circuit;
    /// Calls back with every circuit that tor begins to build.
    on_circuit_launched(Circuit): Change::CircuitLaunched(_) => with_circuit;
    /// Calls back with every circuit that has one more hop, and the hop.
    on_circuit_extended(Circuit, RelayName): Change::CircuitExtended(..) => with_hop;
    /// Calls back with every circuit that can carry streams now.
    on_circuit_built(Circuit): Change::CircuitBuilt(_) => with_circuit;
    /// Calls back with every circuit that is for something else now, or has
    /// come further in its work for an onion service.
    on_circuit_changed(Circuit): Change::CircuitChanged(_) => with_circuit;
    /// Calls back with every circuit that could not be built.
    on_circuit_failed(Circuit): Change::CircuitFailed(_) => with_circuit;
    /// Calls back with every circuit that has ended after it was built.
    on_circuit_closed(Circuit): Change::CircuitClosed(_) => with_circuit;
    /// Calls back with every stream that was not known before.
    on_stream_new(Stream): Change::StreamNew(_) => with_stream;
    /// Calls back with every stream that is on a circuit now, and the circuit.
    on_stream_attached(Stream, Circuit): Change::StreamAttached(..) => with_both;
    /// Calls back with every stream that is on no circuit any more, and may
    /// come to another.
    on_stream_detached(Stream): Change::StreamDetached(_) => with_stream;
    /// Calls back with every stream that is open now.
    on_stream_succeeded(Stream): Change::StreamSucceeded(_) => with_stream;
    /// Calls back with every stream that could not be opened.
    on_stream_failed(Stream): Change::StreamFailed(_) => with_stream;
    /// Calls back with every stream that has ended.
    on_stream_closed(Stream): Change::StreamClosed(_) => with_stream;
    /// Calls back with every router that the consensus has now, and did not
    /// have before.
    on_router_added(Router): Change::RouterAdded(_) => with_router;
    /// Calls back with every router of which the consensus says something else.
    on_router_changed(Router): Change::RouterChanged(_) => with_router;
    /// Calls back with every router that the consensus no longer has.
    on_router_removed(Router): Change::RouterRemoved(_) => with_router;
    /// Calls back with every address mapping that is new, or has changed.
    on_address_added(AddressMapping): Change::AddressAdded(_) => with_mapping;
    /// Calls back with every address mapping that has ended.
    on_address_expired(AddressMapping): Change::AddressExpired(_) => with_mapping;
    /// Calls back with every name that could not be resolved.
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
