//! How tor goes about downloading: dir-spec and tor's `download_status_t`.

open_enum! {
    /// What a download is scheduled as.
    pub enum DownloadSchedule {
        /// As any other.
        Generic = "DL_SCHED_GENERIC",
        /// As a consensus.
        Consensus = "DL_SCHED_CONSENSUS",
        /// As a bridge's descriptor.
        Bridge = "DL_SCHED_BRIDGE",
    }
}

open_enum! {
    /// Whom tor asks.
    pub enum DownloadWant {
        /// Any directory cache.
        AnyDirServer = "DL_WANT_ANY_DIRSERVER",
        /// A directory authority.
        Authority = "DL_WANT_AUTHORITY",
    }
}

open_enum! {
    /// After what tor waits longer.
    pub enum DownloadIncrement {
        /// After each failure.
        Failure = "DL_SCHED_INCREMENT_FAILURE",
        /// After each attempt.
        Attempt = "DL_SCHED_INCREMENT_ATTEMPT",
    }
}

open_enum! {
    /// How tor waits longer.
    pub enum DownloadBackoff {
        /// By a random time that grows exponentially.
        RandomExponential = "DL_SCHED_RANDOM_EXPONENTIAL",
        /// By a fixed list of times (older tors).
        Deterministic = "DL_SCHED_DETERMINISTIC",
    }
}

open_enum! {
    /// A flavour of the consensus.
    pub enum ConsensusFlavor {
        /// With server descriptors (`ns`).
        Ns = "ns",
        /// With microdescriptors, the one that clients use.
        Microdesc = "microdesc",
    }
}

open_enum! {
    /// Which of the two schedules of a consensus' download.
    pub enum DownloadPhase {
        /// That of bootstrap.
        Bootstrap = "bootstrap",
        /// That of later.
        Running = "running",
    }
}
