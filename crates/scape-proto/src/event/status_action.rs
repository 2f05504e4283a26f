//! Actions of status events and phases of bootstrap: control-spec, events
//! STATUS_GENERAL, STATUS_CLIENT and STATUS_SERVER.

open_enum! {
    /// The action that a status event reports.
    ///
    /// Each action belongs to one event: STATUS_GENERAL (below: "General"),
    /// STATUS_CLIENT ("Client") or STATUS_SERVER ("Relay"). The action's
    /// arguments are in parentheses.
    #[doc(alias = "StatusType")]
    pub enum StatusAction {
        /// General: the clock jumped, or tor was idle (`TIME`, `IDLE`).
        ClockJumped = "CLOCK_JUMPED",
        /// General: this version of tor should not be used (`CURRENT`,
        /// `REASON`, `RECOMMENDED`).
        DangerousVersion = "DANGEROUS_VERSION",
        /// General: tor has no more sockets available (`CURRENT`).
        TooManyConnections = "TOO_MANY_CONNECTIONS",
        /// General: tor detected a bug in itself (`REASON`). Each line of the
        /// bug report is an event of its own.
        Bug = "BUG",
        /// General: the local clock differs from the time of another source
        /// (`SKEW`, `SOURCE`).
        ClockSkew = "CLOCK_SKEW",
        /// General: the system's libevent library misbehaves (older tors).
        BadLibevent = "BAD_LIBEVENT",
        /// General: no directory can be reached.
        DirAllUnreachable = "DIR_ALL_UNREACHABLE",
        /// Client: bootstrap made progress or has a problem. See
        /// [`Bootstrap`](crate::event::Bootstrap).
        Bootstrap = "BOOTSTRAP",
        /// Client: tor knows enough about the network to build circuits.
        EnoughDirInfo = "ENOUGH_DIR_INFO",
        /// Client: tor no longer knows enough about the network to build
        /// circuits.
        NotEnoughDirInfo = "NOT_ENOUGH_DIR_INFO",
        /// Client: a circuit was established, so clients can use tor.
        CircuitEstablished = "CIRCUIT_ESTABLISHED",
        /// Client: tor no longer believes that circuits work (`REASON`).
        CircuitNotEstablished = "CIRCUIT_NOT_ESTABLISHED",
        /// Client: a new consensus arrived.
        ConsensusArrived = "CONSENSUS_ARRIVED",
        /// Client: an application connects to a port that is known for
        /// unencrypted protocols (`PORT`, `RESULT`).
        DangerousPort = "DANGEROUS_PORT",
        /// Client: an application asked a SOCKS port to connect to an IP
        /// address. It may have resolved a host name outside of tor before,
        /// which reveals the name (`PROTOCOL`, `ADDRESS`).
        DangerousSocks = "DANGEROUS_SOCKS",
        /// Client: an application sent something other than SOCKS to a SOCKS
        /// port (`DATA`).
        SocksUnknownProtocol = "SOCKS_UNKNOWN_PROTOCOL",
        /// Client: an application asked for an invalid host name (`HOSTNAME`).
        SocksBadHostname = "SOCKS_BAD_HOSTNAME",
        /// Relay: the relay found out its address (`ADDRESS`, `METHOD`,
        /// `HOSTNAME`).
        ExternalAddress = "EXTERNAL_ADDRESS",
        /// Relay: the relay is testing whether it is reachable (`ORADDRESS`).
        CheckingReachability = "CHECKING_REACHABILITY",
        /// Relay: the relay is reachable (`ORADDRESS`).
        ReachabilitySucceeded = "REACHABILITY_SUCCEEDED",
        /// Relay: the relay isn't reachable (`ORADDRESS`).
        ReachabilityFailed = "REACHABILITY_FAILED",
        /// Relay: the relay's descriptor was accepted by the authorities.
        GoodServerDescriptor = "GOOD_SERVER_DESCRIPTOR",
        /// Relay: an authority's opinion of the relay's descriptor (described
        /// in control-spec, but never sent).
        ServerDescriptorStatus = "SERVER_DESCRIPTOR_STATUS",
        /// Relay: an authority accepted the relay's descriptor (`DIRAUTH`).
        AcceptedServerDescriptor = "ACCEPTED_SERVER_DESCRIPTOR",
        /// Relay: an authority rejected the relay's descriptor (`DIRAUTH`,
        /// `REASON`).
        BadServerDescriptor = "BAD_SERVER_DESCRIPTOR",
        /// Relay: a name server went up or down (`NS`, `STATUS`, `ERR`).
        NameserverStatus = "NAMESERVER_STATUS",
        /// Relay: every name server is down.
        NameserverAllDown = "NAMESERVER_ALL_DOWN",
        /// Relay: name servers return answers for names that don't exist.
        DnsHijacked = "DNS_HIJACKED",
        /// Relay: name servers return wrong answers for well-known names.
        DnsUseless = "DNS_USELESS",
        /// Relay: the relay started or stopped hibernating (`STATUS`).
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
        /// Connected to the pluggable transport.
        ApConnDonePt = "ap_conn_done_pt",
        /// Connecting to a proxy, for a circuit.
        ApConnProxy = "ap_conn_proxy",
        /// Connected to the proxy.
        ApConnDoneProxy = "ap_conn_done_proxy",
        /// Connecting to a relay, for a circuit.
        ApConn = "ap_conn",
        /// Connected to the relay, for a circuit.
        ApConnDone = "ap_conn_done",
        /// Handshaking with the relay, for a circuit.
        ApHandshake = "ap_handshake",
        /// The handshake with the relay is done.
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
        /// Ignore the problem for now: tor may recover by itself.
        Ignore = "ignore",
        /// Tell the user.
        Warn = "warn",
    }
}
