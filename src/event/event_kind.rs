//! The names of events.

open_enum! {
    /// The name of an event, as in SETEVENTS and after `650`. control-spec,
    /// section "Asynchronous events". What a given tor knows is in
    /// `GETINFO events/names`.
    pub enum EventKind {
        /// A circuit's status changed.
        Circ = "CIRC",
        /// A circuit changed in another way.
        CircMinor = "CIRC_MINOR",
        /// A stream's status changed.
        Stream = "STREAM",
        /// A connection to a relay changed.
        OrConn = "ORCONN",
        /// Bytes read and written, every second.
        Bw = "BW",
        /// Log messages of level debug.
        Debug = "DEBUG",
        /// Log messages of level info.
        Info = "INFO",
        /// Log messages of level notice.
        Notice = "NOTICE",
        /// Log messages of level warn.
        Warn = "WARN",
        /// Log messages of level err.
        Err = "ERR",
        /// New descriptors.
        NewDesc = "NEWDESC",
        /// A new address mapping.
        AddrMap = "ADDRMAP",
        /// This relay's descriptor changed.
        DescChanged = "DESCCHANGED",
        /// The status of some relays changed.
        Ns = "NS",
        /// General status.
        StatusGeneral = "STATUS_GENERAL",
        /// Status as a client, bootstrap above all.
        StatusClient = "STATUS_CLIENT",
        /// Status as a relay.
        StatusServer = "STATUS_SERVER",
        /// The entry guards changed.
        Guard = "GUARD",
        /// Bytes of each stream.
        StreamBw = "STREAM_BW",
        /// A bridge's clients, by country.
        ClientsSeen = "CLIENTS_SEEN",
        /// A new consensus.
        NewConsensus = "NEWCONSENSUS",
        /// The circuit build timeout changed.
        BuildTimeoutSet = "BUILDTIMEOUT_SET",
        /// A signal was acted on.
        Signal = "SIGNAL",
        /// Configuration options changed.
        ConfChanged = "CONF_CHANGED",
        /// Bytes of each connection.
        ConnBw = "CONN_BW",
        /// Statistics of cells.
        CellStats = "CELL_STATS",
        /// Bytes of each circuit.
        CircBw = "CIRC_BW",
        /// A pluggable transport was started.
        TransportLaunched = "TRANSPORT_LAUNCHED",
        /// An onion service's descriptor: requested, received, uploaded and so
        /// on.
        HsDesc = "HS_DESC",
        /// The text of a fetched onion service's descriptor.
        HsDescContent = "HS_DESC_CONTENT",
        /// The network is, or is not, reachable.
        NetworkLiveness = "NETWORK_LIVENESS",
        /// A pluggable transport's log message (not to be had of tor 0.4.9).
        PtLog = "PT_LOG",
        /// A pluggable transport's status (not to be had of tor 0.4.9).
        PtStatus = "PT_STATUS",
        /// Token buckets that ran empty (older tors).
        TbEmpty = "TB_EMPTY",
        /// New descriptors, at an authority (older tors).
        AuthDirNewDescs = "AUTHDIR_NEWDESCS",
    }
}

impl EventKind {
    /// The kinds of log messages, from the most to the least talkative.
    pub const LOGS: [EventKind; 5] =
        [EventKind::Debug, EventKind::Info, EventKind::Notice, EventKind::Warn, EventKind::Err];

    /// The kinds that count bytes: of all traffic, of each stream, of each
    /// connection, of each circuit.
    ///
    /// tor sends `CONN_BW` only with the option `TestingEnableConnBwEvent`.
    pub const BANDWIDTH: [EventKind; 4] =
        [EventKind::Bw, EventKind::StreamBw, EventKind::ConnBw, EventKind::CircBw];

    /// The kinds that tell of every change of a circuit.
    pub const CIRCUITS: [EventKind; 2] = [EventKind::Circ, EventKind::CircMinor];
}
