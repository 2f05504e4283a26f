//! `scape relays` lists the relays of the consensus.

mod address;
mod filter;
mod row;
mod version;

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use scape::State;
use scape::netdoc::Directory;
use serde::Serialize;

use self::filter::Filter;
use self::row::RelayRow;
use super::shared::column::Column;
use super::shared::countries::{Countries, CountryOptions};
use super::shared::listing::{ListOptions, Listing, none_fit, read, show};
use crate::base::context::Context;
use crate::base::failure::Failure;

/// List the relays of the consensus
///
/// A relay is shown if it matches all filters. The relays with the highest
/// bandwidth come first.
#[derive(Debug, Args)]
// clap's own option is disabled, because --version is about relays here.
#[command(disable_version_flag = true)]
pub(crate) struct Arguments {
    /// Show at most N relays
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Print the number of relays instead of the list
    #[arg(long, conflicts_with_all = ["watch", "limit", "sort", "reverse"])]
    count: bool,

    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    countries: CountryOptions,

    #[command(flatten)]
    list: ListOptions,
}

/// The number of relays, as it is printed with `--count --json`.
#[derive(Debug, Serialize)]
struct Count {
    count: usize,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let state = State::new(&context.controller()?)?;
        let countries = Countries::new(&self.countries, &state)?;
        let mut relays = Relays { filter: self.filter, countries, limit: self.limit, last: None };
        if !self.count {
            return show(context, &self.list, &state, &mut relays);
        }
        let count = read(&mut relays, &state)?.len();
        match context.out.is_json() {
            true => context.out.value(&Count { count }),
            false => context.out.line(count),
        }
    }
}

/// The list that `scape relays` prints. It keeps the rows until tor has a new
/// directory.
struct Relays {
    filter: Filter,
    countries: Countries,
    limit: Option<usize>,
    /// The directory from which the rows were made, and the rows. `None` before
    /// the first one was read.
    last: Option<(Arc<Directory>, Rc<[RelayRow]>)>,
}

impl Relays {
    fn select(&mut self, directory: &Directory) -> Result<Rc<[RelayRow]>, Failure> {
        self.filter.check(directory)?;
        let total: u64 =
            directory.relays().iter().filter_map(|relay| relay.bandwidth()).map(u64::from).sum();
        let relays = directory.relays().iter().filter(|relay| self.filter.fits(relay));
        let relays: Vec<_> = relays.collect();
        self.countries.learn(relays.iter().map(|relay| IpAddr::V4(*relay.or_address().ip())))?;
        if self.filter.needs_countries() {
            self.countries.must_be_complete()?;
        }
        let mut rows: Vec<_> = relays
            .iter()
            .map(|relay| {
                let country = self.countries.of((*relay.or_address().ip()).into());
                RelayRow::new(relay, country, total)
            })
            .filter(|row| self.filter.fits_country(row.country))
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.bandwidth));
        Ok(rows.into())
    }
}

impl Listing for Relays {
    type Row = RelayRow;

    const NOUN: &'static str = "relays";

    fn columns(&self) -> Vec<Column<RelayRow>> {
        row::columns()
    }

    fn rows(&mut self, state: &State, _now: Instant) -> Result<Rc<[RelayRow]>, Failure> {
        // Without a consensus, tor refuses to send the directory, so the list
        // is empty.
        if state.routers().is_empty() {
            self.filter.check_names()?;
            return Ok(Rc::new([]));
        }
        let directory = state.directory()?;
        if let Some((last, rows)) = &self.last
            && Arc::ptr_eq(last, &directory)
        {
            return Ok(rows.clone());
        }
        let rows = self.select(&directory)?;
        self.last = Some((directory, rows.clone()));
        Ok(rows)
    }

    fn first<'a>(&self, rows: &'a [RelayRow]) -> &'a [RelayRow] {
        rows.get(..self.limit.unwrap_or(rows.len())).unwrap_or(rows)
    }

    fn count(&self, state: &State) -> usize {
        state.routers().len()
    }

    fn empty(&self, state: &State) -> String {
        match self.count(state) {
            0 => "no relays: tor has no consensus yet".into(),
            count => none_fit(Self::NOUN, count),
        }
    }
}
