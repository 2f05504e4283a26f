//! `scape guards` lists entry guards.

mod filter;

use std::net::SocketAddrV4;
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use clap::Args;
use scape::State;
use scape::info::{EntryGuard, EntryGuardStatus};
use scape::state::Router;
use scape::word::{CountryCode, Fingerprint};
use serde::Serialize;

use self::filter::Filter;
use super::shared::column::{self, Key};
use super::shared::countries::{Countries, CountryOptions};
use super::shared::json;
use super::shared::listing::{ListOptions, Listing, show};
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::units;

/// List tor's entry guards, in tor's order
///
/// A guard is shown if it matches all filters.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    countries: CountryOptions,

    #[command(flatten)]
    list: ListOptions,
}

/// A column of the list of guards.
type Column = column::Column<GuardRow>;

/// A guard, as it is printed with `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct GuardRow {
    fingerprint: Option<Fingerprint>,
    nickname: Option<String>,
    /// The status: `up`, `never-connected`, `down` or `unusable`.
    status: EntryGuardStatus,
    /// The time when the guard became down or unusable. `null` if the guard has
    /// another status.
    #[serde(serialize_with = "json::time")]
    since: Option<SystemTime>,
    /// True if the consensus lists the guard. False for bridges.
    in_consensus: bool,
    /// The guard's flags in the consensus. Empty if the guard isn't in the
    /// consensus.
    flags: Vec<&'static str>,
    /// The bandwidth in the consensus in kilobytes (1,000 bytes) per second.
    /// `null` if the guard isn't in the consensus.
    bandwidth: Option<u32>,
    /// The address of the guard's OR port. `null` if the guard isn't in the
    /// consensus.
    address: Option<SocketAddrV4>,
    country: Option<CountryCode>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let state = State::new(&context.controller()?)?;
        let countries = Countries::new(&self.countries, &state)?;
        self.filter.check(&state.entry_guards())?;
        show(context, &self.list, &state, &mut Guards { filter: self.filter, countries })
    }
}

/// The list that `scape guards` prints.
struct Guards {
    filter: Filter,
    countries: Countries,
}

impl Listing for Guards {
    type Row = GuardRow;

    const NOUN: &'static str = "guards";

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::new("nickname", |row| row.nickname.clone()),
            Column::new("fingerprint", |row| Some(row.fingerprint?.to_string())),
            Column::new("status", |row| Some(row.status.to_string())),
            Column::new("since", |row| row.since.map(units::age))
                .by(|row| row.since.and_then(Key::age))
                .right(),
            Column::new("bandwidth", |row| Some(units::kilobyte_rate(row.bandwidth?)))
                .by(|row| Some(Key::Number(row.bandwidth?.into())))
                .right(),
            Column::new("country", |row| Some(row.country?.to_string())),
            Column::new("address", |row| Some(row.address?.to_string())),
            Column::new("flags", |row| Some(row.flags.join(","))),
        ]
    }

    fn rows(&mut self, state: &State, _now: Instant) -> Result<Rc<[GuardRow]>, Failure> {
        let guards = state.entry_guards();
        let routers = guards.iter().map(|guard| Some(state.router(guard.relay.fingerprint()?)));
        let routers: Vec<Option<Router>> = routers.collect();
        let addresses = routers.iter().flatten().filter_map(Router::or_address);
        self.countries.learn(addresses.map(|address| (*address.ip()).into()))?;
        if self.filter.needs_countries() {
            self.countries.must_be_complete()?;
        }
        let rows = guards.iter().zip(&routers);
        let rows = rows.map(|(guard, router)| self.row(guard, router.as_ref()));
        Ok(rows.filter(|row| self.filter.fits(row)).collect())
    }

    fn count(&self, state: &State) -> usize {
        state.entry_guards().len()
    }
}

impl Guards {
    fn row(&self, guard: &EntryGuard, router: Option<&Router>) -> GuardRow {
        let address = router.and_then(Router::or_address);
        let nickname = guard.relay.nickname().map(ToOwned::to_owned);
        GuardRow {
            fingerprint: guard.relay.fingerprint(),
            nickname: nickname.or_else(|| router?.nickname()),
            status: guard.status.clone(),
            since: guard.since,
            in_consensus: router.is_some_and(Router::is_in_consensus),
            flags: router.map(|router| router.flags().iter().collect()).unwrap_or_default(),
            bandwidth: router.and_then(Router::bandwidth),
            address,
            country: address.and_then(|address| self.countries.of((*address.ip()).into())),
        }
    }
}
