//! The connections and limits that bandwidth events are about: control-spec,
//! events CONN_BW and TB_EMPTY.

open_enum! {
    /// The type of a connection.
    #[doc(alias = "ConnectionType")]
    pub enum ConnType {
        /// A connection to a relay.
        Or = "OR",
        /// A directory connection: from tor to a directory server, or from a
        /// client to tor as a directory server.
        Dir = "DIR",
        /// A connection from an exit to the destination of a stream.
        Exit = "EXIT",
    }
}

open_enum! {
    /// A bandwidth limit that was used up, as named in a TB_EMPTY event. Only
    /// older tors send this event.
    pub enum TokenBucket {
        /// The limit of tor as a whole.
        Global = "GLOBAL",
        /// The limit of the traffic that tor relays for others.
        Relay = "RELAY",
        /// The limit of one connection to a relay.
        OrConn = "ORCONN",
    }
}
