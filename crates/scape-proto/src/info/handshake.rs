//! Handshakes that build circuits.

open_enum! {
    /// A type of circuit handshake that a relay counts.
    pub enum HandshakeType {
        /// The original handshake, which is no longer used.
        Tap = "tap",
        /// The Curve25519 handshake. tor doesn't count version 3 of ntor.
        Ntor = "ntor",
    }
}
