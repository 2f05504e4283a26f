//! The interface of a page: its methods, the settings for drawing it, and the
//! actions that its keys cause.

use std::time::SystemTime;

use crossterm::event::KeyEvent;
use ratatui::Frame;
use ratatui::layout::Rect;
use scape::word::Fingerprint;

use super::data::Data;
use super::exclusion;
use super::message::{Note, Request};
use super::ui::theme::Theme;

/// The settings for drawing a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) theme: Theme,
    pub(crate) now: SystemTime,
    /// The height of the screen in rows.
    pub(crate) height: u16,
    /// The number of columns at the left that are scrolled out of view.
    pub(crate) shift: usize,
    /// True if addresses of other people are shown.
    pub(crate) shows_addresses: bool,
}

/// An action that a key on a page causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Draws the page again, because the key has changed it.
    Redraw,
    Ask(Request),
    /// Asks the user this question, and sends the request if the answer is yes.
    Confirm(String, Request),
    /// Shows a box with text.
    Details(String, Vec<String>),
    /// Lets the user edit lines.
    Edit(Edit),
    Note(Note),
}

/// Lines that the user edits, such as the values of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
    /// True if lines can be added.
    pub(crate) is_list: bool,
    /// The explanation below the lines.
    pub(crate) help: String,
}

/// Returns an action that asks the user whether tor should avoid a relay. If
/// tor avoids it already, the question is whether tor should use it again.
pub(crate) fn exclude(relay: Fingerprint, data: &Data) -> Action {
    let option = data.options.all.iter().find(|option| option.name == exclusion::OPTION);
    let mut values = option.iter().flat_map(|option| &option.values);
    let is_excluded = values.any(|value| exclusion::contains(value, relay));
    let row = data.relays.get(relay);
    let name = row.map_or_else(|| relay.to_string(), |row| row.nickname.to_string());
    let question = match is_excluded {
        true => format!("Should tor use relay {name} again?"),
        false => format!("Should tor avoid relay {name} in new circuits (ExcludeNodes)?"),
    };
    Action::Confirm(question, Request::Exclude(relay, !is_excluded))
}

/// A page of the monitor.
pub(crate) trait PageView {
    /// Handles a key. Returns `None` if the page doesn't use the key.
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

    /// Returns the text that is searched for. The text is empty without a
    /// search.
    fn searched(&self) -> &str {
        ""
    }

    /// Returns the text of the selected row, for the clipboard.
    fn selected_text(&self, data: &Data, view: &View) -> Option<String>;

    /// Returns the text of the whole page for a file.
    fn all_text(&self, data: &Data, view: &View) -> String;

    /// Handles the lines of an [`Edit`] after the user has confirmed them.
    fn edited(&mut self, _lines: Vec<String>) -> Vec<Action> {
        Vec::new()
    }

    /// Returns true if letters are text for the page instead of commands.
    fn takes_text(&self) -> bool {
        false
    }

    /// Handles a text that the user has pasted.
    fn paste(&mut self, _text: &str) {}
}
