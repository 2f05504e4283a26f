//! `scape circuits build` builds a circuit.

use clap::{Args, ValueEnum};
use scape::event::CircuitPurpose;
use scape::path::PathBuilder;
use scape::word::{CountryCode, RelayName};
use scape::{CircuitBuilder, State};

use super::row::{self, CircuitRow};
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::commands::shared::countries::{Countries, CountryOptions};
use crate::commands::shared::listing::print;

/// Build a circuit, wait until it is ready, and print it
///
/// Without relays and options, tor chooses the relays. With --length,
/// --exit-country or --purpose controller, scape chooses them. scape follows
/// tor's rules for paths, but ignores tor's options such as ExcludeNodes and
/// MiddleNodes. Circuits over relays that tor didn't choose can be told apart
/// from others, and may reveal who uses them.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The relays in the order of the circuit, separated by commas:
    /// fingerprints, nicknames, or $FINGERPRINT~NICKNAME
    #[arg(value_name = "RELAY", value_delimiter = ',', value_parser = relay)]
    relays: Vec<String>,

    /// The number of relays, from 1 to 8
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u8).range(1..=8),
        conflicts_with = "relays",
    )]
    length: Option<u8>,

    /// The purpose of the circuit
    ///
    /// tor attaches streams to circuits with the purpose general by itself, and
    /// closes such circuits when they are old or unused. tor does neither for
    /// circuits with the purpose controller.
    #[arg(long, value_enum, default_value_t = Purpose::General)]
    purpose: Purpose,

    /// Choose an exit in this country, such as de. Can be repeated
    #[arg(long, value_name = "COUNTRY", conflicts_with = "relays")]
    exit_country: Vec<CountryCode>,

    #[command(flatten)]
    countries: CountryOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Purpose {
    General,
    Controller,
}

impl Arguments {
    pub(super) fn run(self, context: &Context, long: bool) -> Result<(), Failure> {
        if self.countries.geoip.is_some() && self.exit_country.is_empty() {
            return Err(Failure::usage("--geoip has no effect without --exit-country"));
        }
        let state = State::new(&context.controller()?)?;
        let busy = Busy::new("choosing the relays");
        let builder = self.builder(&state)?;
        busy.say("building the circuit");
        let circuit = builder.timeout(context.network_timeout()).build(&state)?;
        drop(busy);
        print(context, &row::columns(long), &[CircuitRow::new(&circuit)])
    }

    fn builder(&self, state: &State) -> Result<CircuitBuilder, Failure> {
        let purpose = match self.purpose {
            Purpose::General => CircuitPurpose::General,
            Purpose::Controller => CircuitPurpose::Controller,
        };
        if !self.relays.is_empty() {
            let relays = self.relays.iter().map(|relay| find(state, relay));
            let relays = relays.collect::<Result<Vec<_>, _>>()?;
            return Ok(CircuitBuilder::along(relays).purpose(purpose));
        }
        let is_chosen_by_tor = self.length.is_none()
            && self.exit_country.is_empty()
            && self.purpose == Purpose::General;
        if is_chosen_by_tor {
            return Ok(CircuitBuilder::new());
        }
        // tor applies this option to its own circuits, so scape applies it,
        // too.
        let distinct = state.controller().get_conf("EnforceDistinctSubnets")?;
        let mut path = PathBuilder::new().distinct_subnets(distinct.as_deref() != Some("0"));
        if let Some(length) = self.length {
            path = path.length(length.into());
        }
        if !self.exit_country.is_empty() {
            let mut countries = Countries::new(&self.countries, state)?;
            let directory = state.directory()?;
            let addresses =
                directory.relays().iter().map(|relay| (*relay.or_address().ip()).into());
            countries.learn(addresses)?;
            countries.must_be_complete()?;
            path = path.exit_in(self.exit_country.iter().copied(), move |ip| countries.of(ip));
        }
        Ok(CircuitBuilder::choosing(path).purpose(purpose))
    }
}

/// Parses the name of a relay. Returns an error if the name is empty.
fn relay(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("the name of the relay is empty".into()),
        name => Ok(name.to_owned()),
    }
}

/// Returns the fingerprint of a relay. Nicknames are looked up in the
/// consensus, because several relays may have the same nickname, and tor would
/// choose any of them.
fn find(state: &State, text: &str) -> Result<String, Failure> {
    let named = RelayName::from(text).fingerprint();
    if let Some(fingerprint) = named.or_else(|| text.parse().ok()) {
        return Ok(fingerprint.to_string());
    }
    match state.routers().named(text).as_slice() {
        [relay] => Ok(relay.fingerprint().to_string()),
        [] => Err(Failure::failed(format!(
            "no relay in the consensus has the nickname {text:?}; `scape relays` lists the relays"
        ))),
        several => {
            let names: Vec<_> = several.iter().map(ToString::to_string).collect();
            let names = names.join(", ");
            Err(Failure::failed(format!(
                "several relays have the nickname {text:?}; name one by its fingerprint: {names}"
            )))
        }
    }
}
