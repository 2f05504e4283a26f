//! Pluggable transports: control-spec, events TRANSPORT_LAUNCHED and PT_LOG;
//! pt-spec.

open_enum! {
    /// On which side a pluggable transport is.
    pub enum TransportRole {
        /// A client's.
        Client = "client",
        /// A bridge's.
        Server = "server",
    }
}

open_enum! {
    /// The level of a pluggable transport's log message: pt-spec, "Pluggable PT
    /// Log Message".
    pub enum PtSeverity {
        /// What stops it from working.
        Error = "error",
        /// What users should act on.
        Warning = "warning",
        /// What users want to know.
        Notice = "notice",
        /// Details of normal operation.
        Info = "info",
        /// What only developers want.
        Debug = "debug",
    }
}
