//! Purposes of relay descriptors: dir-spec, `@purpose`.

open_enum! {
    /// The purpose of a relay whose descriptor is given to tor with
    /// POSTDESCRIPTOR.
    pub enum RouterPurpose {
        /// Use for any purpose, like a relay from the consensus.
        General = "general",
        /// Use only for circuits that controllers build.
        Controller = "controller",
        /// Use as a bridge.
        Bridge = "bridge",
    }
}
