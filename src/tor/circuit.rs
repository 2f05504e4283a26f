//! Connections over circuits of one's choice.

use super::{SocksPort, Tor, TorClient};
use crate::attach::{CircuitRoute, Place};
use crate::error::Result;

/// Connections over circuits of one's choice. control-spec, command ATTACHSTREAM.
impl Tor {
    /// A client whose connections and look-ups go over this circuit, and nowhere else: a [`CircuitId`](crate::types::CircuitId), or a
    /// [`Place`] on one. As [`client_via_on`](Self::client_via_on), with [`SocksPort::Usable`].
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
    /// As there.
    pub fn client_via(&self, circuit: impl Into<Place>) -> Result<TorClient> {
        self.client_via_on(circuit, &SocksPort::Usable)
    }

    /// As [`client_via`](Self::client_via), on the SOCKS port of one's choice, TCP or Unix.
    ///
    /// Each connection is made with a SOCKS user name of its own, by which its stream is known; [`TorClient::isolation`] has no effect. Before it is handed out, tor has said that
    /// its stream is open on this circuit. Where that cannot be, there is an error ([`Error::Stream`](crate::Error::Stream)), and the stream is closed: it goes over no
    /// other circuit. A look-up of what tor knows by itself (an address' own text, a mapped name) goes nowhere.
    ///
    /// Onion services cannot be reached over a circuit of one's choice, which is an error before anything is sent. tor's ports refuse nothing on account
    /// of isolation here: streams that tor would keep apart share this circuit.
    ///
    /// As long as this client lives, or what is made from it (its clones, its HTTP agents), every new stream of this tor waits for this
    /// program: see [`attach`](crate::attach). So hold one for many connections, and none longer than it is needed.
    ///
    /// Circuits that are chosen by hand can be told from others, and may reveal who uses them.
    ///
    /// # Errors
    ///
    /// [`Error::NoControl`](crate::Error::NoControl) where tor is known by its SOCKS port only; as [`client_on`](Self::client_on), and
    /// [`Controller::attach_streams_with`](crate::Controller::attach_streams_with).
    pub fn client_via_on(&self, circuit: impl Into<Place>, port: &SocksPort) -> Result<TorClient> {
        let route = CircuitRoute::new(self.controller()?, circuit.into())?;
        Ok(self.client_on(port)?.route(route))
    }
}
