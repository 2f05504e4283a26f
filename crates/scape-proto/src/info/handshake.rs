//! Handshakes that build circuits.

open_enum! {
    /// A type of circuit handshake that relays count. It is part of a GETINFO
    /// key, such as `stats/ntor/requested`.
    pub enum HandshakeType {
        /// The original handshake, which is no longer used.
        Tap = "tap",
        /// The ntor handshake, which uses Curve25519. tor doesn't count
        /// handshakes of the newer version, ntor v3.
        Ntor = "ntor",
    }
}
