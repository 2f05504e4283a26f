//! Cell commands: tor-spec, "Cell Packet format"; control-spec, event
//! CELL_STATS.

open_enum! {
    /// The command of a cell, as named in CELL_STATS events.
    pub enum CellCommand {
        /// Padding, which hides how much traffic there is.
        Padding = "padding",
        /// Creates a circuit with a TAP handshake (older tors).
        Create = "create",
        /// The answer to `create`.
        Created = "created",
        /// Data or a command for a hop of the circuit.
        Relay = "relay",
        /// Closes a circuit.
        Destroy = "destroy",
        /// Creates a one-hop circuit without public keys.
        CreateFast = "create_fast",
        /// The answer to `create_fast`.
        CreatedFast = "created_fast",
        /// The link protocol versions that the sender supports.
        Versions = "versions",
        /// The sender's time and the addresses of both ends.
        Netinfo = "netinfo",
        /// Like `relay`, but the cell can also extend the circuit.
        RelayEarly = "relay_early",
        /// Creates a circuit.
        Create2 = "create2",
        /// The answer to `create2`.
        Created2 = "created2",
        /// The padding parameters that a client wants for its connection to a
        /// relay.
        PaddingNegotiate = "padding_negotiate",
        /// Padding of variable length.
        VPadding = "vpadding",
        /// The certificates of the relay that sends the cell.
        Certs = "certs",
        /// A challenge to sign, which asks the other end to authenticate.
        AuthChallenge = "auth_challenge",
        /// The answer to `auth_challenge`, which proves an identity.
        Authenticate = "authenticate",
        /// Reserved and never used.
        Authorize = "authorize",
        /// A command that tor doesn't know.
        Unrecognized = "unrecognized",
    }
}
