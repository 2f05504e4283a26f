//! Entry guards and circuit build times: DROPGUARDS, DROPTIMEOUTS.

use super::Controller;
use crate::error::Result;
use scape_proto::control::Command;

/// Methods that make tor forget its entry guards and its circuit build times.
/// See control-spec, commands DROPGUARDS and DROPTIMEOUTS.
impl Controller {
    /// Makes tor forget its entry guards and choose new ones. tor sends a GUARD
    /// event for each guard that it drops.
    ///
    /// Don't do this often. Guards protect a client because they rarely change:
    /// with each new choice, the chance grows that one of them belongs to an
    /// attacker.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("DROPGUARDS", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.drop_guards()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if a filter in front
    /// of tor, such as onion-grater, refuses the command.
    pub fn drop_guards(&self) -> Result<()> {
        self.request(Command::build("DROPGUARDS").finish()?).map(drop)
    }

    /// Makes tor forget how long circuits take to build, and learn these times
    /// again. Until tor has learned them, it waits up to 60 seconds for a
    /// circuit. tor sends a BUILDTIMEOUT_SET event.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("DROPTIMEOUTS", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.drop_timeouts()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if a filter in front
    /// of tor, such as onion-grater, refuses the command.
    pub fn drop_timeouts(&self) -> Result<()> {
        self.request(Command::build("DROPTIMEOUTS").finish()?).map(drop)
    }
}
