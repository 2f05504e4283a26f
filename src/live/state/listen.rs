//! Listeners for changes of the state.

use std::sync::Arc;

use super::change::Change;
use super::{Circuit, Router, State, Stream};
use crate::control::{Function, Subject};
use crate::io::connection::Registration;
use scape_proto::event::AddrMapEvent;
use scape_proto::info::AddressMapping;
use scape_proto::word::RelayName;

/// A listener for changes of circuits. Install it with
/// [`State::listen_to_circuits`] or [`Circuit::listen`]. Every method does
/// nothing by default.
///
/// The methods are called on the connection's callback thread, one at a time
/// and in the order of tor's events. They may call any method of this library,
/// and may wait. The methods of the passed [`Circuit`] return the latest
/// information, which may be newer than the change that the call is about.
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
/// let registration = state.listen_to_circuits(Printer);
/// # Ok::<(), scape::Error>(())
/// ```
#[doc(alias = "ICircuitListener")]
pub trait CircuitListener: Send {
    /// Called when the state contains a new circuit: tor has reported it, or
    /// this program has launched it. This is the first call for a circuit,
    /// unless the circuit existed before the listener was installed.
    fn circuit_new(&mut self, _circuit: &Circuit) {}
    /// Called when tor starts to build the circuit.
    fn circuit_launched(&mut self, _circuit: &Circuit) {}
    /// Called when the circuit has one more hop. If tor reports several hops at
    /// once, there is one call for each.
    #[doc(alias = "circuit_extend")]
    fn circuit_extended(&mut self, _circuit: &Circuit, _hop: &RelayName) {}
    /// Called when the circuit can carry streams, also after an extension.
    fn circuit_built(&mut self, _circuit: &Circuit) {}
    /// Called when the circuit's purpose or its onion service state has
    /// changed.
    fn circuit_changed(&mut self, _circuit: &Circuit) {}
    /// Called when the circuit couldn't be built.
    fn circuit_failed(&mut self, _circuit: &Circuit) {}
    /// Called when the circuit was closed after it had been built, or when tor
    /// no longer has it after a reconnect.
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
/// let registration = state.listen_to_streams(Printer);
/// # Ok::<(), scape::Error>(())
/// ```
#[doc(alias = "IStreamListener")]
pub trait StreamListener: Send {
    /// Called when the state contains a new stream. This is the first call for
    /// a stream, unless the stream existed before the listener was installed.
    fn stream_new(&mut self, _stream: &Stream) {}
    /// Called when the stream is attached to this circuit. The stream may have
    /// been attached to another circuit before.
    #[doc(alias = "stream_attach")]
    fn stream_attached(&mut self, _stream: &Stream, _circuit: &Circuit) {}
    /// Called when the stream is no longer attached to a circuit. tor may
    /// attach the stream to another circuit later.
    #[doc(alias = "stream_detach")]
    fn stream_detached(&mut self, _stream: &Stream) {}
    /// Called when the stream is open.
    fn stream_succeeded(&mut self, _stream: &Stream) {}
    /// Called when the stream couldn't be opened. A call of
    /// [`stream_closed`](Self::stream_closed) follows.
    fn stream_failed(&mut self, _stream: &Stream) {}
    /// Called when the stream has ended.
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
/// let registration = state.listen_to_routers(Printer);
/// # Ok::<(), scape::Error>(())
/// ```
pub trait RouterListener: Send {
    /// Called when the relay has appeared in the consensus.
    fn router_added(&mut self, _router: &Router) {}
    /// Called when the relay's entry in the consensus has changed.
    fn router_changed(&mut self, _router: &Router) {}
    /// Called when the relay is no longer in the consensus.
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
/// let registration = state.listen_to_addresses(Printer);
/// # Ok::<(), scape::Error>(())
/// ```
#[doc(alias = "IAddrListener")]
pub trait AddressListener: Send {
    /// Called when a mapping was added, or when its target or its expiry time
    /// has changed.
    fn address_added(&mut self, _mapping: &AddressMapping) {}
    /// Called when a mapping has expired or was removed.
    fn address_expired(&mut self, _mapping: &AddressMapping) {}
    /// Called when a name couldn't be resolved.
    fn address_failed(&mut self, _event: &AddrMapEvent) {}
}

/// Methods that install listeners. Each listener is called as long as the
/// returned [`Registration`] lives. The registration keeps the state alive.
impl State {
    /// Installs a listener for all circuits, those that exist already and new
    /// ones.
    ///
    /// The listener is called for changes from now on. For the circuits that
    /// exist already, see [`circuits`](Self::circuits).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::state::{Circuit, CircuitListener};
    ///
    /// struct Printer;
    /// impl CircuitListener for Printer {
    ///     fn circuit_built(&mut self, circuit: &Circuit) {
    ///         println!("built: {circuit}");
    ///     }
    /// }
    /// let registration = state.listen_to_circuits(Printer);
    /// # tor.send("650 CIRC 8 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "add_circuit_listener")]
    pub fn listen_to_circuits(&self, mut listener: impl CircuitListener + 'static) -> Registration {
        self.listen(move |state, change| {
            tell_of_circuit(&mut listener, state, change);
        })
    }

    /// Installs a listener for all streams, those that exist already and new
    /// ones.
    ///
    /// The listener is called for changes from now on. For the streams that
    /// exist already, see [`streams`](Self::streams).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::state::{Stream, StreamListener};
    ///
    /// struct Printer;
    /// impl StreamListener for Printer {
    ///     fn stream_succeeded(&mut self, stream: &Stream) {
    ///         println!("open: {stream}");
    ///     }
    /// }
    /// let registration = state.listen_to_streams(Printer);
    /// # tor.send("650 STREAM 4 NEW 0 www.example.com:80\r\n");
    /// # tor.send("650 STREAM 4 SUCCEEDED 7 www.example.com:80\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "add_stream_listener")]
    pub fn listen_to_streams(&self, mut listener: impl StreamListener + 'static) -> Registration {
        self.listen(move |state, change| tell_of_stream(&mut listener, state, change))
    }

    /// Installs a listener for all relays, those in the consensus and those
    /// that later consensuses add.
    ///
    /// The listener is called for changes from now on. For the relays that are
    /// in the consensus already, see [`routers`](Self::routers).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::state::{Router, RouterListener};
    ///
    /// struct Printer;
    /// impl RouterListener for Printer {
    ///     fn router_added(&mut self, router: &Router) {
    ///         println!("new: {router}");
    ///     }
    /// }
    /// let registration = state.listen_to_routers(Printer);
    /// # tor.send("650+NEWCONSENSUS\r\nr alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\r\ns Running\r\n.\r\n650 OK\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listen_to_routers(&self, mut listener: impl RouterListener + 'static) -> Registration {
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

    /// Installs a listener for all address mappings, those that exist already
    /// and new ones.
    ///
    /// The listener is called for changes from now on. For the mappings that
    /// exist already, see [`addresses`](Self::addresses).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::info::AddressMapping;
    /// use scape::state::AddressListener;
    ///
    /// struct Printer;
    /// impl AddressListener for Printer {
    ///     fn address_added(&mut self, mapping: &AddressMapping) {
    ///         println!("{mapping}");
    ///     }
    /// }
    /// let registration = state.listen_to_addresses(Printer);
    /// # tor.send("650 ADDRMAP b.example 192.0.2.2 NEVER CACHED=\"YES\"\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listen_to_addresses(
        &self,
        mut listener: impl AddressListener + 'static,
    ) -> Registration {
        self.listen(move |_, change| match change {
            Change::AddressAdded(mapping) => listener.address_added(mapping),
            Change::AddressExpired(mapping) => listener.address_expired(mapping),
            Change::AddressFailed(event) => listener.address_failed(event),
            _ => {}
        })
    }

    pub(super) fn listen(
        &self,
        function: impl FnMut(&State, &Change) + Send + 'static,
    ) -> Registration {
        self.register(None, Box::new(function))
    }

    /// Installs `function` as a listener for changes of the circuit or stream
    /// in `cell` only.
    fn listen_to<T: Send + Sync + 'static>(
        &self,
        cell: &Arc<T>,
        mut function: impl FnMut(&State, &Change) + Send + 'static,
    ) -> Registration {
        let kept = cell.clone();
        let function = move |state: &State, change: &Change| {
            // The cell is identified by its memory address, so it must live as
            // long as the listener.
            let _ = &kept;
            function(state, change);
        };
        self.register(Some(Subject::of(cell)), Box::new(function))
    }

    fn register(
        &self,
        subject: Option<Subject>,
        function: Function<State, Change>,
    ) -> Registration {
        Registration::keeping(self.shared().add_listener(subject, function), self.clone())
    }
}

impl Circuit {
    /// Installs a listener for this circuit only. When other circuits change,
    /// the listener costs no time.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::state::{Circuit, CircuitListener};
    ///
    /// struct Printer;
    /// impl CircuitListener for Printer {
    ///     fn circuit_closed(&mut self, circuit: &Circuit) {
    ///         println!("closed: {circuit}");
    ///     }
    /// }
    /// let circuits = state.circuits();
    /// let listeners: Vec<_> = circuits.iter().map(|circuit| circuit.listen(Printer)).collect();
    /// # assert_eq!(listeners.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listen(&self, mut listener: impl CircuitListener + 'static) -> Registration {
        self.state().listen_to(self.cell(), move |state, change| {
            tell_of_circuit(&mut listener, state, change);
        })
    }
}

impl Stream {
    /// Installs a listener for this stream only. When other streams change, the
    /// listener costs no time.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "4 SUCCEEDED 7 www.example.com:80")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::state::{Stream, StreamListener};
    ///
    /// struct Printer;
    /// impl StreamListener for Printer {
    ///     fn stream_closed(&mut self, stream: &Stream) {
    ///         println!("closed: {stream}");
    ///     }
    /// }
    /// let streams = state.streams();
    /// let listeners: Vec<_> = streams.iter().map(|stream| stream.listen(Printer)).collect();
    /// # assert_eq!(listeners.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listen(&self, mut listener: impl StreamListener + 'static) -> Registration {
        self.state().listen_to(self.cell(), move |state, change| {
            tell_of_stream(&mut listener, state, change);
        })
    }
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
