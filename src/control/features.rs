//! Optional features of the control connection: USEFEATURE.

use super::Controller;
use crate::error::Result;
use scape_proto::control::Command;

/// Features of the control connection. See control-spec, command USEFEATURE.
/// `GETINFO features/names` lists the features that tor knows.
impl Controller {
    /// Enables features of the control protocol. If `names` is empty, nothing
    /// is sent.
    ///
    /// tor 0.4.9 knows `VERBOSE_NAMES` and `EXTENDED_EVENTS`, which are always
    /// enabled. So this method is only useful with other versions of tor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("USEFEATURE VERBOSE_NAMES", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.use_feature(["VERBOSE_NAMES"])?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// know one of the features.
    #[doc(alias = "enable_feature")]
    pub fn use_feature<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Result<()> {
        let mut command = Command::build("USEFEATURE");
        let mut any = false;
        for name in names {
            command.word("feature", name.as_ref());
            any = true;
        }
        if any { self.request(command.finish()?).map(drop) } else { Ok(()) }
    }
}
