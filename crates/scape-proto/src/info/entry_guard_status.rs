//! Statuses of entry guards.

open_enum! {
    /// The status of an entry guard in `GETINFO entry-guards`. The event GUARD
    /// uses other words.
    pub enum EntryGuardStatus {
        /// tor has used the guard before, and doesn't know that it is
        /// unreachable now.
        Up = "up",
        /// tor has never used the guard successfully. It may have tried.
        NeverConnected = "never-connected",
        /// tor has used the guard before, but can't reach it now.
        Down = "down",
        /// The guard must not be used now. The consensus doesn't list it, or
        /// not as a guard, or the configuration excludes it.
        Unusable = "unusable",
    }
}
