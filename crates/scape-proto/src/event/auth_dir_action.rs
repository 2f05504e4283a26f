//! The actions of directory authorities: control-spec, event AUTHDIR_NEWDESCS.

open_enum! {
    /// The action that a directory authority took on a descriptor that a relay
    /// uploaded. Only older tors report it.
    #[doc(alias = "AuthDescriptorAction")]
    pub enum AuthDirAction {
        /// The authority accepted the descriptor.
        Accepted = "ACCEPTED",
        /// The authority dropped the descriptor, because it already had a
        /// similar descriptor from the same relay.
        Dropped = "DROPPED",
        /// The authority rejected the descriptor.
        Rejected = "REJECTED",
    }
}
