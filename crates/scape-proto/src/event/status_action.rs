//! Actions of status events and phases of bootstrap: control-spec, events
//! STATUS_GENERAL, STATUS_CLIENT and STATUS_SERVER.

open_enum! {
    /// The action that a status event reports.
    ///
    /// Each action belongs to one of the events STATUS_GENERAL, STATUS_CLIENT
    /// and STATUS_SERVER. The documentation of an action begins with the name
    /// of this event.
    #[doc(alias = "StatusType")]
    pub enum StatusAction {
        /// STATUS_GENERAL: the clock jumped, or tor was idle. Arguments:
        /// `TIME`, `IDLE`.
        ClockJumped = "CLOCK_JUMPED",
        /// STATUS_GENERAL: this version of tor should not be used. Arguments:
        /// `CURRENT`, `REASON`, `RECOMMENDED`.
        DangerousVersion = "DANGEROUS_VERSION",
        /// STATUS_GENERAL: tor has no more sockets available. Argument:
        /// `CURRENT`.
        TooManyConnections = "TOO_MANY_CONNECTIONS",
        /// STATUS_GENERAL: tor detected a bug in itself. Each line of the bug
        /// report is an event of its own. Argument: `REASON`.
        Bug = "BUG",
        /// STATUS_GENERAL: the local clock differs from the time of another
        /// source. Arguments: `SKEW`, `SOURCE`.
        ClockSkew = "CLOCK_SKEW",
        /// STATUS_GENERAL: the system's libevent library misbehaves (older
        /// tors). Arguments: `METHOD`, `VERSION`, `BADNESS`, `RECOVERED`.
        BadLibevent = "BAD_LIBEVENT",
        /// STATUS_GENERAL: no directory can be reached.
        DirAllUnreachable = "DIR_ALL_UNREACHABLE",
        /// STATUS_CLIENT: bootstrap made progress or has a problem. See
        /// [`Bootstrap`](crate::event::Bootstrap).
        Bootstrap = "BOOTSTRAP",
        /// STATUS_CLIENT: tor knows enough about the network to build circuits.
        EnoughDirInfo = "ENOUGH_DIR_INFO",
        /// STATUS_CLIENT: tor no longer knows enough about the network to build
        /// circuits.
        NotEnoughDirInfo = "NOT_ENOUGH_DIR_INFO",
        /// STATUS_CLIENT: a circuit was established, so clients can use tor.
        CircuitEstablished = "CIRCUIT_ESTABLISHED",
        /// STATUS_CLIENT: tor no longer believes that circuits work. Argument:
        /// `REASON`.
        CircuitNotEstablished = "CIRCUIT_NOT_ESTABLISHED",
        /// STATUS_CLIENT: a new consensus arrived.
        ConsensusArrived = "CONSENSUS_ARRIVED",
        /// STATUS_CLIENT: an application connects to a port that is known for
        /// unencrypted protocols. Arguments: `PORT`, `RESULT`.
        DangerousPort = "DANGEROUS_PORT",
        /// STATUS_CLIENT: an application asked a SOCKS port to connect to an IP
        /// address. If the application resolved a host name to this address
        /// without Tor, a name server learned the name. Arguments: `PROTOCOL`,
        /// `ADDRESS`.
        DangerousSocks = "DANGEROUS_SOCKS",
        /// STATUS_CLIENT: an application sent something other than SOCKS to a
        /// SOCKS port. Argument: `DATA`.
        SocksUnknownProtocol = "SOCKS_UNKNOWN_PROTOCOL",
        /// STATUS_CLIENT: an application asked for an invalid host name.
        /// Argument: `HOSTNAME`.
        SocksBadHostname = "SOCKS_BAD_HOSTNAME",
        /// STATUS_SERVER: this relay found out its address. Arguments:
        /// `ADDRESS`, `METHOD`, `HOSTNAME`.
        ExternalAddress = "EXTERNAL_ADDRESS",
        /// STATUS_SERVER: this relay is testing whether it is reachable.
        /// Argument: `ORADDRESS`.
        CheckingReachability = "CHECKING_REACHABILITY",
        /// STATUS_SERVER: this relay is reachable. Argument: `ORADDRESS`.
        ReachabilitySucceeded = "REACHABILITY_SUCCEEDED",
        /// STATUS_SERVER: this relay isn't reachable. Argument: `ORADDRESS`.
        ReachabilityFailed = "REACHABILITY_FAILED",
        /// STATUS_SERVER: at least one authority accepted this relay's
        /// descriptor.
        GoodServerDescriptor = "GOOD_SERVER_DESCRIPTOR",
        /// STATUS_SERVER: the consensus newly lists this relay, or no longer
        /// lists it. control-spec describes this action, but tor never sends
        /// it. Argument: `STATUS`.
        ServerDescriptorStatus = "SERVER_DESCRIPTOR_STATUS",
        /// STATUS_SERVER: an authority accepted this relay's descriptor.
        /// Argument: `DIRAUTH`.
        AcceptedServerDescriptor = "ACCEPTED_SERVER_DESCRIPTOR",
        /// STATUS_SERVER: an authority rejected this relay's descriptor.
        /// Arguments: `DIRAUTH`, `REASON`.
        BadServerDescriptor = "BAD_SERVER_DESCRIPTOR",
        /// STATUS_SERVER: a name server went up or down. Arguments: `NS`,
        /// `STATUS`, `ERR`.
        NameserverStatus = "NAMESERVER_STATUS",
        /// STATUS_SERVER: every name server is down.
        NameserverAllDown = "NAMESERVER_ALL_DOWN",
        /// STATUS_SERVER: name servers return answers for names that don't
        /// exist.
        DnsHijacked = "DNS_HIJACKED",
        /// STATUS_SERVER: name servers return wrong answers for well-known
        /// names.
        DnsUseless = "DNS_USELESS",
        /// STATUS_SERVER: this relay started or stopped hibernating. Argument:
        /// `STATUS`.
        HibernationStatus = "HIBERNATION_STATUS",
    }
}

open_enum! {
    /// A phase of bootstrap. The matching percentage is
    /// [`Bootstrap::progress`](crate::event::Bootstrap::progress).
    pub enum BootstrapTag {
        /// Nothing has happened yet.
        Starting = "starting",
        /// Connecting to a pluggable transport, for the first connection.
        ConnPt = "conn_pt",
        /// Connected to the pluggable transport.
        ConnDonePt = "conn_done_pt",
        /// Connecting to a proxy.
        ConnProxy = "conn_proxy",
        /// Connected to the proxy.
        ConnDoneProxy = "conn_done_proxy",
        /// Connecting to a relay.
        Conn = "conn",
        /// Connected to a relay.
        ConnDone = "conn_done",
        /// Handshaking with the relay.
        Handshake = "handshake",
        /// The handshake with the relay is done.
        HandshakeDone = "handshake_done",
        /// Creating a one-hop circuit for directory requests.
        OnehopCreate = "onehop_create",
        /// Requesting the consensus.
        RequestingStatus = "requesting_status",
        /// Loading the consensus.
        LoadingStatus = "loading_status",
        /// Loading the authorities' certificates.
        LoadingKeys = "loading_keys",
        /// Requesting relay descriptors.
        RequestingDescriptors = "requesting_descriptors",
        /// Loading relay descriptors.
        LoadingDescriptors = "loading_descriptors",
        /// tor knows enough about the network to build circuits.
        EnoughDirinfo = "enough_dirinfo",
        /// Connecting to a pluggable transport, for a circuit.
        ApConnPt = "ap_conn_pt",
        /// Connected to the pluggable transport, for a circuit.
        ApConnDonePt = "ap_conn_done_pt",
        /// Connecting to a proxy, for a circuit.
        ApConnProxy = "ap_conn_proxy",
        /// Connected to the proxy, for a circuit.
        ApConnDoneProxy = "ap_conn_done_proxy",
        /// Connecting to a relay, for a circuit.
        ApConn = "ap_conn",
        /// Connected to a relay, for a circuit.
        ApConnDone = "ap_conn_done",
        /// Handshaking with the relay, for a circuit.
        ApHandshake = "ap_handshake",
        /// The handshake with the relay, for a circuit, is done.
        ApHandshakeDone = "ap_handshake_done",
        /// Building a circuit.
        CircuitCreate = "circuit_create",
        /// A circuit was established. Bootstrap is complete.
        Done = "done",
    }
}

open_enum! {
    /// tor's recommendation about a bootstrap problem.
    pub enum BootstrapRecommendation {
        /// Ignore the problem for now, because tor might recover by itself.
        Ignore = "ignore",
        /// Tell the user.
        Warn = "warn",
    }
}
