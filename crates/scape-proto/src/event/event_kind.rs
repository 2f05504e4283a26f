//! The names of asynchronous events.

open_enum! {
    /// The name of an event, as used by SETEVENTS and after `650`. See
    /// control-spec, section "Asynchronous events".
    ///
    /// `GETINFO events/names` lists the names that a particular tor knows.
    ///
    /// ```
    /// use scape_proto::event::EventKind;
    ///
    /// assert_eq!(EventKind::from("ORCONN"), EventKind::OrConn);
    /// assert_eq!(EventKind::OrConn.as_str(), "ORCONN");
    /// // Kinds of later versions of tor have no name here.
    /// assert_eq!(EventKind::from("NEW_KIND").as_str(), "NEW_KIND");
    /// ```
    #[doc(alias = "EventType")]
    pub enum EventKind {
        /// A circuit's status changed.
        Circ = "CIRC",
        /// A circuit's purpose or onion service state changed. The circuit's
        /// status stays the same.
        CircMinor = "CIRC_MINOR",
        /// A stream's status changed.
        Stream = "STREAM",
        /// The status of a connection to a relay changed.
        OrConn = "ORCONN",
        /// Bytes that tor as a whole read and wrote in the last second.
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
        /// New relay descriptors arrived.
        NewDesc = "NEWDESC",
        /// A new address mapping, or the answer to RESOLVE.
        AddrMap = "ADDRMAP",
        /// tor's own relay descriptor changed.
        DescChanged = "DESCCHANGED",
        /// Some relays' entries in the consensus changed.
        Ns = "NS",
        /// Status changes that concern clients and relays alike.
        StatusGeneral = "STATUS_GENERAL",
        /// Status changes that concern tor as a client, such as the progress of
        /// bootstrap.
        StatusClient = "STATUS_CLIENT",
        /// Status changes that concern tor as a relay.
        StatusServer = "STATUS_SERVER",
        /// The status of an entry guard changed.
        Guard = "GUARD",
        /// Bytes read and written on each stream.
        StreamBw = "STREAM_BW",
        /// A bridge's statistics about its clients, by country.
        ClientsSeen = "CLIENTS_SEEN",
        /// A new consensus arrived.
        NewConsensus = "NEWCONSENSUS",
        /// The circuit build timeout changed.
        BuildTimeoutSet = "BUILDTIMEOUT_SET",
        /// tor acted on a signal.
        Signal = "SIGNAL",
        /// Configuration options changed.
        ConfChanged = "CONF_CHANGED",
        /// Bytes read and written on each connection.
        ConnBw = "CONN_BW",
        /// Statistics about the cells in circuit queues.
        CellStats = "CELL_STATS",
        /// Bytes read and written on each circuit.
        CircBw = "CIRC_BW",
        /// A pluggable transport was started.
        TransportLaunched = "TRANSPORT_LAUNCHED",
        /// Fetches, uploads and creations of onion service descriptors.
        HsDesc = "HS_DESC",
        /// The texts of fetched onion service descriptors. A text is empty if
        /// the fetch failed.
        HsDescContent = "HS_DESC_CONTENT",
        /// The network became reachable or unreachable.
        NetworkLiveness = "NETWORK_LIVENESS",
        /// Log messages from pluggable transports. tor 0.4.9 doesn't let
        /// controllers subscribe to this event.
        PtLog = "PT_LOG",
        /// Status messages from pluggable transports. tor 0.4.9 doesn't let
        /// controllers subscribe to this event.
        PtStatus = "PT_STATUS",
        /// Bandwidth limits that were used up (older tors).
        TbEmpty = "TB_EMPTY",
        /// Descriptors sent to a directory authority (older tors).
        AuthDirNewDescs = "AUTHDIR_NEWDESCS",
    }
}

impl EventKind {
    /// The events for log messages, from the most verbose level (debug) to the
    /// least verbose (err).
    pub const LOGS: [EventKind; 5] =
        [EventKind::Debug, EventKind::Info, EventKind::Notice, EventKind::Warn, EventKind::Err];

    /// The events that count bytes: in total, by stream, by connection and by
    /// circuit.
    ///
    /// tor sends `CONN_BW` only if the option `TestingEnableConnBwEvent` is 1.
    pub const BANDWIDTH: [EventKind; 4] =
        [EventKind::Bw, EventKind::StreamBw, EventKind::ConnBw, EventKind::CircBw];

    /// The events that report every change of a circuit.
    pub const CIRCUITS: [EventKind; 2] = [EventKind::Circ, EventKind::CircMinor];
}
