//! The whole state of the monitor, and the functions that read it.

use std::time::SystemTime;

use crate::base::output::printable;

use super::data::Data;
use super::message::{Note, Request};
use super::pages::{Page, Pages};
use super::ui::line_editor::LineEditor;
use super::ui::theme::Theme;
use super::ui::{popup, text};
use super::view::{Edit, View};

/// The state of the monitor. Only `update` changes it, and `draw` draws it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) page: Page,
    pub(crate) pages: Pages,
    pub(crate) data: Data,
    /// A copy of the data from the time when the user paused the screen. It is
    /// shown in place of the new data. `None` if the screen isn't paused.
    pub(crate) frozen: Option<Box<Data>>,
    pub(crate) popup: Option<Popup>,
    pub(crate) line: Option<BottomLine>,
    /// The message at the bottom of the screen, and the time when it appeared.
    pub(crate) note: Option<(Note, SystemTime)>,
    pub(crate) theme: Theme,
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) shift: usize,
    /// True if the user has chosen to see the addresses of peers that aren't
    /// relays in the consensus and may be people. False if the user has chosen
    /// not to see them. `None` before the first choice: then the addresses are
    /// hidden, unless tor has reported that it isn't a relay.
    pub(crate) shows_addresses: Option<bool>,
    /// True if the graphs are saved, because the user gave `--graphs`.
    pub(crate) keeps_graphs: bool,
    /// The time when the graphs were last saved.
    pub(crate) kept_at: SystemTime,
    /// True if the screen has to be drawn again.
    pub(crate) changed: bool,
}

/// A box in front of the page.
#[derive(Debug)]
pub(crate) enum Popup {
    Text { title: String, lines: Vec<String>, first: usize },
    Question { text: String, request: Request },
    Edit { edit: Edit, editors: Vec<LineEditor>, current: usize },
}

/// A line at the bottom of the screen in which the user is typing.
#[derive(Debug)]
pub(crate) struct BottomLine {
    pub(crate) purpose: Purpose,
    pub(crate) editor: LineEditor,
    pub(crate) error: Option<String>,
}

/// The purpose of the line in which the user is typing at the bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Search,
    /// The name of a file, to which the content of the page is written.
    WriteFile,
}

impl Model {
    pub(crate) fn new(
        now: SystemTime,
        theme: Theme,
        page: Page,
        (width, height): (u16, u16),
    ) -> Self {
        Model {
            page,
            pages: Pages::default(),
            data: Data::new(now),
            frozen: None,
            popup: None,
            line: None,
            note: None,
            theme,
            width,
            height,
            shift: 0,
            shows_addresses: None,
            keeps_graphs: false,
            kept_at: now,
            changed: true,
        }
    }

    /// Returns the data that the screen shows: the paused copy, or else the
    /// newest.
    pub(crate) fn shown(&self) -> &Data {
        self.frozen.as_deref().unwrap_or(&self.data)
    }

    /// Returns true if keys are text or answer a question. The caller must not
    /// open a box then, because the box would get keys that are meant for
    /// something else.
    pub(crate) fn takes_text(&self) -> bool {
        match &self.popup {
            Some(Popup::Question { .. } | Popup::Edit { .. }) => true,
            Some(Popup::Text { .. }) => false,
            None => self.line.is_some() || self.pages.get(self.page).takes_text(),
        }
    }

    /// Shows these lines in a box with a title. Long lines are wrapped.
    pub(crate) fn show(&mut self, title: String, lines: &[String]) {
        let width = popup::text_width(self.width);
        let lines = lines.iter().flat_map(|line| text::wrap(&printable(line), width)).collect();
        self.popup = Some(Popup::Text { title: printable(&title), lines, first: 0 });
    }

    /// Returns the settings that pages need for drawing themselves.
    pub(crate) fn view(&self) -> View {
        let shown = self.shown();
        View {
            theme: self.theme,
            now: shown.now,
            height: self.height,
            shift: self.shift,
            shows_addresses: self.shows_addresses.unwrap_or(shown.facts.is_relay == Some(false)),
        }
    }
}
