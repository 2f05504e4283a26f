//! Purposes of relay descriptors: dir-spec, `@purpose`.

open_enum! {
    /// The purpose for which tor uses a relay. A controller names the purpose
    /// when it gives tor the relay's descriptor with POSTDESCRIPTOR.
    pub enum RouterPurpose {
        /// tor uses the relay for any purpose, like a relay from the consensus.
        General = "general",
        /// tor uses the relay only for circuits that controllers build.
        Controller = "controller",
        /// tor uses the relay as a bridge.
        Bridge = "bridge",
    }
}
