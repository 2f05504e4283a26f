//! `scape onion auth remove` removes the key of a client from tor.

use clap::Args;
use scape::word::OnionAddress;

use crate::base::context::Context;
use crate::base::failure::Failure;

/// Remove tor's key for an onion service, from the disk as well
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The address of the service
    address: OnionAddress,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match context.controller()?.onion_client_auth().remove(&self.address)? {
            true => {
                context.out.note(format_args!("{}: the key was removed", self.address));
                Ok(())
            }
            false => Err(Failure::failed(format_args!(
                "tor has no key for {}; `scape onion auth list` lists the keys",
                self.address
            ))),
        }
    }
}
