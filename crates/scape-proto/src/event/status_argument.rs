//! Keyword values of status event arguments: control-spec, section "Status
//! events".

open_enum! {
    /// The seriousness of a problem with libevent (`BAD_LIBEVENT`, older tors).
    pub enum LibeventBadness {
        /// This version of libevent doesn't work.
        Broken = "BROKEN",
        /// This version of libevent has bugs.
        Buggy = "BUGGY",
        /// This version of libevent is slow.
        Slow = "SLOW",
    }
}

open_enum! {
    /// The reason why tor no longer believes that circuits work
    /// (`CIRCUIT_NOT_ESTABLISHED`).
    pub enum NoCircuitReason {
        /// The clock jumped, or tor was idle.
        ClockJumped = "CLOCK_JUMPED",
        /// The address of this machine changed (older tors).
        ExternalAddress = "EXTERNAL_ADDRESS",
        /// No directory can be reached (older tors).
        DirAllUnreachable = "DIR_ALL_UNREACHABLE",
    }
}

open_enum! {
    /// The action that tor took on a stream to a dangerous port
    /// (`DANGEROUS_PORT`).
    pub enum DangerousPortResult {
        /// tor rejected the stream (option `RejectPlaintextPorts`).
        Reject = "REJECT",
        /// tor warned about the stream, but allowed it (option
        /// `WarnPlaintextPorts`).
        Warn = "WARN",
    }
}

open_enum! {
    /// The method by which tor, running as a relay, found out its own address
    /// (action `EXTERNAL_ADDRESS`).
    pub enum AddressMethod {
        /// The option `Address`, set to an address.
        Configured = "CONFIGURED",
        /// The option `ORPort`, which contains an address.
        ConfiguredOrPort = "CONFIGURED_ORPORT",
        /// The machine's own host name, which was resolved.
        GetHostname = "GETHOSTNAME",
        /// The address of a network interface.
        Interface = "INTERFACE",
        /// The option `Address`, set to a name that was resolved.
        Resolved = "RESOLVED",
        /// A directory server told tor which address tor has. Only older tors
        /// write this.
        DirServ = "DIRSERV",
        /// The method is unknown.
        None = "NONE",
    }
}

open_enum! {
    /// The change of this relay's listing in the consensus. This is an argument
    /// of the action `SERVER_DESCRIPTOR_STATUS`. control-spec describes that
    /// action, but tor never sends it.
    pub enum ServerDescriptorStatus {
        /// The consensus now lists tor as a relay.
        Listed = "LISTED",
        /// The consensus no longer lists tor as a relay.
        Unlisted = "UNLISTED",
    }
}

open_enum! {
    /// The status of a name server (`NAMESERVER_STATUS`).
    pub enum NameserverStatus {
        /// The name server answers.
        Up = "UP",
        /// The name server doesn't answer.
        Down = "DOWN",
    }
}
