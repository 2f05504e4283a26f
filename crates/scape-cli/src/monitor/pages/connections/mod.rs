//! The page Connections, with circuits, their streams, and OR connections.

mod rows;
mod text;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use scape::event::CircuitPurpose;

use crate::base::units;
use crate::monitor::data::Data;
use crate::monitor::message::{Note, Request};
use crate::monitor::ui::cursor::{Cursor, Step};
use crate::monitor::ui::list::{List, page_rows};
use crate::monitor::ui::sorting::Sorting;
use crate::monitor::ui::text::contains;
use crate::monitor::view::{Action, PageView, View, exclude};

use rows::{ORDERS, Order, Row, Shown};

/// The state of the page Connections.
#[derive(Debug)]
pub(crate) struct ConnectionsPage {
    cursor: Cursor<Row>,
    shown: Shown,
    /// True if each relay of a circuit has its own row.
    has_hops: bool,
    sorting: Sorting<Order>,
    /// The text that the user searches for, in lower case.
    search: String,
}

impl Default for ConnectionsPage {
    fn default() -> Self {
        ConnectionsPage {
            cursor: Cursor::default(),
            shown: Shown::All,
            has_hops: false,
            sorting: Sorting::new(ORDERS),
            search: String::new(),
        }
    }
}

impl ConnectionsPage {
    fn rows(&self, data: &Data, view: &View) -> Vec<Row> {
        let mut rows = rows::rows(data, self.shown, self.has_hops, &self.sorting);
        if !self.search.is_empty() {
            rows.retain(|row| {
                let text = text::line(row, data, view, usize::from(u16::MAX));
                contains(&text, &self.search)
            });
        }
        rows
    }

    fn close(row: &Row, data: &Data) -> Action {
        match row {
            Row::Circuit(id) | Row::Hop(id, _) => {
                let circuit = data.connections.circuits.get(id);
                let purpose = circuit.and_then(|circuit| circuit.info.purpose.as_ref());
                let text = match purpose {
                    // tor moves the streams to the other circuit of the pair.
                    Some(CircuitPurpose::ConfluxLinked) => {
                        format!("Close circuit {id}? Its streams move to the linked circuit.")
                    }
                    _ => format!("Close circuit {id} and its streams?"),
                };
                Action::Confirm(text, Request::CloseCircuit(*id))
            }
            Row::Stream(id) => {
                Action::Confirm(format!("Close stream {id}?"), Request::CloseStream(*id))
            }
            Row::Connection(_) => Action::Note(Note::error(
                "tor closes OR connections itself; controllers can close circuits and streams",
            )),
        }
    }
}

impl PageView for ConnectionsPage {
    fn key(&mut self, key: KeyEvent, data: &Data, view: &View) -> Option<Vec<Action>> {
        match key.code {
            KeyCode::Char('f') => self.shown = self.shown.next(),
            KeyCode::Char('s') => self.sorting.next(),
            KeyCode::Char('S') => self.sorting.reverse(),
            KeyCode::Char('e') => self.has_hops = !self.has_hops,
            KeyCode::Char('x') => {
                let rows = self.rows(data, view);
                let row = self.cursor.selected(&rows);
                return Some(row.map(|row| Self::close(row, data)).into_iter().collect());
            }
            KeyCode::Char('b') => {
                let rows = self.rows(data, view);
                let relay =
                    self.cursor.selected(&rows).and_then(|row| text::relay(row, data, view));
                return Some(vec![match relay {
                    Some(relay) => exclude(relay, data),
                    None => Action::Note(Note::error(
                        "select a relay; press e to show the relays of circuits as rows",
                    )),
                }]);
            }
            KeyCode::Enter => {
                let rows = self.rows(data, view);
                let row = self.cursor.selected(&rows);
                let action = row.map(|row| match text::relay(row, data, view) {
                    Some(relay) => Action::Ask(Request::Relay(relay)),
                    None => {
                        let (title, lines) = text::details(row, data, view);
                        Action::Details(title, lines)
                    }
                });
                return Some(action.into_iter().collect());
            }
            _ => {
                let step = Step::of(key)?;
                let rows = self.rows(data, view);
                self.cursor.step(&rows, step, page_rows(view.height));
            }
        }
        Some(vec![Action::Redraw])
    }

    fn keys(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("Enter", "details: of a circuit, stream or relay"),
            ("x", "close: the circuit or stream, after a question"),
            ("b", "block: avoid the relay or use it again, after a question"),
            ("e", "relays: show the relays of circuits as rows"),
            ("f", "filter: circuits only, OR connections only, or all"),
            ("s, S", "sort: by another column, or reversed"),
            ("/", "search"),
        ]
    }

    fn draw(&self, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect) {
        let rows = self.rows(data, view);
        let tables = &data.connections;
        let mut title = vec![
            Span::styled(
                [
                    units::plural(tables.circuits.len(), "circuit"),
                    units::plural(tables.streams.len(), "stream"),
                    units::plural(tables.or_connections.len(), "OR connection"),
                ]
                .join(", "),
                view.theme.heading(),
            ),
            Span::styled(
                format!("  {}, {}", self.shown.name(), self.sorting.name()),
                view.theme.dim(),
            ),
        ];
        if !self.search.is_empty() {
            title.push(Span::raw(format!("  search: {}", self.search)));
        }
        let width = usize::from(area.width);
        let list = List {
            title: Line::from(title),
            heading: text::heading(width),
            len: rows.len(),
            selected: self.cursor.at(&rows),
            shift: view.shift,
            empty: "nothing to show",
        };
        list.draw(frame, area, view.theme, |index| match rows.get(index) {
            Some(row) => {
                let line = text::line(row, data, view, width);
                match row {
                    Row::Hop(..) => Line::styled(line, view.theme.dim()),
                    _ => Line::from(line),
                }
            }
            None => Line::default(),
        });
    }

    fn search(&mut self, text: &str) -> Result<(), String> {
        self.search = text.to_lowercase();
        Ok(())
    }

    fn searched(&self) -> &str {
        &self.search
    }

    fn selected_text(&self, data: &Data, view: &View) -> Option<String> {
        let rows = self.rows(data, view);
        let row = self.cursor.selected(&rows)?;
        Some(text::details(row, data, view).1.join("\n"))
    }

    fn all_text(&self, data: &Data, view: &View) -> String {
        const WIDTH: usize = 160;
        let rows = self.rows(data, view);
        let lines = rows.iter().map(|row| text::line(row, data, view, WIDTH));
        let lines = std::iter::once(text::heading(WIDTH)).chain(lines);
        lines.map(|line| format!("{}\n", line.trim_end())).collect()
    }
}
