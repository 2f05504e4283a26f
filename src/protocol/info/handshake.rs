//! Handshakes that build circuits.

open_enum! {
    /// A kind of circuit handshake that a relay counts.
    pub enum HandshakeType {
        /// The first one, no longer used.
        Tap = "tap",
        /// Curve25519. (ntor version 3 is not counted.)
        Ntor = "ntor",
    }
}
