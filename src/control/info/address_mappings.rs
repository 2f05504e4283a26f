//! `GETINFO address-mappings/…`: the addresses that tor replaces by other
//! addresses.

use super::Info;
use crate::error::Result;
use scape_proto::info::{AddressMapping, MappingSource};

/// Queries about address mappings. See control-spec, GETINFO
/// `address-mappings/…`.
impl Info<'_> {
    /// Returns the address mappings from a source, in no particular order
    /// (`GETINFO address-mappings/…`). A mapping means that tor connects to one
    /// address if it is asked for another.
    /// [`map_address`](crate::Controller::map_address) adds mappings.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "address-mappings/control", "a.example b.example NEVER").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::info::MappingSource;
    ///
    /// let mappings = controller.info().address_mappings(&MappingSource::Control)?;
    /// assert_eq!(mappings[0].to_string(), "a.example -> b.example");
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
