//! `scape streams release` makes tor attach its streams by itself again.

use clap::Args;
use serde::Serialize;

use crate::base::context::Context;
use crate::base::failure::Failure;

/// Let tor attach streams again, after a program that attached them is gone
///
/// A program that attaches streams may have ended without resetting tor's
/// option __LeaveStreamsUnattached. Then every new stream waits for two minutes
/// and fails. This command resets the option, and lets tor attach the streams
/// that wait.
///
/// Don't use it while another program attaches streams, because tor would then
/// choose the circuits for that program's streams.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

/// The output of `scape streams release --json`.
#[derive(Debug, Serialize)]
struct Released {
    released: usize,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let released = context.controller()?.release_streams()?;
        if context.out.is_json() {
            return context.out.value(&Released { released });
        }
        let streams = if released == 1 { "stream" } else { "streams" };
        context.out.note(format_args!("tor attaches streams; released {released} {streams}"));
        Ok(())
    }
}
