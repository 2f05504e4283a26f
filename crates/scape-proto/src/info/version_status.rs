//! Recommendations of the directory authorities for versions of tor.

open_enum! {
    /// The recommendation of the consensus for or against the running version
    /// of tor.
    pub enum VersionStatus {
        /// The version is recommended.
        Recommended = "recommended",
        /// Every recommended version is newer.
        Obsolete = "obsolete",
        /// The version is newer than every recommended version.
        New = "new",
        /// The version is newer than every recommended version of its series.
        NewInSeries = "new in series",
        /// The version lies between recommended versions, but isn't recommended
        /// itself.
        Unrecommended = "unrecommended",
        /// The consensus doesn't recommend any version.
        NoneRecommended = "none recommended",
        /// There is no consensus.
        Unknown = "unknown",
    }
}
