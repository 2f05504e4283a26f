//! The ownership of tor: TAKEOWNERSHIP, DROPOWNERSHIP.

use super::Controller;
use super::restorables::{self, Kind};
use crate::error::Result;
use scape_proto::control::Command;

/// The ownership of tor. See control-spec, commands TAKEOWNERSHIP and
/// DROPOWNERSHIP.
impl Controller {
    /// Makes this connection an owner of tor: tor ends when the connection
    /// ends.
    ///
    /// A call of [`reconnect`](Self::reconnect) takes the ownership on the new
    /// connection before it ends the old one, so tor goes on. If tor was
    /// started with the option `__OwningControllerProcess`, tor also ends when
    /// the process that the option names ends. To prevent that, reset the
    /// option after this call.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("TAKEOWNERSHIP", "250 OK\r\n")
    /// #     .on("RESETCONF __OwningControllerProcess", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.take_ownership()?;
    /// controller.reset_conf(["__OwningControllerProcess"])?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if a filter in front
    /// of tor, such as onion-grater, refuses the command.
    pub fn take_ownership(&self) -> Result<()> {
        let session = &self.inner.session;
        let tor = self.on_this_link()?.in_one_call();
        let _claim = session.latest.claim(vec![Kind::Ownership.claimed()], tor.deadline())?;
        tor.request(Command::build("TAKEOWNERSHIP").finish()?)?;
        session.restorables.set_owns_tor(true);
        tor.noted(restorables::OWNERSHIP)
    }

    /// Ends the ownership: tor continues to run when this connection ends,
    /// unless another connection owns tor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("DROPOWNERSHIP", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.drop_ownership()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`take_ownership`](Self::take_ownership), most often a
    /// filter that refuses the command.
    pub fn drop_ownership(&self) -> Result<()> {
        let session = &self.inner.session;
        let tor = self.on_this_link()?.in_one_call();
        let watch = session.latest.watch(tor.deadline())?;
        tor.request(Command::build("DROPOWNERSHIP").finish()?)?;
        session.restorables.set_owns_tor(false);
        tor.not_given_back(&Kind::Ownership, &watch)
    }
}
