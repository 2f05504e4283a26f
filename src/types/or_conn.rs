//! What tor says of its connections to relays: control-spec, event ORCONN.

open_enum! {
    /// Why a connection to a relay failed or was closed; bootstrap problems have the same reasons.
    pub enum OrConnReason {
        /// It ended normally.
        Done = "DONE",
        /// The relay refused the connection.
        ConnectRefused = "CONNECTREFUSED",
        /// The relay has another identity than expected.
        Identity = "IDENTITY",
        /// The connection was reset.
        ConnectReset = "CONNECTRESET",
        /// It took too long.
        Timeout = "TIMEOUT",
        /// There is no route.
        NoRoute = "NOROUTE",
        /// Reading or writing failed.
        IoError = "IOERROR",
        /// Out of sockets, memory and the like.
        ResourceLimit = "RESOURCELIMIT",
        /// TLS failed.
        TlsError = "TLS_ERROR",
        /// None of the others.
        Misc = "MISC",
        /// The pluggable transport is not to be found.
        PtMissing = "PT_MISSING",
        /// This clock is wrong (bootstrap problems only).
        ClockSkew = "CLOCK_SKEW",
        /// No reason given.
        Unknown = "UNKNOWN",
    }
}
