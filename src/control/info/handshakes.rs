//! `GETINFO stats/…`: the circuit handshakes that others requested from this
//! relay.

use super::Info;
use super::value::malformed;
use crate::error::Result;
use scape_proto::info::HandshakeType;

/// The numbers of circuit handshakes of one type that a relay has counted in
/// the current reporting interval. Returned by [`Info::handshake_stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HandshakeStats {
    /// The number of handshakes that others have requested from the relay.
    pub requested: u32,
    /// The number of handshakes that the relay has begun to work on.
    pub assigned: u32,
}

/// Queries about circuit handshakes. See control-spec, GETINFO `stats/…`.
impl Info<'_> {
    /// Returns the number of circuit handshakes of this type that others
    /// requested from this relay, and the number that the relay has begun to
    /// work on (`GETINFO stats/…/requested stats/…/assigned`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("stats/ntor/requested", "25").info("stats/ntor/assigned", "24").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::info::HandshakeType;
    ///
    /// let handshakes = controller.info().handshake_stats(&HandshakeType::Ntor)?;
    /// assert_eq!((handshakes.requested, handshakes.assigned), (25, 24));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551 or 552) if tor
    /// doesn't count handshakes of this type. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's values
    /// can't be parsed. Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info).
    pub fn handshake_stats(self, handshake: &HandshakeType) -> Result<HandshakeStats> {
        let keys = [format!("stats/{handshake}/requested"), format!("stats/{handshake}/assigned")];
        let [requested, assigned] = self.controller.read_many([&keys[0], &keys[1]])?;
        Ok(HandshakeStats {
            requested: requested.parse().map_err(|_| malformed(&keys[0], &requested))?,
            assigned: assigned.parse().map_err(|_| malformed(&keys[1], &assigned))?,
        })
    }
}
