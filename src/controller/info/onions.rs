//! `GETINFO onions/…`, `hs/…`: onion services and their descriptors.

use super::value::unless_unknown;
use crate::Controller;
use crate::error::Result;
use crate::word::OnionAddress;

/// Onion services. control-spec, GETINFO `onions/…` and `hs/…`.
impl Controller {
    /// The onion services that this connection has added, and that end with it
    /// (`GETINFO onions/current`).
    pub fn onions_current(&self) -> Result<Vec<OnionAddress>> {
        self.read_lines("onions/current", address)
    }

    /// The onion services that were added by controllers and belong to no
    /// connection ([`AddOnion::detach`](crate::AddOnion::detach);
    /// `GETINFO onions/detached`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "onions/detached", "h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// for address in controller.onions_detached()? {
    ///     println!("http://{address}/");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn onions_detached(&self) -> Result<Vec<OnionAddress>> {
        self.read_lines("onions/detached", address)
    }

    /// An onion service's descriptor that this tor has fetched as a client, as
    /// bytes (`GETINFO hs/client/desc/id/…`); `None` where it has none.
    pub fn hs_client_desc(&self, address: &OnionAddress) -> Result<Option<Vec<u8>>> {
        unless_unknown(self.get_info_bytes(&format!("hs/client/desc/id/{}", address.service_id())))
    }

    /// The descriptor of one of this tor's own onion services, as it is
    /// published, as bytes (`GETINFO hs/service/desc/id/…`); `None` where it
    /// has none.
    pub fn hs_service_desc(&self, address: &OnionAddress) -> Result<Option<Vec<u8>>> {
        unless_unknown(self.get_info_bytes(&format!("hs/service/desc/id/{}", address.service_id())))
    }
}

fn address(line: &[u8]) -> Option<OnionAddress> {
    std::str::from_utf8(line).ok()?.parse().ok()
}
