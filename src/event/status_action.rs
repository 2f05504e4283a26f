//! What tor says of itself: control-spec, events STATUS_GENERAL, STATUS_CLIENT
//! and STATUS_SERVER.

open_enum! {
    /// What a status event reports. Each comes in one of the three events only.
    pub enum StatusAction {
        /// General: the clock jumped, or tor was idle (`TIME`, `IDLE`).
        ClockJumped = "CLOCK_JUMPED",
        /// General: this version should not be used (`CURRENT`, `REASON`,
        /// `RECOMMENDED`).
        DangerousVersion = "DANGEROUS_VERSION",
        /// General: no more sockets are to be had (`CURRENT`).
        TooManyConnections = "TOO_MANY_CONNECTIONS",
        /// General: tor met a bug of its own (`REASON`); one event for each
        /// line of its report.
        Bug = "BUG",
        /// General: this clock disagrees with another (`SKEW`, `SOURCE`).
        ClockSkew = "CLOCK_SKEW",
        /// General: the system library misbehaves (older tors).
        BadLibevent = "BAD_LIBEVENT",
        /// General: no directory can be reached.
        DirAllUnreachable = "DIR_ALL_UNREACHABLE",
        /// Client: bootstrap went on, or has a problem: see
        /// [`Bootstrap`](crate::event::Bootstrap).
        Bootstrap = "BOOTSTRAP",
        /// Client: enough is known of the network to build circuits.
        EnoughDirInfo = "ENOUGH_DIR_INFO",
        /// Client: no longer enough is known of the network.
        NotEnoughDirInfo = "NOT_ENOUGH_DIR_INFO",
        /// Client: a circuit works.
        CircuitEstablished = "CIRCUIT_ESTABLISHED",
        /// Client: circuits are no longer believed to work (`REASON`).
        CircuitNotEstablished = "CIRCUIT_NOT_ESTABLISHED",
        /// Client: a consensus has come.
        ConsensusArrived = "CONSENSUS_ARRIVED",
        /// Client: an application connects to a port that is known for plain
        /// text (`PORT`, `RESULT`).
        DangerousPort = "DANGEROUS_PORT",
        /// Client: an application resolved the name itself (`PROTOCOL`,
        /// `ADDRESS`).
        DangerousSocks = "DANGEROUS_SOCKS",
        /// Client: what came on a SOCKS port is not SOCKS (`DATA`).
        SocksUnknownProtocol = "SOCKS_UNKNOWN_PROTOCOL",
        /// Client: an application asked for what is no host name (`HOSTNAME`).
        SocksBadHostname = "SOCKS_BAD_HOSTNAME",
        /// Relay: this is its address (`ADDRESS`, `METHOD`, `HOSTNAME`).
        ExternalAddress = "EXTERNAL_ADDRESS",
        /// Relay: it tests whether it can be reached (`ORADDRESS`).
        CheckingReachability = "CHECKING_REACHABILITY",
        /// Relay: it can be reached (`ORADDRESS`).
        ReachabilitySucceeded = "REACHABILITY_SUCCEEDED",
        /// Relay: it cannot be reached (`ORADDRESS`).
        ReachabilityFailed = "REACHABILITY_FAILED",
        /// Relay: its descriptor was accepted by the authorities.
        GoodServerDescriptor = "GOOD_SERVER_DESCRIPTOR",
        /// Relay: what an authority thinks of its descriptor (described, never
        /// sent).
        ServerDescriptorStatus = "SERVER_DESCRIPTOR_STATUS",
        /// Relay: an authority accepted its descriptor (`DIRAUTH`).
        AcceptedServerDescriptor = "ACCEPTED_SERVER_DESCRIPTOR",
        /// Relay: an authority refused its descriptor (`DIRAUTH`, `REASON`).
        BadServerDescriptor = "BAD_SERVER_DESCRIPTOR",
        /// Relay: a name server went up or down (`NS`, `STATUS`, `ERR`).
        NameserverStatus = "NAMESERVER_STATUS",
        /// Relay: every name server is down.
        NameserverAllDown = "NAMESERVER_ALL_DOWN",
        /// Relay: name servers answer for names that do not exist.
        DnsHijacked = "DNS_HIJACKED",
        /// Relay: name servers answer wrongly for names that are well known.
        DnsUseless = "DNS_USELESS",
        /// Relay: it began or ended hibernation (`STATUS`).
        HibernationStatus = "HIBERNATION_STATUS",
    }
}

open_enum! {
    /// A phase of bootstrap. The percentage beside it is
    /// [`Bootstrap::progress`](crate::event::Bootstrap::progress).
    pub enum BootstrapTag {
        /// Nothing has happened yet.
        Starting = "starting",
        /// Connecting to a pluggable transport, for a first connection.
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
        /// Shaking hands with the relay.
        Handshake = "handshake",
        /// The handshake is done.
        HandshakeDone = "handshake_done",
        /// Making a one-hop circuit for directory requests.
        OnehopCreate = "onehop_create",
        /// Asking for the consensus.
        RequestingStatus = "requesting_status",
        /// Loading the consensus.
        LoadingStatus = "loading_status",
        /// Loading the authorities' certificates.
        LoadingKeys = "loading_keys",
        /// Asking for descriptors.
        RequestingDescriptors = "requesting_descriptors",
        /// Loading descriptors.
        LoadingDescriptors = "loading_descriptors",
        /// Enough is known to build circuits.
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
        /// Connected to it.
        ApConnDone = "ap_conn_done",
        /// Shaking hands with it.
        ApHandshake = "ap_handshake",
        /// The handshake is done.
        ApHandshakeDone = "ap_handshake_done",
        /// Building a circuit.
        CircuitCreate = "circuit_create",
        /// A circuit works.
        Done = "done",
    }
}

open_enum! {
    /// What to do about a bootstrap problem.
    pub enum BootstrapRecommendation {
        /// Nothing yet: tor may get over it by itself.
        Ignore = "ignore",
        /// Tell the user.
        Warn = "warn",
    }
}
