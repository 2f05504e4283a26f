//! Whether there is a network: control-spec, event NETWORK_LIVENESS.

open_enum! {
    /// Whether the network can be reached.
    pub enum NetworkStatus {
        /// It can.
        Up = "UP",
        /// It cannot.
        Down = "DOWN",
    }
}
