//! Commands of cells: tor-spec, "Cell Packet format"; control-spec, event
//! CELL_STATS.

open_enum! {
    /// The command of a cell, by its name in the event CELL_STATS.
    pub enum CellCommand {
        /// Nothing, to hide how much there is.
        Padding = "padding",
        /// Make a circuit, with TAP (older tors).
        Create = "create",
        /// The answer to it.
        Created = "created",
        /// Data and commands for a hop.
        Relay = "relay",
        /// The circuit's end.
        Destroy = "destroy",
        /// Make a circuit of one hop, without public keys.
        CreateFast = "create_fast",
        /// The answer to it.
        CreatedFast = "created_fast",
        /// The versions of the link protocol.
        Versions = "versions",
        /// Time and addresses.
        Netinfo = "netinfo",
        /// As `relay`, and may extend the circuit.
        RelayEarly = "relay_early",
        /// Make a circuit.
        Create2 = "create2",
        /// The answer to it.
        Created2 = "created2",
        /// How to pad.
        PaddingNegotiate = "padding_negotiate",
        /// Nothing, of any length.
        VPadding = "vpadding",
        /// A relay's certificates.
        Certs = "certs",
        /// What to sign, to prove who one is.
        AuthChallenge = "auth_challenge",
        /// The proof.
        Authenticate = "authenticate",
        /// Never used.
        Authorize = "authorize",
        /// A command that tor does not know.
        Unrecognized = "unrecognized",
    }
}
