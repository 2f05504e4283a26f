//! DROPGUARDS, DROPTIMEOUTS.

use super::Controller;
use crate::error::Result;
use crate::protocol::Command;

/// What tor has learnt. control-spec, commands DROPGUARDS and DROPTIMEOUTS.
impl Controller {
    /// Makes tor forget its entry guards and choose new ones. (Who does this
    /// often gives away what guards are for: sooner or later one of them is an
    /// attacker's.) A GUARD event tells of each that is dropped.
    pub fn drop_guards(&self) -> Result<()> {
        self.request(Command::build("DROPGUARDS").finish()?).map(drop)
    }

    /// Makes tor forget how long circuits take to be built, and learn it anew;
    /// until then it waits for 60 seconds. The BUILDTIMEOUT_SET event tells.
    pub fn drop_timeouts(&self) -> Result<()> {
        self.request(Command::build("DROPTIMEOUTS").finish()?).map(drop)
    }
}
