//! `scape signal` sends a signal to tor.

use clap::Args;
use scape::control::Signal;
use serde::Serialize;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;

/// Send a signal to tor, such as RELOAD, or list the signals
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The signal. Without it, the signals that this tor knows are listed
    #[arg(value_name = "SIGNAL")]
    signal: Option<Signal>,
}

/// A signal that tor has carried out, as it is printed with `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Sent {
    /// The name of the signal, such as `NEWNYM`.
    pub(crate) signal: String,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let controller = context.controller()?;
        let Some(signal) = self.signal else {
            let signals = controller.info().known_signals()?;
            let names = signals.iter().map(ToString::to_string);
            return match context.out.is_json() {
                true => context.out.values(names),
                false => names.into_iter().try_for_each(|name| context.out.line(printable(&name))),
            };
        };
        controller.signal(signal.clone())?;
        match context.out.is_json() {
            true => context.out.value(&Sent { signal: signal.to_string().to_ascii_uppercase() }),
            false => Ok(()),
        }
    }
}
