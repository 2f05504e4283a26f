//! Connections over chosen circuits.

use super::{SocksPort, Tor, TorClient};
use crate::circuits::attach::{AttachPoint, CircuitBinder, FreshCircuitBinder};
use crate::circuits::path::CircuitBuilder;
use crate::error::Result;

/// Connections over chosen circuits: the command ATTACHSTREAM in control-spec.
impl Tor {
    /// Returns a client whose connections and DNS look-ups go over one circuit
    /// only. The circuit is a [`Circuit`](crate::state::Circuit), a
    /// [`CircuitId`](crate::word::CircuitId), or a [`AttachPoint`] on a
    /// circuit.
    ///
    /// Like [`client_via_on`](Self::client_via_on) with [`SocksPort::Usable`].
    ///
    /// ```no_run
    /// use scape::control::BuildCircuit;
    /// use scape::Tor;
    ///
    /// let tor = Tor::connect()?;
    /// let circuit = tor.controller()?.build_circuit(&BuildCircuit::new())?;
    /// let client = tor.client_via(circuit.id)?;
    /// let stream = client.connect(("example.com", 80))?;
    /// println!("{}", client.dns_resolve("example.com")?);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`client_via_on`](Self::client_via_on), most often a
    /// [`NoControlError`](super::NoControlError).
    pub fn client_via(&self, circuit: impl Into<AttachPoint>) -> Result<TorClient> {
        self.client_via_on(circuit, &SocksPort::Usable)
    }

    /// Returns a client like [`client_via`](Self::client_via), for a given
    /// SOCKS port (TCP or Unix).
    ///
    /// ```no_run
    /// use scape::control::BuildCircuit;
    /// use scape::tor::SocksPort;
    /// use scape::Tor;
    ///
    /// let tor = Tor::connect()?;
    /// let circuit = tor.controller()?.build_circuit(&BuildCircuit::new())?;
    /// let client = tor.client_via_on(circuit.id, &SocksPort::at(9050))?;
    /// let stream = client.connect(("example.com", 80))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// Each connection has its own SOCKS user name, which identifies its
    /// stream. So [`TorClient::isolation`] has no effect. A connection is
    /// returned once tor has reported that its stream is open on this circuit.
    /// If the stream can't be attached to the circuit, the call fails with a
    /// [`StreamError`](crate::control::StreamError) and the stream is closed:
    /// it never uses another circuit. Look-ups that tor answers itself (the
    /// text of an address, a mapped name) use no circuit.
    ///
    /// Onion services can't be reached over a chosen circuit; such a request
    /// fails before anything is sent. The port's isolation flags don't apply
    /// here: streams that tor would isolate from each other share this circuit.
    ///
    /// While this client lives, or anything that is made from it (clones, HTTP
    /// agents), every new stream of this tor waits for this program: see
    /// [`attach`](crate::attach). If clients follow each other within five
    /// seconds, that lasts up to five seconds longer than the last one. A
    /// program that is ended by a signal, or keeps a handle in a `static`,
    /// should call [`undo_all`](crate::undo_all) before it ends. Otherwise no
    /// program can use that tor any more.
    ///
    /// If tor's SOCKS port reports that a connection failed, the call waits for
    /// tor's reason for up to two seconds. It may exceed the client's timeout
    /// by up to one second.
    ///
    /// DNS look-ups work over circuits for general use and over circuits with
    /// the purpose [`Controller`](crate::event::CircuitPurpose::Controller):
    /// see [`attach_stream`](crate::Controller::attach_stream).
    ///
    /// Hand-picked circuits stand out, and may reveal who uses them.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoControlError`](super::NoControlError) (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if tor is known by
    /// its SOCKS port only. If the circuit is known to have closed, the error
    /// is a [`StreamError`](crate::control::StreamError). The errors of
    /// [`client_on`](Self::client_on) and
    /// [`Controller::attach_streams_with`](crate::Controller::attach_streams_with)
    /// are also possible.
    pub fn client_via_on(
        &self,
        circuit: impl Into<AttachPoint>,
        port: &SocksPort,
    ) -> Result<TorClient> {
        let deadline = self.deadline();
        let route = CircuitBinder::new(&self.controller()?.until(deadline), circuit.into())?;
        Ok(self.client_of_this_tor(port, deadline)?.route(route))
    }

    /// Returns a client that builds a new circuit for each connection and each
    /// DNS look-up, with the settings in `builder`. The request uses that
    /// circuit only.
    ///
    /// Like [`client_building_on`](Self::client_building_on) with
    /// [`SocksPort::Usable`].
    ///
    /// ```no_run
    /// use scape::{CircuitBuilder, Tor};
    ///
    /// let tor = Tor::connect()?;
    /// let client = tor.client_building(CircuitBuilder::new())?;
    /// let stream = client.connect(("example.com", 80))?; // a circuit for this one only
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`client_building_on`](Self::client_building_on), most
    /// often a [`NoControlError`](super::NoControlError).
    pub fn client_building(&self, builder: CircuitBuilder) -> Result<TorClient> {
        self.client_building_on(builder, &SocksPort::Usable)
    }

    /// Returns a client like [`client_building`](Self::client_building), for a
    /// given SOCKS port.
    ///
    /// ```no_run
    /// use scape::tor::SocksPort;
    /// use scape::{CircuitBuilder, Tor};
    ///
    /// let tor = Tor::connect()?;
    /// let client = tor.client_building_on(CircuitBuilder::new(), &SocksPort::at(9050))?;
    /// let stream = client.connect(("example.com", 80))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// The time for building a circuit is part of the client's timeout
    /// ([`TorClient::timeout`]), and is also limited by the builder's timeout.
    /// If the connection fails, its circuit is closed. Circuits for general use
    /// stay open until tor closes them because they are idle. Circuits with the
    /// purpose [`Controller`](crate::event::CircuitPurpose::Controller) stay
    /// open until somebody closes them.
    ///
    /// Onion services can't be reached. Meanwhile, every new stream of this tor
    /// waits for this program, and a program that is ended by a signal should
    /// call [`undo_all`](crate::undo_all) first: see
    /// [`client_via_on`](Self::client_via_on).
    ///
    /// Hand-picked circuits stand out, and may reveal who uses them.
    ///
    /// # Errors
    ///
    /// Same errors as [`client_via_on`](Self::client_via_on) and
    /// [`state`](Self::state), most often a
    /// [`NoControlError`](super::NoControlError). Connections through the
    /// client can also fail with the errors of [`CircuitBuilder::build`].
    pub fn client_building_on(
        &self,
        builder: CircuitBuilder,
        port: &SocksPort,
    ) -> Result<TorClient> {
        let deadline = self.deadline();
        let state = self.state_until(deadline)?;
        let route = FreshCircuitBinder::new(&state, builder, deadline)?;
        Ok(self.client_of_this_tor(port, deadline)?.route(route))
    }
}
