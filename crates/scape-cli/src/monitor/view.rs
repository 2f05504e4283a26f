//! The interface of a page: its methods, the settings by which it is drawn, and
//! the consequences of its keys.

use std::time::SystemTime;

use crossterm::event::KeyEvent;
use ratatui::Frame;
use ratatui::layout::Rect;
use scape::word::Fingerprint;

use super::data::Data;
use super::exclusion;
use super::message::{Note, Request};
use super::ui::theme::Theme;

/// The settings by which a page is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) theme: Theme,
    pub(crate) now: SystemTime,
    /// The height of the screen.
    pub(crate) height: u16,
    /// The number of columns that are scrolled out at the left.
    pub(crate) shift: usize,
    /// True if addresses of other people are shown.
    pub(crate) shows_addresses: bool,
}

/// A consequence of a key on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// The key has changed the page itself.
    Redraw,
    Ask(Request),
    /// Asks the user first.
    Confirm(String, Request),
    /// Shows a box with text.
    Details(String, Vec<String>),
    /// Lets the user edit lines.
    Edit(Edit),
    Note(Note),
}

/// Lines that the user edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
    /// True if lines can be added.
    pub(crate) is_list: bool,
    /// The explanation below the lines.
    pub(crate) help: String,
}

/// Returns the question whether tor is to avoid a relay, or to use it again if
/// tor avoids it already.
pub(crate) fn exclude(relay: Fingerprint, data: &Data) -> Action {
    let option = data.options.all.iter().find(|option| option.name == exclusion::OPTION);
    let mut values = option.iter().flat_map(|option| &option.values);
    let is_excluded = values.any(|value| exclusion::contains(value, relay));
    let row = data.relays.get(relay);
    let name = row.map_or_else(|| relay.to_string(), |row| row.nickname.to_string());
    let question = match is_excluded {
        true => format!("Let tor use relay {name} again?"),
        false => format!("Have tor avoid relay {name} in new circuits (ExcludeNodes)?"),
    };
    Action::Confirm(question, Request::Exclude(relay, !is_excluded))
}

/// A page of the monitor.
pub(crate) trait PageView {
    /// Handles a key. Returns `None` if the page has no use for it.
    fn key(&mut self, key: KeyEvent, data: &Data, view: &View) -> Option<Vec<Action>>;

    /// Draws the page.
    fn draw(&self, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect);

    /// Returns the keys of the page and their meanings, the most important
    /// first.
    fn keys(&self) -> &'static [(&'static str, &'static str)];

    /// Searches for a text while it is typed.
    ///
    /// # Errors
    ///
    /// Returns a message if the text is invalid.
    fn search(&mut self, _text: &str) -> Result<(), String> {
        Err("this page has no search".into())
    }

    /// Returns the text that is searched for.
    fn searched(&self) -> &str {
        ""
    }

    /// Returns the text to copy: the selected row.
    fn selected_text(&self, data: &Data, view: &View) -> Option<String>;

    /// Returns the text of the whole page for a file.
    fn all_text(&self, data: &Data, view: &View) -> String;

    /// Takes lines that the user has edited.
    fn edited(&mut self, _lines: Vec<String>) -> Vec<Action> {
        Vec::new()
    }

    /// Returns true if letters are text for the page instead of commands.
    fn takes_text(&self) -> bool {
        false
    }

    /// Takes a text that the user has pasted.
    fn paste(&mut self, _text: &str) {}
}
