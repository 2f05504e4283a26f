//! The options that select streams.

use std::str::FromStr;

use clap::Args;
use scape::State;
use scape::event::{StreamStatus, StreamTarget};
use scape::state::Stream;
use scape::word::CircuitId;

use crate::base::failure::Failure;
use crate::commands::shared::words::{self, contains};

/// The conditions that a stream must fulfil to be printed.
#[derive(Debug, Clone, PartialEq, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct Filter {
    /// Streams with this status, such as SUCCEEDED. Can be repeated to select
    /// several statuses
    #[arg(
        long,
        value_name = "STATUS",
        value_parser = words::parser(StreamStatus::KNOWN, StreamStatus::as_str),
    )]
    status: Vec<String>,

    /// Streams whose target contains this text, such as example.com, or has
    /// this port, such as :443. Can be repeated to select several targets
    ///
    /// If a name is resolved, tor shows the address in place of the name. Both
    /// are compared if the stream began while --watch was running.
    #[arg(long, value_name = "TEXT")]
    target: Vec<TargetFilter>,

    /// Streams on this circuit. Can be repeated to select several circuits
    #[arg(long, value_name = "ID")]
    circuit: Vec<CircuitId>,
}

impl Filter {
    /// Returns a failure if the user asked for a status that the library
    /// doesn't know and no stream has.
    pub(super) fn check(&self, state: &State) -> Result<(), Failure> {
        let streams = state.streams();
        let known: Vec<_> = StreamStatus::KNOWN.iter().map(StreamStatus::as_str).collect();
        words::check("status", "statuses", &self.status, &known, |word| {
            streams.iter().any(|stream| stream.status().as_str().eq_ignore_ascii_case(word))
        })
    }

    /// Returns true if the stream fulfils all conditions.
    pub(super) fn fits(&self, stream: &Stream) -> bool {
        let info = stream.info();
        let has =
            |filter: &TargetFilter| filter.fits(&info.target) || filter.fits(stream.first_target());
        words::fits(&self.status, Some(info.status.as_str()))
            && (self.target.is_empty() || self.target.iter().any(has))
            && (self.circuit.is_empty()
                || info.circuit.is_some_and(|circuit| self.circuit.contains(&circuit)))
    }
}

/// A condition on the target of a stream: its host must contain a text, and it
/// must have the port if one is given.
#[derive(Debug, Clone, PartialEq)]
struct TargetFilter {
    /// The text that the host must contain. Empty if every host fits.
    host: String,
    port: Option<u16>,
}

impl TargetFilter {
    fn fits(&self, target: &StreamTarget) -> bool {
        contains(target.host(), &self.host)
            && self.port.is_none_or(|port| target.port() == Some(port))
    }
}

impl FromStr for TargetFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let without_port = |host: &str| TargetFilter { host: host.to_owned(), port: None };
        let (host, port) = match text.rsplit_once(':') {
            _ if text.is_empty() => return Err("the text is empty".to_owned()),
            // Without brackets, further colons belong to an IPv6 address.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
            _ => return Ok(without_port(text.trim_matches(['[', ']']))),
        };
        match port.parse() {
            Ok(port) => {
                let host = host.trim_matches(['[', ']']).to_owned();
                Ok(TargetFilter { host, port: Some(port) })
            }
            Err(_) if host.is_empty() => Err(format!("{port:?} isn't a port")),
            // The text is the beginning of an IPv6 address.
            Err(_) => Ok(without_port(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_by_text_and_port() {
        for (filter, target, expected) in [
            ("example", "www.example.com:443", true),
            ("EXAMPLE.com", "www.example.com:443", true),
            (":443", "www.example.com:443", true),
            ("example.com:443", "www.example.com:443", true),
            (":44", "www.example.com:443", false),
            ("443", "www.example.com:443", false),
            ("example.org:443", "www.example.com:443", false),
            ("2001:db8", "[2001:db8::1]:80", true),
            ("2001:db8::1", "[2001:db8::1]:80", true),
            ("[2001:db8::1]", "[2001:db8::1]:80", true),
            ("[2001:db8::1]:80", "[2001:db8::1]:80", true),
            ("[2001:db8::1]:81", "[2001:db8::1]:80", false),
            ("::1", "[2001:db8::1]:80", true),
            (":80", "[2001:db8::1]:80", true),
            ("cut", "cut-off-name", true),
        ] {
            let parsed: TargetFilter = filter.parse().unwrap();
            assert_eq!(parsed.fits(&StreamTarget::from(target)), expected, "{filter} {target}");
        }
        for wrong in ["", ":", ":http", ":65536"] {
            assert!(wrong.parse::<TargetFilter>().is_err(), "{wrong}");
        }
    }
}
