//! Handshakes that build circuits.

open_enum! {
    /// A type of circuit handshake that a relay counts.
    pub enum HandshakeType {
        /// The original handshake, which is no longer used.
        Tap = "tap",
        /// The ntor handshake, which uses Curve25519. tor doesn't count
        /// handshakes of the newer version, ntor v3.
        Ntor = "ntor",
    }
}
