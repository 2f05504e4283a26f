//! Types and statuses of guards: control-spec, event GUARD.

open_enum! {
    /// The type of a guard.
    pub enum GuardType {
        /// An entry guard. If the event's status ends in `_L2`, a guard for the
        /// second hop (vanguards).
        Entry = "ENTRY",
    }
}

open_enum! {
    /// The new status of a guard.
    pub enum GuardStatus {
        /// The guard was chosen.
        New = "NEW",
        /// The guard was reached.
        Up = "UP",
        /// The guard couldn't be reached.
        Down = "DOWN",
        /// The relay is no longer a guard.
        Dropped = "DROPPED",
        /// The guard isn't used for now (older tors).
        Bad = "BAD",
        /// The guard is used again (older tors).
        Good = "GOOD",
        /// The relay was chosen as a guard for the second hop.
        GoodL2 = "GOOD_L2",
        /// The relay is no longer a guard for the second hop.
        BadL2 = "BAD_L2",
    }
}
