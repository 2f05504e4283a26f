//! The sources of address mappings: tor's cache, its configuration and
//! controllers.

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
