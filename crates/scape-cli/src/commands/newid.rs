//! `scape newid` makes new streams use new circuits.

use clap::Args;
use scape::control::Signal;

use super::signal::Sent;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::Failure;

/// Use new circuits for all new streams, and forget cached addresses
///
/// tor does this at most once every ten seconds. The command waits until tor
/// has done it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let controller = context.controller()?;
        let _busy = Busy::new("waiting until tor allows a new identity");
        controller.new_identity(context.timeout())?;
        if context.out.is_json() {
            return context.out.value(&Sent { signal: Signal::NewNym.to_string() });
        }
        context.out.note("new streams use new circuits");
        Ok(())
    }
}
