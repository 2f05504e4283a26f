//! The actions of directory authorities: control-spec, event AUTHDIR_NEWDESCS.

open_enum! {
    /// The action that a directory authority took on an uploaded descriptor
    /// (older tors).
    #[doc(alias = "AuthDescriptorAction")]
    pub enum AuthDirAction {
        /// The authority accepted the descriptor.
        Accepted = "ACCEPTED",
        /// The authority dropped the descriptor because it has a similar one.
        Dropped = "DROPPED",
        /// The authority rejected the descriptor.
        Rejected = "REJECTED",
    }
}
