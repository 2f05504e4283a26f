//! Handshakes that build circuits.

open_enum! {
    /// A type of circuit handshake that a relay counts.
    pub enum HandshakeType {
        /// The original handshake, which is no longer used.
        Tap = "tap",
        /// The Curve25519 handshake. tor doesn't count handshakes of ntor
        /// version 3.
        Ntor = "ntor",
    }
}
