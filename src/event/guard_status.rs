//! What tor says of its guards: control-spec, event GUARD.

open_enum! {
    /// What kind of guard it is.
    pub enum GuardType {
        /// An entry guard; of statuses that end in `_L2`, one of the second hop
        /// (Vanguards).
        Entry = "ENTRY",
    }
}

open_enum! {
    /// What happened to a guard.
    pub enum GuardStatus {
        /// It was chosen.
        New = "NEW",
        /// It was reached.
        Up = "UP",
        /// It could not be reached.
        Down = "DOWN",
        /// It is no longer one.
        Dropped = "DROPPED",
        /// It is not to be used for now (older tors).
        Bad = "BAD",
        /// It may be used again (older tors).
        Good = "GOOD",
        /// A guard of the second hop was chosen.
        GoodL2 = "GOOD_L2",
        /// A guard of the second hop is no longer one.
        BadL2 = "BAD_L2",
    }
}
