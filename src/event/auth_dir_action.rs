//! What a directory authority does with descriptors: control-spec, event
//! AUTHDIR_NEWDESCS.

open_enum! {
    /// What an authority did with a descriptor that was sent to it (older
    /// tors).
    pub enum AuthDirAction {
        /// It took it.
        Accepted = "ACCEPTED",
        /// It did not need it, as it has a similar one.
        Dropped = "DROPPED",
        /// It refused it.
        Rejected = "REJECTED",
    }
}
