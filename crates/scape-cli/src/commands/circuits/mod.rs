//! `scape circuits` lists circuits. Its subcommands build and close them.

mod build;
mod close;
mod filter;
mod row;

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

use clap::{Args, Subcommand};
use scape::State;
use scape::state::Circuit;
use scape::word::CountryCode;

use self::filter::Filter;
use self::row::CircuitRow;
use super::shared::column::Column;
use super::shared::countries::{Countries, CountryOptions};
use super::shared::ended::Ended;
use super::shared::listing::{ListOptions, Listing, show};
use crate::base::context::Context;
use crate::base::failure::Failure;

/// List tor's circuits, build new ones, or close them
///
/// A circuit is shown if it matches all filters.
///
/// With --watch, circuits that have ended are shown for five more seconds, with
/// the reason.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Show the fingerprints of the relays
    #[arg(long)]
    long: bool,

    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    countries: CountryOptions,

    #[command(flatten)]
    list: ListOptions,

    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    Build(build::Arguments),
    Close(close::Arguments),
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let has_filters = self.filter != Filter::default() || self.countries.geoip.is_some();
        match self.action {
            None => {
                if self.countries.geoip.is_some() && !self.filter.needs_countries() {
                    let message = "--geoip has no effect without --country or --exit-country";
                    return Err(Failure::usage(message));
                }
                let state = State::new(&context.controller()?)?;
                self.filter.check(&state)?;
                let countries = Countries::new(&self.countries, &state)?;
                let ended = Ended::default();
                let (long, filter) = (self.long, self.filter);
                let mut circuits = Circuits { long, filter, countries, ended };
                show(context, &self.list, &state, &mut circuits)
            }
            Some(Action::Build(arguments)) => {
                self.list.must_be_absent(has_filters, "circuits build")?;
                arguments.run(context, self.long)
            }
            Some(Action::Close(arguments)) => {
                self.list.must_be_absent(has_filters, "circuits close")?;
                arguments.run(context)
            }
        }
    }
}

/// The list that `scape circuits` prints.
struct Circuits {
    long: bool,
    filter: Filter,
    countries: Countries,
    ended: Ended<Circuit>,
}

impl Circuits {
    /// Removes the circuits that don't fulfil the conditions on countries.
    /// Looks up the countries of the relays first.
    fn keep_countries(
        &mut self,
        circuits: &mut Vec<Circuit>,
        state: &State,
    ) -> Result<(), Failure> {
        let addresses = |circuit: &Circuit| -> Vec<Option<IpAddr>> {
            let path = circuit.path();
            let routers = path.iter().map(|relay| Some(state.router(relay.fingerprint()?)));
            routers.map(|router| Some(IpAddr::V4(*router?.or_address()?.ip()))).collect()
        };
        self.countries.learn(circuits.iter().flat_map(addresses).flatten())?;
        self.countries.must_be_complete()?;
        circuits.retain(|circuit| {
            let countries = addresses(circuit).into_iter().map(|ip| self.countries.of(ip?));
            self.filter.fits_countries(&countries.collect::<Vec<Option<CountryCode>>>())
        });
        Ok(())
    }
}

impl Listing for Circuits {
    type Row = CircuitRow;

    const NOUN: &'static str = "circuits";

    fn columns(&self) -> Vec<Column<CircuitRow>> {
        row::columns(self.long)
    }

    fn rows(&mut self, state: &State, now: Instant) -> Result<Rc<[CircuitRow]>, Failure> {
        let mut circuits = self.ended.add_to(state.circuits(), now);
        circuits.retain(|circuit| self.filter.fits(&circuit.info()));
        if self.filter.needs_countries() {
            self.keep_countries(&mut circuits, state)?;
        }
        Ok(circuits.iter().map(CircuitRow::new).collect())
    }

    fn count(&self, state: &State) -> usize {
        state.circuits().len()
    }
}
