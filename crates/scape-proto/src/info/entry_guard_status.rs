//! The statuses of entry guards, from `GETINFO entry-guards`.

open_enum! {
    /// The status of an entry guard in `GETINFO entry-guards`. The event GUARD
    /// uses other words.
    pub enum EntryGuardStatus {
        /// tor has used the guard before, and assumes that the guard is
        /// reachable.
        Up = "up",
        /// tor has never used the guard successfully, but may have tried.
        NeverConnected = "never-connected",
        /// tor has used the guard before, but can't reach it now.
        Down = "down",
        /// The guard must not be used now. Either the consensus doesn't list
        /// the relay as a guard, or the configuration excludes the relay.
        Unusable = "unusable",
    }
}
