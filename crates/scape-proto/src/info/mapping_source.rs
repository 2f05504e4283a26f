//! Sources of address mappings.

open_enum! {
    /// The source of address mappings: the last part of the key
    /// `address-mappings/…`.
    pub enum MappingSource {
        /// All mappings.
        All = "all",
        /// Answers that tor received from exits and cached.
        Cache = "cache",
        /// Mappings from the configuration (MapAddress).
        Config = "config",
        /// Mappings from controllers (MAPADDRESS).
        Control = "control",
    }
}
