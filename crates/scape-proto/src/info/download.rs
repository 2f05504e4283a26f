//! Properties of tor's downloads: dir-spec and tor's `download_status_t`.

open_enum! {
    /// The schedule of a download. It determines the delays between attempts.
    pub enum DownloadSchedule {
        /// The default schedule.
        Generic = "DL_SCHED_GENERIC",
        /// The schedule for a consensus.
        Consensus = "DL_SCHED_CONSENSUS",
        /// The schedule for a bridge's descriptor.
        Bridge = "DL_SCHED_BRIDGE",
    }
}

open_enum! {
    /// The servers that tor asks for a document.
    pub enum DownloadWant {
        /// Any directory server: a cache or an authority.
        AnyDirServer = "DL_WANT_ANY_DIRSERVER",
        /// Only a directory authority.
        Authority = "DL_WANT_AUTHORITY",
    }
}

open_enum! {
    /// The kind of attempt after which tor increases the delay before the next
    /// attempt: every attempt, or only a failed one.
    pub enum DownloadIncrement {
        /// tor increases the delay after each failed attempt.
        Failure = "DL_SCHED_INCREMENT_FAILURE",
        /// tor increases the delay after each attempt, failed or not.
        Attempt = "DL_SCHED_INCREMENT_ATTEMPT",
    }
}

open_enum! {
    /// The method by which tor increases the delay between attempts.
    pub enum DownloadBackoff {
        /// A random delay that grows exponentially.
        RandomExponential = "DL_SCHED_RANDOM_EXPONENTIAL",
        /// A fixed list of delays, in older versions of tor.
        Deterministic = "DL_SCHED_DETERMINISTIC",
    }
}

open_enum! {
    /// The phase of a consensus download. Each phase has a schedule of its own.
    pub enum DownloadPhase {
        /// The phase during the bootstrap.
        Bootstrap = "bootstrap",
        /// The phase after the bootstrap.
        Running = "running",
    }
}
