//! What happened to the circuit build timeout: control-spec, event
//! BUILDTIMEOUT_SET.

open_enum! {
    /// What happened to the circuit build timeout. tor 0.4.9 sends `RESET` and
    /// `COMPUTED` only.
    pub enum BuildTimeoutChange {
        /// It was computed from the times that circuits took.
        Computed = "COMPUTED",
        /// These times were forgotten, and the default is used.
        Reset = "RESET",
        /// It is not used until the network is back.
        Suspended = "SUSPENDED",
        /// The latest times were thrown away.
        Discard = "DISCARD",
        /// It is used again.
        Resume = "RESUME",
    }
}
