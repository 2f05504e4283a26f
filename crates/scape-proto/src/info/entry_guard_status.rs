//! Statuses of entry guards.

open_enum! {
    /// The status of an entry guard in `GETINFO entry-guards`. The event GUARD
    /// uses other words.
    pub enum EntryGuardStatus {
        /// The last attempt to reach the guard succeeded.
        Up = "up",
        /// tor hasn't tried to reach the guard yet.
        NeverConnected = "never-connected",
        /// The guard couldn't be reached.
        Down = "down",
        /// The guard must not be used now. The consensus doesn't list it, or
        /// not as a guard, or the configuration excludes it.
        Unusable = "unusable",
    }
}
