//! Where address mappings come from.

open_enum! {
    /// Which of tor's address mappings: the member of
    /// `GETINFO address-mappings/…`.
    pub enum MappingSource {
        /// All of them.
        All = "all",
        /// What exits answered, as long as it is remembered.
        Cache = "cache",
        /// What the configuration maps (MapAddress).
        Config = "config",
        /// What controllers have mapped (MAPADDRESS).
        Control = "control",
    }
}
