//! `GETINFO address-mappings/…`: the addresses that tor replaces by others.

use super::Info;
use crate::error::Result;
use scape_proto::info::{AddressMapping, MappingSource};

/// Address mappings. control-spec, GETINFO `address-mappings/…`.
impl Info<'_> {
    /// Returns the addresses that tor replaces by others, in no particular
    /// order (`GETINFO address-mappings/…`).
    /// [`map_address`](crate::Controller::map_address) adds mappings.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "address-mappings/control", "a.example b.example NEVER").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::info::MappingSource;
    ///
    /// for mapping in controller.info().address_mappings(&MappingSource::Control)? {
    ///     println!("{mapping}"); // a.example -> b.example
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn address_mappings(self, source: &MappingSource) -> Result<Vec<AddressMapping>> {
        self.controller.read_lines(&format!("address-mappings/{source}"), AddressMapping::parse)
    }
}
