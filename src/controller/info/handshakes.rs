//! `GETINFO stats/…`: handshakes that this relay was asked for.

use super::value::malformed;
use crate::Controller;
use crate::error::Result;
use crate::protocol::HandshakeType;

/// How many circuit handshakes a relay was asked for in the current reporting
/// interval: [`Controller::handshake_stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HandshakeStats {
    /// Those that it was asked for.
    pub requested: u32,
    /// Those that it has begun to work on.
    pub assigned: u32,
}

/// Handshakes. control-spec, GETINFO `stats/…`.
impl Controller {
    /// Returns the number of handshakes of this type that this relay was asked
    /// for (`GETINFO stats/…/requested stats/…/assigned`).
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551 or 552) for a
    /// type that tor doesn't count.
    pub fn handshake_stats(&self, handshake: &HandshakeType) -> Result<HandshakeStats> {
        let keys = [format!("stats/{handshake}/requested"), format!("stats/{handshake}/assigned")];
        let [requested, assigned] = self.read_many([&keys[0], &keys[1]])?;
        Ok(HandshakeStats {
            requested: requested.parse().map_err(|_| malformed(&keys[0], &requested))?,
            assigned: assigned.parse().map_err(|_| malformed(&keys[1], &assigned))?,
        })
    }
}
