//! Changes of the circuit build timeout: control-spec, event BUILDTIMEOUT_SET.

open_enum! {
    /// The kind of change in a BUILDTIMEOUT_SET event. tor 0.4.9 sends only
    /// `RESET` and `COMPUTED`.
    #[doc(alias = "TimeoutSetType")]
    pub enum BuildTimeoutChange {
        /// The timeout was computed from measured build times.
        Computed = "COMPUTED",
        /// The measured build times were discarded, and the default timeout is
        /// used.
        Reset = "RESET",
        /// The network is down, so the timeout isn't used for now.
        Suspended = "SUSPENDED",
        /// The latest build times were discarded.
        Discard = "DISCARD",
        /// The network is back, and the timeout is used again.
        Resume = "RESUME",
    }
}
