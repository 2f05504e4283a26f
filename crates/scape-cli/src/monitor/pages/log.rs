//! The page Log, with tor's log messages and other events.

use std::collections::BTreeSet;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use regex::{Regex, RegexBuilder};
use scape::event::EventKind;
use scape::word::RelayName;

use crate::base::clock;
use crate::base::output::printable;
use crate::base::units;
use crate::commands::shared::log::severity::rank;
use crate::monitor::data::Data;
use crate::monitor::data::log::Entry;
use crate::monitor::message::Request;
use crate::monitor::ui::cursor::{Cursor, Step, first_visible};
use crate::monitor::ui::list::{List, page_rows};
use crate::monitor::ui::popup;
use crate::monitor::view::{Action, PageView, View};

/// The kinds of events that the page shows until the user chooses others.
const FIRST: [EventKind; 8] = [
    EventKind::Notice,
    EventKind::Warn,
    EventKind::Err,
    EventKind::StatusGeneral,
    EventKind::StatusServer,
    EventKind::Signal,
    EventKind::ConfChanged,
    EventKind::NetworkLiveness,
];

/// The maximum size of a compiled regular expression, in bytes. It keeps a
/// search from filling the memory.
const REGEX_SIZE: usize = 1 << 20;

/// The state of the page Log.
#[derive(Debug)]
pub(crate) struct LogPage {
    kinds: BTreeSet<EventKind>,
    search: String,
    regex: Option<Regex>,
    cursor: Cursor<u64>,
    /// True if the newest line is selected. The selection then moves on to each
    /// new line.
    is_following: bool,
    /// The index of the selected kind in the box in which the user chooses
    /// kinds of events. `None` if the box is closed.
    choice: Option<usize>,
}

impl Default for LogPage {
    fn default() -> Self {
        LogPage {
            kinds: FIRST.into(),
            search: String::new(),
            regex: None,
            cursor: Cursor::default(),
            is_following: true,
            choice: None,
        }
    }
}

impl LogPage {
    /// Returns true if the user wants to see events of this kind.
    pub(crate) fn wants(&self, kind: &EventKind) -> bool {
        self.kinds.contains(kind)
    }

    /// Returns the lines that the user wants to see: of the chosen kinds, and
    /// matching the search.
    fn entries<'a>(&self, data: &'a Data) -> Vec<&'a Entry> {
        let is_shown = |entry: &&Entry| {
            // Lines of the monitor itself have a kind that tor doesn't know.
            // The choice of kinds doesn't hide them.
            let is_wanted = self.wants(&entry.kind) || !entry.kind.is_recognized();
            is_wanted
                && self.regex.as_ref().is_none_or(|regex| {
                    regex.is_match(&entry.text) || regex.is_match(entry.kind.as_str())
                })
        };
        data.log.entries().filter(is_shown).collect()
    }

    /// Handles a key in the box in which the user chooses kinds of events. `at`
    /// is the index of the selected kind.
    fn choose(&mut self, key: KeyEvent, at: usize) -> Vec<Action> {
        let kinds = EventKind::KNOWN;
        match key.code {
            KeyCode::Char(' ') => {
                if let Some(kind) = kinds.get(at)
                    && !self.kinds.remove(kind)
                {
                    self.kinds.insert(kind.clone());
                }
            }
            KeyCode::Enter | KeyCode::Esc | KeyCode::Char('f' | 'q') => {
                self.choice = None;
                let wanted = self.kinds.iter().cloned().collect();
                return vec![Action::Ask(Request::Events(wanted))];
            }
            _ => {
                let step = Step::of(key).map(|step| step.from(at, kinds.len(), 10));
                self.choice = Some(step.unwrap_or(at));
            }
        }
        vec![Action::Redraw]
    }

    fn draw_choice(&self, view: &View, frame: &mut Frame<'_>, selected: usize) {
        let lines = EventKind::KNOWN.iter().enumerate().map(|(index, kind)| {
            let mark = if self.wants(kind) { "[x]" } else { "[ ]" };
            let line = Line::raw(format!("{mark} {:<20}", kind.as_str()));
            if index == selected { line.style(view.theme.selected()) } else { line }
        });
        let lines: Vec<_> = lines.collect();
        let height = usize::from(frame.area().height.saturating_sub(2));
        let first = first_visible(selected, lines.len(), height);
        popup::draw(frame, view.theme, "Events", "space selects, Enter accepts", lines, first);
    }
}

impl PageView for LogPage {
    fn key(&mut self, key: KeyEvent, data: &Data, view: &View) -> Option<Vec<Action>> {
        if let Some(at) = self.choice {
            return Some(self.choose(key, at));
        }
        let numbers: Vec<u64> = self.entries(data).iter().map(|entry| entry.number).collect();
        match key.code {
            KeyCode::Char('f') => self.choice = Some(0),
            KeyCode::Enter => {
                let number = self.selected(&numbers)?;
                let entry = data.log.entries().find(|entry| entry.number == number)?;
                let lines = vec![head(entry), shown_text(entry, data, view)];
                return Some(vec![Action::Details("Event".into(), lines)]);
            }
            _ => {
                let step = Step::of(key)?;
                if self.is_following {
                    self.cursor.select(&numbers, numbers.len().saturating_sub(1));
                }
                self.cursor.step(&numbers, step, page_rows(view.height));
                let last = numbers.len().checked_sub(1);
                self.is_following = self.cursor.at(&numbers) == last;
            }
        }
        Some(vec![Action::Redraw])
    }

    fn keys(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("f", "events: choose their kinds and severities"),
            ("/", "search: with a regular expression"),
            ("Enter", "the whole line"),
            ("End", "follow the newest line"),
            ("p", "pause"),
        ]
    }

    fn draw(&self, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect) {
        let entries = self.entries(data);
        let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
        let selected = match self.is_following {
            true => numbers.len().checked_sub(1),
            false => self.cursor.at(&numbers),
        };
        let mut title =
            vec![Span::styled(units::plural(entries.len(), "line"), view.theme.heading())];
        if !self.search.is_empty() {
            title.push(Span::raw(format!("  matching {}", printable(&self.search))));
        }
        let kinds: Vec<&str> = self.kinds.iter().map(EventKind::as_str).collect();
        title.push(Span::styled(format!("  {}", kinds.join(" ")), view.theme.dim()));
        let list = List {
            title: Line::from(title),
            heading: String::new(),
            len: entries.len(),
            selected,
            shift: view.shift,
            empty: "no lines yet",
        };
        list.draw(frame, area, view.theme, |index| match entries.get(index) {
            Some(entry) => draw_entry(entry, data, view),
            None => Line::default(),
        });
        if let Some(choice) = self.choice {
            self.draw_choice(view, frame, choice);
        }
    }

    fn search(&mut self, text: &str) -> Result<(), String> {
        if text.is_empty() {
            self.regex = None;
        } else {
            let builder =
                RegexBuilder::new(text).case_insensitive(true).size_limit(REGEX_SIZE).build();
            let regex = builder.map_err(|_| "this isn't a regular expression yet".to_owned())?;
            self.regex = Some(regex);
        }
        text.clone_into(&mut self.search);
        Ok(())
    }

    fn searched(&self) -> &str {
        &self.search
    }

    fn selected_text(&self, data: &Data, view: &View) -> Option<String> {
        let entries = self.entries(data);
        let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
        let number = self.selected(&numbers)?;
        let entry = entries.iter().find(|entry| entry.number == number)?;
        Some(format!("{} {}", head(entry), shown_text(entry, data, view)))
    }

    fn all_text(&self, data: &Data, view: &View) -> String {
        let entries = self.entries(data);
        let lines = entries
            .iter()
            .map(|entry| format!("{} {}\n", head(entry), shown_text(entry, data, view)));
        lines.collect()
    }
}

impl LogPage {
    fn selected(&self, numbers: &[u64]) -> Option<u64> {
        match self.is_following {
            true => numbers.last().copied(),
            false => self.cursor.selected(numbers).copied(),
        }
    }
}

/// Returns the time and the kind of a line, and the count if it is repeated.
fn head(entry: &Entry) -> String {
    let time = entry.at.map(|at| format!("{} ", clock::time_of_day(at))).unwrap_or_default();
    let count = if entry.count > 1 { format!(" (x{})", entry.count) } else { String::new() };
    format!("{time}[{}]{count}", printable(entry.kind.as_str()))
}

/// Returns the text of a line as the page shows it. If the user doesn't want to
/// see addresses, peers of OR connections are hidden unless they are relays in
/// the consensus, as on the page Connections.
fn shown_text(entry: &Entry, data: &Data, view: &View) -> String {
    let mut text = entry.text.clone();
    if entry.kind == EventKind::OrConn && !view.shows_addresses {
        let words = text.split(' ').enumerate().map(|(index, word)| match index {
            0 if !is_relay(word, data) => "(hidden)",
            _ => word,
        });
        text = words.collect::<Vec<_>>().join(" ");
    }
    printable(&text)
}

/// Returns true if a peer in tor's notation, such as `$FINGERPRINT~nickname`,
/// is a relay in the consensus.
fn is_relay(peer: &str, data: &Data) -> bool {
    let fingerprint = RelayName::from(peer).fingerprint();
    fingerprint.and_then(|fingerprint| data.relays.get(fingerprint)).is_some()
}

fn draw_entry(entry: &Entry, data: &Data, view: &View) -> Line<'static> {
    let style = match rank(&entry.severity) {
        0 | 1 => view.theme.dim(),
        2 => ratatui::style::Style::new(),
        3 => view.theme.warning(),
        _ => view.theme.error(),
    };
    Line::from(vec![
        Span::styled(format!("{} ", head(entry)), view.theme.dim()),
        Span::styled(shown_text(entry, data, view), style),
    ])
}
