//! The status of the network: control-spec, event NETWORK_LIVENESS.

open_enum! {
    /// The status of the network.
    pub enum NetworkStatus {
        /// The network is reachable.
        Up = "UP",
        /// The network isn't reachable.
        Down = "DOWN",
    }
}
