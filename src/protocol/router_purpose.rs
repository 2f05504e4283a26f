//! What a relay's descriptor is for: dir-spec, `@purpose`.

open_enum! {
    /// What tor should use a relay for whose descriptor a controller gives it.
    pub enum RouterPurpose {
        /// Anything: as a relay of the consensus.
        General = "general",
        /// Only what controllers ask for.
        Controller = "controller",
        /// As a bridge.
        Bridge = "bridge",
    }
}
