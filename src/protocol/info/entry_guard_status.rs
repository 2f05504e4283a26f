//! Entry guards.

open_enum! {
    /// What tor thinks of an entry guard, in `GETINFO entry-guards`. (The event
    /// GUARD has other words.)
    pub enum EntryGuardStatus {
        /// It was reached, the last time that it was tried.
        Up = "up",
        /// It was not tried yet.
        NeverConnected = "never-connected",
        /// It could not be reached.
        Down = "down",
        /// It must not be used now: the consensus does not list it, or not as a
        /// guard, or the configuration excludes it.
        Unusable = "unusable",
    }
}
