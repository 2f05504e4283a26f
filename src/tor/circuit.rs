//! Connections over circuits of one's choice.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Core, SocksPort, Tor, TorClient};
use crate::attach::{CircuitRoute, FreshRoute, Place};
use crate::error::Result;
use crate::path::CircuitBuilder;
use crate::socks::{SocksStream, ToTargetAddr};
use crate::state::Circuit;

/// Connections over circuits of one's choice. control-spec, command
/// ATTACHSTREAM.
impl Tor {
    /// A client whose connections and look-ups go over this circuit, and
    /// nowhere else: a [`Circuit`], a [`CircuitId`](crate::word::CircuitId),
    /// or a [`Place`] on one. As [`client_via_on`](Self::client_via_on), with
    /// [`SocksPort::Usable`].
    ///
    /// ```no_run
    /// use scape::{BuildCircuit, Tor};
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
    /// Same errors as [`client_via_on`](Self::client_via_on).
    pub fn client_via(&self, circuit: impl Into<Place>) -> Result<TorClient> {
        self.client_via_on(circuit, &SocksPort::Usable)
    }

    /// Returns a client like [`client_via`](Self::client_via), on the given
    /// SOCKS port, TCP or Unix.
    ///
    /// Each connection is made with a SOCKS user name of its own, by which its
    /// stream is known; [`TorClient::isolation`] has no effect. Before it is
    /// handed out, tor has said that its stream is open on this circuit. If
    /// that can't be, the call fails with a
    /// [`StreamError`](crate::controller::StreamError), and the stream is
    /// closed: it goes over no other circuit. A look-up of what tor knows by
    /// itself (an address' own text, a mapped name) goes nowhere.
    ///
    /// Onion services cannot be reached over a circuit of one's choice, which
    /// is an error before anything is sent. tor's ports refuse nothing on
    /// account of isolation here: streams that tor would keep apart share this
    /// circuit.
    ///
    /// While this client lives, or anything that is made from it (clones, HTTP
    /// agents), every new stream of this tor waits for this program: see
    /// [`attach`](crate::attach). If a client comes within five seconds after
    /// another one, that goes on for up to five seconds after the last. A
    /// program that is ended by a signal, or keeps a handle in a `static`,
    /// should call [`undo_all`](crate::undo_all) before it ends, or no program
    /// can use that tor any more.
    ///
    /// If tor's SOCKS port says that a connection failed, tor's reason is
    /// waited for, up to two seconds, and up to one second after the client's
    /// timeout.
    ///
    /// Look-ups can go over circuits for general use and over those with the
    /// purpose [`Controller`](crate::event::CircuitPurpose::Controller): see
    /// [`attach_stream`](crate::Controller::attach_stream).
    ///
    /// Circuits that are chosen by hand can be told from others, and may reveal
    /// who uses them.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoControlError`](super::NoControlError) (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if tor is known by
    /// its SOCKS port only. The errors of [`client_on`](Self::client_on) and
    /// [`Controller::attach_streams_with`](crate::Controller::attach_streams_with)
    /// are also possible.
    pub fn client_via_on(&self, circuit: impl Into<Place>, port: &SocksPort) -> Result<TorClient> {
        let deadline = self.deadline();
        let route = CircuitRoute::new(&self.controller()?.until(deadline), circuit.into())?;
        Ok(self.client_of_this_tor(port, deadline)?.route(route))
    }

    /// A client that builds a new circuit for each connection and look-up, as
    /// `builder` says, and makes it there, or not at all. As
    /// [`client_building_on`](Self::client_building_on), with
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
    /// Same errors as [`client_building_on`](Self::client_building_on).
    pub fn client_building(&self, builder: CircuitBuilder) -> Result<TorClient> {
        self.client_building_on(builder, &SocksPort::Usable)
    }

    /// As [`client_building`](Self::client_building), on the SOCKS port of
    /// one's choice.
    ///
    /// Building counts for the client's timeout ([`TorClient::timeout`]), and
    /// takes no longer than the builder's. A circuit whose connection did not
    /// come to be is closed. The others stay, and tor closes them when they
    /// have been idle long enough, if they are for general use; those with the
    /// purpose [`Controller`](crate::event::CircuitPurpose::Controller) stay
    /// until somebody closes them.
    ///
    /// Onion services can't be reached. Every new stream of this tor waits for
    /// this program meanwhile, and a program that is ended by a signal should
    /// call [`undo_all`](crate::undo_all) first: see
    /// [`client_via_on`](Self::client_via_on).
    ///
    /// Circuits that are chosen by hand can be told from others, and may reveal
    /// who uses them.
    ///
    /// # Errors
    ///
    /// Same errors as [`client_via_on`](Self::client_via_on) and
    /// [`state`](Self::state). Connections also fail as
    /// [`CircuitBuilder::build`] does.
    pub fn client_building_on(
        &self,
        builder: CircuitBuilder,
        port: &SocksPort,
    ) -> Result<TorClient> {
        let deadline = self.deadline();
        let state = self.state_until(deadline)?;
        let route = FreshRoute::new(&state, builder, deadline)?;
        Ok(self.client_of_this_tor(port, deadline)?.route(route))
    }
}

/// Connections over this circuit, and no other. Who sends streams over circuits
/// of his own choice can be told from others, which may reveal him.
impl Circuit {
    /// A client whose connections and look-ups go over this circuit, and
    /// nowhere else: [`Tor::client_via`]. It has the timeout
    /// ([`TorClient::timeout`]), HTTP, TLS, and whether private addresses are
    /// asked for.
    ///
    /// # Errors
    ///
    /// As there.
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
    pub fn client(&self) -> Result<TorClient> {
        self.client_on(&SocksPort::Usable)
    }

    /// As [`client`](Self::client), on the SOCKS port of one's choice:
    /// [`Tor::client_via_on`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn client_on(&self, port: &SocksPort) -> Result<TorClient> {
        self.tor().client_via_on(self, port)
    }

    /// Connects to `target` over this circuit: [`TorClient::connect`] of
    /// [`client`](Self::client).
    ///
    /// Each call sets and resets tor's option `__LeaveStreamsUnattached`. If
    /// one comes within five seconds after another, the option stays set for
    /// five seconds. See [`Tor::client_via_on`] for what that means.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`StreamError`](crate::controller::StreamError)
    /// if the stream can't go over this circuit. It goes nowhere then. The
    /// errors of [`client`](Self::client) and [`TorClient::connect`] are also
    /// possible.
    pub fn stream_via(&self, target: impl ToTargetAddr) -> Result<SocksStream> {
        self.client()?.connect(target)
    }

    /// Looks up an address of a host, at this circuit's exit:
    /// [`TorClient::dns_resolve`] of [`client`](Self::client).
    ///
    /// # Errors
    ///
    /// As [`stream_via`](Self::stream_via).
    pub fn dns_resolve(&self, name: &str) -> Result<IpAddr> {
        self.client()?.dns_resolve(name)
    }

    /// Looks up the name of the host with this address, at this circuit's exit:
    /// [`TorClient::dns_resolve_ptr`] of [`client`](Self::client).
    ///
    /// # Errors
    ///
    /// As [`stream_via`](Self::stream_via).
    pub fn dns_resolve_ptr(&self, ip: IpAddr) -> Result<String> {
        self.client()?.dns_resolve_ptr(ip)
    }

    /// An HTTP agent that goes over this circuit: [`TorClient::http`] of [`client`](Self::client).
    ///
    /// # Errors
    ///
    /// As [`client`](Self::client).
    #[cfg(feature = "http")]
    pub fn http(&self) -> Result<ureq::Agent> {
        self.client()?.http()
    }

    /// The tor that it is one of.
    fn tor(&self) -> Tor {
        let state = self.state();
        let core = state.kept().and_then(|keep| Arc::clone(keep).downcast::<Core>().ok());
        core.map_or_else(|| Tor::from(state.controller().clone()), Tor::of)
    }
}
