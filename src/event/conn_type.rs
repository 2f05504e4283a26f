//! Whose bytes are counted: control-spec, events CONN_BW and TB_EMPTY.

open_enum! {
    /// What a connection is for.
    pub enum ConnType {
        /// To a relay.
        Or = "OR",
        /// To a directory, or from one of its clients.
        Dir = "DIR",
        /// From an exit to where a stream goes.
        Exit = "EXIT",
    }
}

open_enum! {
    /// A limit of bandwidth that was used up (older tors).
    pub enum TokenBucket {
        /// Of the whole tor.
        Global = "GLOBAL",
        /// Of what it does for others.
        Relay = "RELAY",
        /// Of one connection to a relay.
        OrConn = "ORCONN",
    }
}
