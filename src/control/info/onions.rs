//! `GETINFO onions/…`, `hs/…`: onion services and their descriptors.

use super::Info;
use super::value::{parse_line, unless_unknown};
use crate::error::Result;
use scape_proto::netdoc::DocumentText;
use scape_proto::netdoc::onion::OnionDescriptor;
use scape_proto::word::OnionAddress;

/// Queries about onion services. See control-spec, GETINFO `onions/…` and
/// `hs/…`.
impl Info<'_> {
    /// Returns the addresses of the onion services that belong to this
    /// connection (`GETINFO onions/current`). This connection has added them,
    /// and they end when the connection ends.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "onions/current", "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let services = controller.info().onions_current()?;
    /// assert_eq!(
    ///     services[0].to_string(),
    ///     "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    #[doc(alias = "list_ephemeral_hidden_services")]
    pub fn onions_current(self) -> Result<Vec<OnionAddress>> {
        self.controller.read_lines("onions/current", parse_line)
    }

    /// Returns the addresses of the detached onion services (`GETINFO
    /// onions/detached`). Controllers have added these services, but they
    /// belong to no connection: see
    /// [`AddOnion::detach`](crate::control::AddOnion::detach).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "onions/detached", "h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let services = controller.info().onions_detached()?;
    /// assert_eq!(
    ///     services[0].to_string(),
    ///     "h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad.onion"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    #[doc(alias = "list_ephemeral_hidden_services")]
    pub fn onions_detached(self) -> Result<Vec<OnionAddress>> {
        self.controller.read_lines("onions/detached", parse_line)
    }

    /// Returns an onion service's descriptor, if this tor has fetched
    /// it as a client (`GETINFO hs/client/desc/id/…`). Otherwise returns
    /// `None`.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "hs/client/desc/id/2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid",
    /// #     "hs-descriptor 3\ndescriptor-lifetime 180\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::OnionAddress;
    /// use std::time::Duration;
    ///
    /// let address: OnionAddress =
    ///     "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion".parse()?;
    /// let descriptor = controller.info().hs_client_desc(&address)?;
    /// let descriptor = descriptor.expect("the descriptor is there");
    /// assert_eq!(descriptor.parse()?.lifetime, Some(Duration::from_secs(180 * 60)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn hs_client_desc(
        self,
        address: &OnionAddress,
    ) -> Result<Option<DocumentText<OnionDescriptor<'static>>>> {
        unless_unknown(self.text(&format!("hs/client/desc/id/{}", address.service_id())))
    }

    /// Returns the descriptor of one of this tor's own onion services, as tor
    /// publishes it (`GETINFO hs/service/desc/id/…`). Returns `None` if tor
    /// doesn't have the descriptor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "hs/service/desc/id/2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid",
    /// #     "hs-descriptor 3\ndescriptor-lifetime 180\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::OnionAddress;
    /// use std::time::Duration;
    ///
    /// let address: OnionAddress =
    ///     "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion".parse()?;
    /// let descriptor = controller.info().hs_service_desc(&address)?;
    /// let descriptor = descriptor.expect("the descriptor is there");
    /// assert_eq!(descriptor.parse()?.lifetime, Some(Duration::from_secs(180 * 60)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn hs_service_desc(
        self,
        address: &OnionAddress,
    ) -> Result<Option<DocumentText<OnionDescriptor<'static>>>> {
        unless_unknown(self.text(&format!("hs/service/desc/id/{}", address.service_id())))
    }
}
