//! `scape streams close` closes streams.

use clap::Args;
use scape::State;
use scape::event::EndReason;
use scape::word::StreamId;

use super::find;
use super::row::StreamRow;
use crate::base::context::Context;
use crate::base::failure::Failure;

/// Close streams
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ids of the streams, as `scape streams` shows them
    #[arg(value_name = "ID", required = true)]
    ids: Vec<StreamId>,

    /// The reason that tor records: a name of control-spec, such as TIMEOUT, or
    /// a number
    #[arg(long, value_parser = reason, default_value = "MISC")]
    reason: EndReason,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let state = State::new(&context.controller()?)?;
        // All streams are looked up first, so that nothing is closed if one of
        // the IDs is wrong.
        let streams = self.ids.iter().map(|id| find(&state, *id));
        let streams = streams.collect::<Result<Vec<_>, _>>()?;
        for stream in streams {
            context.check_interrupt()?;
            let is_closed = stream.close(self.reason)?;
            let id = stream.id();
            if context.out.is_json() {
                context.out.value(&StreamRow::new(&stream, None, None))?;
            } else if is_closed {
                context.out.note(format_args!("closed stream {id}"));
            } else {
                context.out.note(format_args!("stream {id} was closed already"));
            }
        }
        Ok(())
    }
}

/// Parses the value of `--reason`: the name of a reason or its number.
fn reason(text: &str) -> Result<EndReason, String> {
    if let Ok(code) = text.parse::<u8>() {
        return Ok(EndReason::new(code));
    }
    let letters = |name: &str| name.replace(['-', '_'], "").to_uppercase();
    let names = || EndReason::KNOWN.iter().filter_map(|known| Some((*known, known.reason()?)));
    names()
        .find(|(_, reason)| letters(reason.as_str()) == letters(text))
        .map(|(known, _)| known)
        .ok_or_else(|| {
            let names: Vec<_> = names().map(|(_, reason)| reason.to_string()).collect();
            format!("expected a number or one of {}", names.join(", "))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_names_and_numbers() {
        assert_eq!(reason("timeout"), Ok(EndReason::TIMEOUT));
        assert_eq!(reason("exit-policy"), Ok(EndReason::EXIT_POLICY));
        assert_eq!(reason("200"), Ok(EndReason::new(200)));
        assert!(reason("nonsense").is_err_and(|text| text.contains("one of MISC, RESOLVEFAILED")));
    }
}
