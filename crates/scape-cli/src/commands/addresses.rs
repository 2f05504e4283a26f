//! `scape addresses` lists address mappings.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use scape::State;
use scape::info::{AddressMapping, MappingSource};
use scape::state::Addresses;
use scape::word::Expiry;
use serde::Serialize;

use super::shared::column::{self, Key};
use super::shared::listing::{ListOptions, Listing, show};
use super::shared::words::contains;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::units;

/// The time for which an answer of tor is used. Then tor is asked again,
/// because it sends no event for some changes, such as removed mappings and
/// changes of its configuration.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// List tor's address mappings: cached DNS answers, and mappings that users
/// have set
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    list: ListOptions,
}

/// The conditions that a mapping must fulfil to be printed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
struct Filter {
    /// Mappings in which one of the two names or addresses contains this text.
    /// Can be repeated to select several mappings
    #[arg(long, value_name = "TEXT")]
    name: Vec<String>,
}

impl Filter {
    fn fits(&self, mapping: &MappingRow) -> bool {
        let has = |text: &String| contains(&mapping.from, text) || contains(&mapping.to, text);
        self.name.is_empty() || self.name.iter().any(has)
    }
}

/// A column of the list of address mappings.
type Column = column::Column<MappingRow>;

/// An address mapping, as it is printed with `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct MappingRow {
    /// The name or address that is replaced.
    from: String,
    /// The name or address that takes the place of `from`.
    to: String,
    /// The time at which the mapping ends, or `NEVER`.
    expires: Expiry,
    /// The source of the mapping: `config` for the configuration, `control` for
    /// a controller, `cache` for an answer of an exit.
    source: MappingSource,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let state = State::new(&context.controller()?)?;
        show(context, &self.list, &state, &mut Mappings { filter: self.filter, last: None })
    }
}

/// The list that `scape addresses` prints. It keeps tor's last answer for
/// [`FRESH_FOR`].
struct Mappings {
    filter: Filter,
    last: Option<Answer>,
}

/// The last answer of tor about its address mappings.
struct Answer {
    asked: Instant,
    /// The mappings in the library's live state when tor was asked. Events keep
    /// the live state up to date. When its mappings have changed, tor is asked
    /// again.
    map: Arc<Addresses>,
    /// The number of mappings before the filter was applied.
    count: usize,
    rows: Rc<[MappingRow]>,
}

impl Listing for Mappings {
    type Row = MappingRow;

    const NOUN: &'static str = "addresses";

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::new("from", |row| Some(row.from.clone())),
            Column::new("to", |row| Some(row.to.clone())),
            Column::new("expires", |row| Some(expiry(&row.expires))).by(|row| {
                let end = row.expires.time()?.duration_since(UNIX_EPOCH).ok()?;
                Some(Key::Number(end.as_secs()))
            }),
            Column::new("source", |row| Some(row.source.to_string())),
        ]
    }

    fn rows(&mut self, state: &State, now: Instant) -> Result<Rc<[MappingRow]>, Failure> {
        let map = state.addresses();
        if let Some(last) = &self.last
            && last.map == map
            && now.duration_since(last.asked) < FRESH_FOR
        {
            return Ok(last.rows.clone());
        }
        let mut rows = Vec::new();
        // The live state doesn't contain the sources of mappings, so tor is
        // asked for the mappings of each source.
        for source in [MappingSource::Config, MappingSource::Control, MappingSource::Cache] {
            let mappings = state.controller().info().address_mappings(&source)?;
            rows.extend(mappings.into_iter().map(|mapping| row(mapping, &source)));
        }
        let count = rows.len();
        rows.retain(|row| self.filter.fits(row));
        rows.sort_by(|one, other| one.from.cmp(&other.from));
        let rows: Rc<[MappingRow]> = rows.into();
        self.last = Some(Answer { asked: now, map, count, rows: rows.clone() });
        Ok(rows)
    }

    fn count(&self, _state: &State) -> usize {
        self.last.as_ref().map_or(0, |last| last.count)
    }
}

fn row(mapping: AddressMapping, source: &MappingSource) -> MappingRow {
    MappingRow {
        from: mapping.from,
        to: mapping.to,
        expires: mapping.expires,
        source: source.clone(),
    }
}

/// Formats the expiry of a mapping: `never`, or the time from now on, such as
/// `in 5m 3s`.
fn expiry(expires: &Expiry) -> String {
    match expires {
        Expiry::Never => "never".into(),
        Expiry::At(end) => match end.duration_since(SystemTime::now()) {
            Ok(left) => format!("in {}", units::duration(left)),
            Err(_) => "now".into(),
        },
        other => other.to_string(),
    }
}
