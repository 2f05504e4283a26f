//! TAKEOWNERSHIP, DROPOWNERSHIP.

use super::Controller;
use super::ledger::{self, Kind};
use crate::error::Result;
use crate::protocol::Command;

/// Who tor lives for. control-spec, commands TAKEOWNERSHIP and DROPOWNERSHIP.
impl Controller {
    /// Makes this connection an owner of tor: when it ends, tor ends.
    ///
    /// A tor that was started with `__OwningControllerProcess` should then be
    /// told `reset_conf(["__OwningControllerProcess"])`, so that the connection
    /// alone counts.
    pub fn take_ownership(&self) -> Result<()> {
        let session = &self.inner.session;
        let tor = self.on_this_link()?.in_one_call();
        let _claim = session.latest.claim(vec![Kind::Ownership.claimed()], tor.deadline())?;
        tor.request(Command::build("TAKEOWNERSHIP").finish()?)?;
        session.ledger.set_owns_tor(true);
        tor.noted(ledger::OWNERSHIP)
    }

    /// Makes this connection one that tor outlives.
    pub fn drop_ownership(&self) -> Result<()> {
        let session = &self.inner.session;
        let tor = self.on_this_link()?.in_one_call();
        let watch = session.latest.watch();
        tor.request(Command::build("DROPOWNERSHIP").finish()?)?;
        session.ledger.set_owns_tor(false);
        tor.not_given_back(&Kind::Ownership, &watch)
    }
}
