//! `GETINFO onions/…`, `hs/…`: onion services and their descriptors.

use super::Info;
use super::value::{parse_line, unless_unknown};
use crate::error::Result;
use scape_proto::word::OnionAddress;

/// Onion services. control-spec, GETINFO `onions/…` and `hs/…`.
impl Info<'_> {
    /// Returns the onion services that this connection has added and that end
    /// with it (`GETINFO onions/current`).
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

    /// Returns the onion services that controllers have added and that belong
    /// to no connection (`GETINFO onions/detached`). See
    /// [`AddOnion::detach`](crate::control::AddOnion::detach).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "onions/detached", "h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// for address in controller.info().onions_detached()? {
    ///     println!("http://{address}/");
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
    #[doc(alias = "list_ephemeral_hidden_services")]
    pub fn onions_detached(self) -> Result<Vec<OnionAddress>> {
        self.controller.read_lines("onions/detached", parse_line)
    }

    /// Returns the descriptor of an onion service that this tor has fetched as
    /// a client, as bytes (`GETINFO hs/client/desc/id/…`). Returns `None` if
    /// tor doesn't have it.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn hs_client_desc(self, address: &OnionAddress) -> Result<Option<Vec<u8>>> {
        unless_unknown(
            self.controller
                .info()
                .get_bytes(&format!("hs/client/desc/id/{}", address.service_id())),
        )
    }

    /// Returns the descriptor of one of this tor's own onion services, in its
    /// published form, as bytes (`GETINFO hs/service/desc/id/…`). Returns
    /// `None` if tor doesn't have it.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn hs_service_desc(self, address: &OnionAddress) -> Result<Option<Vec<u8>>> {
        unless_unknown(
            self.controller
                .info()
                .get_bytes(&format!("hs/service/desc/id/{}", address.service_id())),
        )
    }
}
