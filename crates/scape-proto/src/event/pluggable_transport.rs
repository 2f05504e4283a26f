//! Pluggable transports: control-spec, events TRANSPORT_LAUNCHED and PT_LOG;
//! pt-spec.

open_enum! {
    /// The role of a pluggable transport.
    pub enum TransportRole {
        /// The transport serves a client.
        Client = "client",
        /// The transport serves a bridge.
        Server = "server",
    }
}

open_enum! {
    /// The level of a pluggable transport's log message: pt-spec, "Pluggable PT
    /// Log Message".
    pub enum PtSeverity {
        /// An error that stops the transport from working.
        Error = "error",
        /// A problem that users should act on.
        Warning = "warning",
        /// Information that users want to know.
        Notice = "notice",
        /// Details of normal operation.
        Info = "info",
        /// Details that only developers want.
        Debug = "debug",
    }
}
