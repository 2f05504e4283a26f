//! The page Network, with the relays of the consensus.

mod query;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use scape::netdoc::RouterFlags;
use scape::word::Fingerprint;

use crate::base::output::printable;
use crate::base::units;
use crate::monitor::data::Data;
use crate::monitor::data::relays::{RelayRow, Relays};
use crate::monitor::message::Request;
use crate::monitor::ui::cursor::{Cursor, Step};
use crate::monitor::ui::list::{List, page_rows};
use crate::monitor::ui::sorting::Sorting;
use crate::monitor::ui::text::{cell, right};
use crate::monitor::view::{Action, PageView, View, exclude};

use query::Query;

/// The flags that the user can filter by, each with the name to show. The key f
/// steps through them in this order.
const FLAGS: [(&str, RouterFlags); 7] = [
    ("all", RouterFlags::empty()),
    ("Guard", RouterFlags::GUARD),
    ("Exit", RouterFlags::EXIT),
    ("HSDir", RouterFlags::HSDIR),
    ("V2Dir", RouterFlags::V2DIR),
    ("Authority", RouterFlags::AUTHORITY),
    ("BadExit", RouterFlags::BAD_EXIT),
];

/// The orders in which the user can sort the relays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Weight,
    Nickname,
    Country,
    Version,
    Address,
}

const ORDERS: &[(Order, &str)] = &[
    (Order::Weight, "weight"),
    (Order::Nickname, "nickname"),
    (Order::Country, "country"),
    (Order::Version, "version"),
    (Order::Address, "address"),
];

/// The state of the page Network.
#[derive(Debug)]
pub(crate) struct Network {
    cursor: Cursor<Fingerprint>,
    flag: usize,
    sorting: Sorting<Order>,
    search: String,
    query: Query,
}

impl Default for Network {
    fn default() -> Self {
        Network {
            cursor: Cursor::default(),
            flag: 0,
            sorting: Sorting::new(ORDERS),
            search: String::new(),
            query: Query::default(),
        }
    }
}

impl Network {
    fn relays<'a>(&self, data: &'a Data) -> Vec<&'a RelayRow> {
        let flag = FLAGS.get(self.flag).map_or(RouterFlags::empty(), |(_, flag)| *flag);
        let is_shown = |row: &&RelayRow| row.flags.contains(flag) && self.query.matches(row);
        let mut relays: Vec<_> = data.relays.rows.iter().filter(is_shown).collect();
        match self.sorting.column() {
            Some(Order::Nickname) => {
                relays.sort_by_cached_key(|row| row.nickname.to_ascii_lowercase());
            }
            Some(Order::Country) => relays.sort_by_key(|row| row.country()),
            Some(Order::Version) => relays.sort_by_key(|row| std::cmp::Reverse(row.version)),
            Some(Order::Address) => relays.sort_by_key(|row| row.address),
            // The table is already sorted by weight, which is the default
            // order.
            Some(Order::Weight) | None => {}
        }
        self.sorting.direct(&mut relays);
        relays
    }

    fn selected(&self, data: &Data) -> Option<Fingerprint> {
        let fingerprints = fingerprints(&self.relays(data));
        self.cursor.selected(&fingerprints).copied()
    }
}

impl PageView for Network {
    fn key(&mut self, key: KeyEvent, data: &Data, view: &View) -> Option<Vec<Action>> {
        match key.code {
            KeyCode::Char('f') => self.flag = (self.flag + 1) % FLAGS.len(),
            KeyCode::Char('s') => self.sorting.next(),
            KeyCode::Char('S') => self.sorting.reverse(),
            KeyCode::Char('R') => return Some(vec![Action::Ask(Request::LoadRelays)]),
            KeyCode::Char('b') => return Some(vec![exclude(self.selected(data)?, data)]),
            KeyCode::Enter => {
                return Some(vec![Action::Ask(Request::Relay(self.selected(data)?))]);
            }
            _ => {
                let step = Step::of(key)?;
                let fingerprints = fingerprints(&self.relays(data));
                self.cursor.step(&fingerprints, step, page_rows(view.height));
            }
        }
        Some(vec![Action::Redraw])
    }

    fn keys(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("Enter", "details: the relay's descriptor"),
            (
                "/",
                "search: names, addresses, or country=de flag=Exit version=0.4.9 weight=1000 \
                 network=64496 (with --networks)",
            ),
            ("f", "filter: by a flag"),
            ("b", "block: avoid the relay or use it again, after a question"),
            ("s, S", "sort: by another column, or reversed"),
            ("R", "read the consensus again"),
        ]
    }

    fn draw(&self, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect) {
        let relays = self.relays(data);
        let weight: u64 = relays.iter().map(|row| u64::from(row.weight)).sum();
        let flag = FLAGS.get(self.flag).map_or("all", |(name, _)| name);
        let mut title = vec![
            Span::styled(
                format!("{} of {} relays", relays.len(), data.relays.rows.len()),
                view.theme.heading(),
            ),
            Span::styled(
                format!(
                    " with {} of the weight  {flag}, {}",
                    percent(weight, data.relays.total_weight),
                    self.sorting.name()
                ),
                view.theme.dim(),
            ),
        ];
        if !self.search.is_empty() {
            title.push(Span::raw(format!("  search: {}", printable(&self.search))));
        } else if let Some(until) = data.relays.valid_until {
            let text = format!("  valid until {}", units::time(until));
            title.push(Span::styled(text, view.theme.dim()));
        }
        let list = List {
            title: Line::from(title),
            heading: heading(&data.relays),
            len: relays.len(),
            selected: self.cursor.at(&fingerprints(&relays)),
            shift: view.shift,
            empty: "no relays; tor may have no consensus yet",
        };
        list.draw(frame, area, view.theme, |index| match relays.get(index) {
            Some(row) => Line::from(line(row, &data.relays)),
            None => Line::default(),
        });
    }

    fn search(&mut self, text: &str) -> Result<(), String> {
        self.query = Query::parse(text)?;
        text.clone_into(&mut self.search);
        Ok(())
    }

    fn searched(&self) -> &str {
        &self.search
    }

    fn selected_text(&self, data: &Data, _: &View) -> Option<String> {
        self.selected(data).map(|fingerprint| fingerprint.to_string())
    }

    fn all_text(&self, data: &Data, _: &View) -> String {
        let relays = self.relays(data);
        let lines = relays.iter().map(|row| format!("{}\n", line(row, &data.relays).trim_end()));
        std::iter::once(format!("{}\n", heading(&data.relays))).chain(lines).collect()
    }
}

fn fingerprints(relays: &[&RelayRow]) -> Vec<Fingerprint> {
    relays.iter().map(|row| row.fingerprint).collect()
}

fn columns([name, country, weight, share, version, address, flags]: [&str; 7]) -> String {
    format!(
        "{} {} {} {} {} {} {flags}",
        cell(name, 19),
        cell(country, 2),
        right(weight, 7),
        right(share, 6),
        cell(version, 8),
        cell(address, 15)
    )
}

fn heading(relays: &Relays) -> String {
    let last = last_columns(relays, "NETWORK", "FLAGS");
    columns(["NICKNAME", "CC", "WEIGHT", "SHARE", "VERSION", "ADDRESS", &last])
}

fn line(row: &RelayRow, relays: &Relays) -> String {
    let line = columns([
        &row.nickname,
        row.country(),
        &row.weight.to_string(),
        &percent(row.weight.into(), relays.total_weight),
        &row.version(),
        &row.address.ip().to_string(),
        &last_columns(relays, &relays.network(row), &row.flags.to_string()),
    ]);
    printable(&line)
}

/// Returns the text for the last columns of a row: the flags, and in front of
/// them the network if the networks of relays are known.
fn last_columns(relays: &Relays, network: &str, flags: &str) -> String {
    match relays.has_networks() {
        true => format!("{} {flags}", cell(network, 24)),
        false => flags.to_owned(),
    }
}

/// Formats the share of `part` in `whole` as a percentage, such as `1.25%`.
fn percent(part: u64, whole: u64) -> String {
    let hundredths = part.saturating_mul(10_000).checked_div(whole).unwrap_or_default();
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}
