//! What the directory authorities think of a version of tor.

open_enum! {
    /// What the consensus says of this tor's own version.
    pub enum VersionStatus {
        /// It is recommended.
        Recommended = "recommended",
        /// Every recommended version is newer.
        Obsolete = "obsolete",
        /// It is newer than every recommended version.
        New = "new",
        /// It is newer than every recommended version of its series.
        NewInSeries = "new in series",
        /// It lies between recommended versions, and is none.
        Unrecommended = "unrecommended",
        /// The consensus recommends no version at all.
        NoneRecommended = "none recommended",
        /// There is no consensus.
        Unknown = "unknown",
    }
}
