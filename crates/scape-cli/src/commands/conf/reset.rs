//! `scape conf reset` resets options to their defaults.

use clap::Args;

use super::change::save_and_print;
use super::problem::explained;
use crate::base::context::Context;
use crate::base::failure::Failure;

/// Reset options to their defaults
///
/// All options are reset with one command: tor resets either all of them or
/// none. HiddenServiceOptions stands for all onion services on disk. Removed
/// lines are printed with -, added lines with +.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The names of options
    #[arg(required = true, value_name = "OPTION")]
    names: Vec<String>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut config = context.controller()?.config()?;
        for name in &self.names {
            config.reset(name).map_err(explained)?;
        }
        save_and_print(context, &mut config)
    }
}
