//! `scape conf save` makes tor write its torrc.

use clap::Args;

use crate::base::context::Context;
use crate::base::failure::Failure;

/// Write the running configuration into the torrc
///
/// tor keeps the old file under another name. The comments and the order of the
/// old file are lost. tor refuses to replace a torrc that includes other files,
/// unless --force is given.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Replace a torrc that includes other files by a single file with all
    /// options
    #[arg(long)]
    force: bool,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let controller = context.controller()?;
        let file = controller.info().config_file()?;
        let saved = match self.force {
            true => controller.save_conf_force(),
            false => controller.save_conf(),
        };
        saved.map_err(|error| {
            let is_refused = error.refusal().is_some();
            let failure = Failure::from(error);
            let failure = failure.while_doing(format_args!("cannot write {}", file.display()));
            match is_refused && !self.force {
                true => Failure::new(
                    failure.exit,
                    format!(
                        "{}; if the file includes other files, use --force to replace it by a \
                         single file; otherwise see `scape log`",
                        failure.message
                    ),
                ),
                false => failure,
            }
        })?;
        context.out.note(format_args!("written to {}", file.display()));
        Ok(())
    }
}
