//! `scape doc show` prints documents as JSON.

use clap::Args;

use super::input::{Input, Unread, skipped};
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::{print_error, printable_lines};

/// Print documents as JSON, one document per line
///
/// At a terminal, the JSON is indented unless --json is given. Documents that
/// can't be parsed are reported on standard error, and the exit code is then 1.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// Check documents strictly against the specifications. Documents with a
    /// problem aren't printed
    #[arg(long)]
    strict: bool,

    /// Report malformed lines, which are left out of the JSON, on standard
    /// error
    #[arg(long)]
    skipped: bool,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let is_pretty = context.out.is_terminal() && !context.out.is_json();
        let mut malformed = Unread::default();
        let unread = self.input.read(context, |place, found| {
            let raw = found.document();
            let parsed = if self.strict { raw.parse_strict() } else { raw.parse() };
            let document = match parsed {
                Ok(document) => document,
                Err(error) => {
                    malformed.report(&place.problem(&error));
                    return Ok(());
                }
            };
            match is_pretty {
                true => context.out.pretty(&document)?,
                false => context.out.value(&document)?,
            }
            if self.skipped {
                for error in skipped(&document) {
                    print_error(printable_lines(&place.problem(&error)));
                }
            }
            Ok(())
        })?;
        malformed.add(unread);
        malformed.check()
    }
}
