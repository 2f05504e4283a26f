//! Clients whose requests go over chosen circuits: the command ATTACHSTREAM in
//! control-spec.

use std::sync::Arc;

use super::AttachPoint;
use super::circuit_binder::CircuitBinder;
use super::fresh::FreshCircuitBinder;
use crate::circuits::path::CircuitBuilder;
use crate::client::TorClient;
use crate::client::socks_ports::SocksPorts;
use crate::error::Result;
use crate::live::state::{Circuit, State};

/// Requests over chosen circuits. Circuits that are chosen by hand stand out,
/// and may reveal the user.
impl TorClient {
    /// Returns a copy of this client that sends all connections and DNS
    /// look-ups over one circuit. The circuit is given as a
    /// [`Circuit`](crate::state::Circuit), a
    /// [`CircuitId`](crate::word::CircuitId), or an [`AttachPoint`] on a
    /// circuit.
    ///
    /// ```no_run
    /// use scape::control::ExtendCircuit;
    /// use scape::Tor;
    /// use std::time::Duration;
    ///
    /// let tor = Tor::connect()?;
    /// let request = ExtendCircuit::new();
    /// let circuit = tor.controller()?.build_circuit(&request, Duration::from_secs(60))?;
    /// let client = tor.client()?.via(circuit.id)?;
    /// let stream = client.connect(("example.com", 80))?;
    /// println!("{}", client.dns_resolve("example.com")?);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// Each connection has its own SOCKS user name, which identifies its
    /// stream. So [`isolation`](Self::isolation) has no effect. A connection is
    /// returned once tor has reported that its stream is open on this circuit.
    /// If the stream can't be attached to the circuit, the call fails with a
    /// [`StreamError`](crate::control::StreamError) and the stream is closed.
    /// The stream never uses another circuit. tor answers some look-ups itself
    /// (the text of an address, a mapped name). Such look-ups use no circuit.
    ///
    /// The client's SOCKS port must belong to the tor that has the circuit. A
    /// port that the program [named](crate::tor::SocksPort::At) can't be
    /// checked, because it may be forwarded from another machine. If the port
    /// leads to another tor, that tor chooses a circuit and sends the request,
    /// and the call fails afterwards.
    ///
    /// Onion services can't be reached over a chosen circuit. Such a request
    /// fails before anything is sent. The SOCKS port's isolation flags don't
    /// apply: streams that tor would isolate from each other share this
    /// circuit.
    ///
    /// While the returned client lives, or anything that is made from it
    /// (clones, HTTP agents), every new stream of this tor waits for this
    /// program's decision: see [`attach`](crate::attach). If such clients
    /// follow each other within five seconds, new streams also wait for this
    /// program during the five seconds after the last client was dropped.
    ///
    /// A program that is ended by a signal, or that keeps such a client in a
    /// `static`, should call [`undo_all`](crate::undo_all) before it ends.
    /// Otherwise the streams of every program stay unattached until tor is
    /// restarted or [`release_streams`](crate::Controller::release_streams) is
    /// called.
    ///
    /// If tor's SOCKS port reports that a connection failed, the call that
    /// connects waits up to two seconds for tor's reason. That call may exceed
    /// the client's timeout by up to one second.
    ///
    /// DNS look-ups work over circuits for general use and over circuits with
    /// the purpose [`Controller`](crate::event::CircuitPurpose::Controller):
    /// see [`attach_stream`](crate::Controller::attach_stream).
    ///
    /// # Errors
    ///
    /// If tor is known by its SOCKS port only, the error is a
    /// [`NoControlError`](crate::tor::NoControlError) (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)). If the circuit is
    /// known to have closed, the error is a
    /// [`StreamError`](crate::control::StreamError). If a filter in front of
    /// the control port hides tor's SOCKS ports, the client's port could belong
    /// to another tor. So the error is the filter's refusal (kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused)). The errors of
    /// [`Controller::attach_streams`](crate::Controller::attach_streams) are
    /// also possible.
    #[doc(alias = "stream_via")]
    pub fn via(&self, circuit: impl Into<AttachPoint>) -> Result<TorClient> {
        let controller = self.controller_of_port()?.in_one_call();
        Ok(self.with_route(CircuitBinder::new(&controller, circuit.into())?))
    }

    /// Returns a copy of this client that builds a new circuit for each
    /// connection and each DNS look-up. `builder` has the settings of these
    /// circuits. A connection or look-up never uses another circuit.
    ///
    /// ```no_run
    /// use scape::{CircuitBuilder, Tor};
    ///
    /// let tor = Tor::connect()?;
    /// let client = tor.client()?.building(CircuitBuilder::new())?;
    /// let stream = client.connect(("example.com", 80))?; // a circuit for this one only
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// The time for building a circuit is part of the client's
    /// [`timeout`](Self::timeout), and is also limited by the builder's
    /// timeout. If the connection fails, its circuit is closed. Circuits for
    /// general use stay open until tor closes them because they are idle.
    /// Circuits with the purpose
    /// [`Controller`](crate::event::CircuitPurpose::Controller) stay open until
    /// somebody closes them.
    ///
    /// This call needs the live [`State`] of the control connection, and loads
    /// it unless the program already has one. To make several such clients,
    /// keep a [`State`], so that it is loaded only once.
    ///
    /// Onion services can't be reached. While the returned client lives, every
    /// new stream of this tor waits for this program, and a program that is
    /// ended by a signal should call [`undo_all`](crate::undo_all) first: see
    /// [`via`](Self::via).
    ///
    /// # Errors
    ///
    /// Same errors as [`via`](Self::via) and [`State::new`], most often a
    /// [`NoControlError`](crate::tor::NoControlError). Connections through the
    /// client can also fail with the errors of [`CircuitBuilder::build`].
    pub fn building(&self, builder: CircuitBuilder) -> Result<TorClient> {
        let controller = self.controller_of_port()?.in_one_call();
        let state = State::new(&controller)?;
        let route = FreshCircuitBinder::new(&state, builder, controller.deadline())?;
        Ok(self.with_route(route))
    }
}

/// Requests over this circuit.
impl Circuit {
    /// Returns a client whose connections and DNS look-ups go over this circuit
    /// only: see [`TorClient::via`]. The client uses the first of tor's SOCKS
    /// ports that accepts a connection. To choose another port, use
    /// [`Tor::client_on`](crate::Tor::client_on) and [`TorClient::via`].
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let tor = scape::Tor::connect()?;
    /// let state = tor.state()?;
    /// let circuit = state.wait(Duration::from_secs(60), |state| {
    ///     state.circuits().into_iter().find(|c| c.is_built())
    /// })?;
    /// let client = circuit.client()?.timeout(Duration::from_secs(20));
    /// for name in ["example.com", "example.org"] {
    ///     println!("{name}: {}", client.dns_resolve(name)?);
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Tor::client`](crate::Tor::client) and
    /// [`TorClient::via`], most often a
    /// [`StreamError`](crate::control::StreamError) because the circuit has
    /// closed.
    #[doc(alias = "web_agent")]
    pub fn client(&self) -> Result<TorClient> {
        let state = self.state();
        let controller = state.controller();
        let call = controller.in_one_call();
        let route = CircuitBinder::new(&call, self.into())?;
        let port = SocksPorts::of(&call).named_by_tor(&call)?;
        // The state may keep a launched tor alive. The client must keep it
        // alive, too.
        let keep = state.kept().cloned().unwrap_or_else(|| Arc::new(controller.to_keep()));
        Ok(TorClient::new(port, Some(controller), keep).with_route(route))
    }
}
