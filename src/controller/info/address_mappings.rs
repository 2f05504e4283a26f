//! `GETINFO address-mappings/…`.

use crate::Controller;
use crate::error::Result;
use crate::protocol::{AddressMapping, MappingSource};

/// Address mappings. control-spec, GETINFO `address-mappings/…`.
impl Controller {
    /// The addresses that tor replaces by others, in no order.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "address-mappings/control", "a.example b.example NEVER").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::protocol::MappingSource;
    ///
    /// for mapping in controller.address_mappings(&MappingSource::Control)? {
    ///     println!("{mapping}"); // a.example -> b.example
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn address_mappings(&self, source: &MappingSource) -> Result<Vec<AddressMapping>> {
        self.read_lines(&format!("address-mappings/{source}"), AddressMapping::parse)
    }
}
