//! `scape completions` prints the completions for a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::base::context::Context;
use crate::base::failure::Failure;

/// Print the completions for a shell
///
/// For bash, save the output as
/// ~/.local/share/bash-completion/completions/scape.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The shell for which the completions are
    shell: Shell,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut script = Vec::new();
        let mut command = super::Cli::command();
        clap_complete::generate(self.shell, &mut command, "scape", &mut script);
        context.out.bytes(script)
    }
}
