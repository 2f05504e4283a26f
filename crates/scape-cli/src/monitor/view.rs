//! The interface between the monitor and its pages: the methods of a page, the
//! settings for drawing it, and the actions that its keys cause.

use std::time::SystemTime;

use crossterm::event::KeyEvent;
use ratatui::Frame;
use ratatui::layout::Rect;
use scape::word::Fingerprint;

use super::data::Data;
use super::exclusion;
use super::message::{Note, Request};
use super::ui::theme::Theme;

/// The settings of the monitor that pages need for drawing themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) theme: Theme,
    pub(crate) now: SystemTime,
    /// The height of the screen in rows.
    pub(crate) height: u16,
    /// The number of columns that lists are scrolled to the left.
    pub(crate) shift: usize,
    /// True if the addresses of peers of OR connections are shown even if the
    /// peers aren't relays in the consensus. Such a peer may be a person, so
    /// otherwise `(hidden)` is shown in place of the address.
    pub(crate) shows_addresses: bool,
}

/// An action that a page requests from the monitor, usually because of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Draws the page again, because it has changed.
    Redraw,
    Ask(Request),
    /// Asks the user this question, and sends the request if the answer is yes.
    Confirm(String, Request),
    /// Shows a box with this title and these lines.
    Details(String, Vec<String>),
    /// Opens a box in which the user edits lines.
    Edit(Edit),
    Note(Note),
}

/// The lines that the user edits in a box, such as the values of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
    /// True if the user may add lines.
    pub(crate) is_list: bool,
    /// The explanation that is shown below the lines.
    pub(crate) help: String,
}

/// Returns an action that asks the user if tor should avoid a relay. If tor
/// already avoids the relay, the question is if tor should use it again.
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

/// A page of the monitor, which handles keys and draws itself.
pub(crate) trait PageView {
    /// Handles a key, and returns the actions that the monitor must carry out.
    /// Returns `None` if the page doesn't use the key.
    fn key(&mut self, key: KeyEvent, data: &Data, view: &View) -> Option<Vec<Action>>;

    /// Draws the page in this area of the screen.
    fn draw(&self, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect);

    /// Returns the keys of the page with their meanings, the most important
    /// ones first.
    fn keys(&self) -> &'static [(&'static str, &'static str)];

    /// Changes the search of the page to this text. Called after each key while
    /// the user types the text.
    ///
    /// # Errors
    ///
    /// Returns a message for the user if the page has no search or the text is
    /// invalid.
    fn search(&mut self, _text: &str) -> Result<(), String> {
        Err("this page has no search".into())
    }

    /// Returns the text of the present search. Empty if there is no search.
    fn searched(&self) -> &str {
        ""
    }

    /// Returns the text of the selected row, which is copied to the clipboard.
    /// Returns `None` if no row is selected.
    fn selected_text(&self, data: &Data, view: &View) -> Option<String>;

    /// Returns the text of the whole page, which is written to a file.
    fn all_text(&self, data: &Data, view: &View) -> String;

    /// Handles the lines that the user has edited and confirmed, after
    /// [`Action::Edit`].
    fn edited(&mut self, _lines: Vec<String>) -> Vec<Action> {
        Vec::new()
    }

    /// Returns true if letters are text on this page, not commands.
    fn takes_text(&self) -> bool {
        false
    }

    /// Handles a text that the user has pasted.
    fn paste(&mut self, _text: &str) {}
}
