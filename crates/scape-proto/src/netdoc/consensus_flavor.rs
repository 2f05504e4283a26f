//! Flavors of the consensus: dir-spec, section 3.

open_enum! {
    /// The flavor of a consensus.
    pub enum ConsensusFlavor {
        /// The full consensus, which refers to server descriptors.
        Ns = "ns",
        /// The consensus for clients, which refers to microdescriptors.
        Microdesc = "microdesc",
    }
}
