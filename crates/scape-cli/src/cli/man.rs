//! `scape man` writes the manual pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::base::context::Context;
use crate::base::failure::Failure;

/// Write the manual pages, one for each command
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder for the pages, such as ~/.local/share/man/man1
    folder: PathBuf,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::failed(format!("cannot write the pages to {}: {error}", self.folder.display()))
        };
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        clap_mangen::generate_to(super::Cli::command(), &self.folder).map_err(failed)?;
        context.out.note(format_args!("wrote the pages to {}", self.folder.display()));
        Ok(())
    }
}
