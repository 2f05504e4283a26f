//! The arguments of status events that are keywords: control-spec, section
//! "Status events".

open_enum! {
    /// How bad the system's libevent is (`BAD_LIBEVENT`, older tors).
    pub enum LibeventBadness {
        /// It does not work.
        Broken = "BROKEN",
        /// It has faults.
        Buggy = "BUGGY",
        /// It is slow.
        Slow = "SLOW",
    }
}

open_enum! {
    /// Why circuits are no longer believed to work (`CIRCUIT_NOT_ESTABLISHED`).
    pub enum NoCircuitReason {
        /// The clock jumped, or tor was idle.
        ClockJumped = "CLOCK_JUMPED",
        /// This machine has another address than before (older tors).
        ExternalAddress = "EXTERNAL_ADDRESS",
        /// No directory can be reached (older tors).
        DirAllUnreachable = "DIR_ALL_UNREACHABLE",
    }
}

open_enum! {
    /// What tor did with a stream to a dangerous port (`DANGEROUS_PORT`).
    pub enum DangerousPortResult {
        /// It refused it (`RejectPlaintextPorts`).
        Reject = "REJECT",
        /// It warned, and let it go on (`WarnPlaintextPorts`).
        Warn = "WARN",
    }
}

open_enum! {
    /// How a relay found out its address (`EXTERNAL_ADDRESS`).
    pub enum AddressMethod {
        /// By the option `Address`.
        Configured = "CONFIGURED",
        /// By the option `ORPort`.
        ConfiguredOrPort = "CONFIGURED_ORPORT",
        /// By its host's name.
        GetHostname = "GETHOSTNAME",
        /// By a network interface.
        Interface = "INTERFACE",
        /// By resolving the name in the option `Address`.
        Resolved = "RESOLVED",
        /// A directory told it (older tors).
        DirServ = "DIRSERV",
        /// It is not known how.
        None = "NONE",
    }
}

open_enum! {
    /// Whether an authority lists a relay (`SERVER_DESCRIPTOR_STATUS`,
    /// described, never sent).
    pub enum ServerDescriptorStatus {
        /// It does.
        Listed = "LISTED",
        /// It does not.
        Unlisted = "UNLISTED",
    }
}

open_enum! {
    /// Whether a name server answers (`NAMESERVER_STATUS`).
    pub enum NameserverStatus {
        /// It does.
        Up = "UP",
        /// It does not.
        Down = "DOWN",
    }
}
