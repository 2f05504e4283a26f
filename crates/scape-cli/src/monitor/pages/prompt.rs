//! The page Prompt, on which the user sends commands to tor.

use std::collections::VecDeque;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::base::output::printable;
use crate::base::secrets::{may_be_kept, redacted, redacted_command};
use crate::monitor::data::Data;
use crate::monitor::message::Request;
use crate::monitor::ui::line_editor::{History, LineEditor};
use crate::monitor::ui::list::page_rows;
use crate::monitor::view::{Action, PageView, View};

/// The maximum number of lines that the page keeps, and that are taken from a
/// paste. The oldest lines of the page are dropped.
const KEPT: usize = 5_000;
const MARK: &str = "> ";

/// The state of the page Prompt.
#[derive(Debug, Default)]
pub(crate) struct Prompt {
    editor: LineEditor,
    /// The pasted lines after the one in the editor. When the user has sent
    /// that line, the next one is put into the editor.
    pasted: VecDeque<String>,
    history: History,
    /// The lines of commands and replies, newest last.
    lines: VecDeque<String>,
    /// The number of newest lines that are out of view, because the user has
    /// scrolled up.
    back: usize,
}

impl Prompt {
    /// Adds lines to the page, such as the reply to a command, and scrolls to
    /// the end.
    pub(crate) fn reply(&mut self, lines: Vec<String>) {
        self.lines.extend(lines);
        let surplus = self.lines.len().saturating_sub(KEPT);
        self.lines.drain(..surplus);
        self.back = 0;
    }

    fn send(&mut self) -> Vec<Action> {
        let text = self.editor.text();
        self.editor = LineEditor::default();
        if let Some(next) = self.pasted.pop_front() {
            self.editor.insert(&next);
        }
        let command = text.trim().to_owned();
        if command.is_empty() {
            return vec![Action::Redraw];
        }
        if may_be_kept(&text) {
            self.history.add(&command);
        }
        self.reply(vec![format!("{MARK}{}", redacted_command(&command))]);
        vec![Action::Ask(Request::Command(command))]
    }
}

impl PageView for Prompt {
    fn key(&mut self, key: KeyEvent, _: &Data, view: &View) -> Option<Vec<Action>> {
        let page = page_rows(view.height);
        let longest = self.lines.len().saturating_sub(1);
        match key.code {
            KeyCode::Enter => return Some(self.send()),
            KeyCode::Up => self.history.step(&mut self.editor, true),
            KeyCode::Down => self.history.step(&mut self.editor, false),
            KeyCode::PageUp => self.back = (self.back + page).min(longest),
            KeyCode::PageDown => self.back = self.back.saturating_sub(page),
            KeyCode::Esc => {
                self.editor = LineEditor::default();
                self.pasted.clear();
            }
            KeyCode::Char('l') if key.modifiers.contains(KeyModifiers::CONTROL) => return None,
            _ if self.editor.key(key) => {}
            _ => return None,
        }
        Some(vec![Action::Redraw])
    }

    fn keys(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("Enter", "send the line: secrets in it are hidden, but those in replies aren't"),
            ("Enter after a paste", "send one line, and show the next one"),
            ("Up, Down", "history: earlier lines"),
            ("PgUp, PgDn", "scroll"),
            ("Esc", "clear the line"),
        ]
    }

    fn draw(&self, _: &Data, view: &View, frame: &mut Frame<'_>, area: Rect) {
        let [top, bottom] =
            Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
        let height = usize::from(top.height);
        let end = self.lines.len().saturating_sub(self.back);
        let visible = self.lines.range(end.saturating_sub(height)..end);
        let mut lines: Vec<Line<'_>> = visible
            .map(|line| match line.starts_with(MARK) {
                true => Line::styled(printable(line), view.theme.heading()),
                false => Line::raw(printable(line)),
            })
            .collect();
        if self.lines.is_empty() {
            let text = "Type a command for tor, such as GETINFO version or SIGNAL RELOAD.";
            lines.push(Line::styled(text, view.theme.dim()));
        }
        frame.render_widget(Paragraph::new(lines), top);
        let width = usize::from(bottom.width).saturating_sub(MARK.len()).max(1);
        let (text, column) = self.editor.visible(width);
        let line = Line::from(vec![Span::styled(MARK, view.theme.key()), Span::raw(text)]);
        frame.render_widget(Paragraph::new(line), bottom);
        if let Ok(column) = u16::try_from(column + MARK.len())
            && column < bottom.width
            && bottom.height > 0
        {
            frame.set_cursor_position((bottom.x + column, bottom.y));
        }
    }

    fn selected_text(&self, _: &Data, _: &View) -> Option<String> {
        None
    }

    fn all_text(&self, _: &Data, _: &View) -> String {
        self.lines.iter().map(|line| format!("{}\n", printable(&redacted(line)))).collect()
    }

    fn takes_text(&self) -> bool {
        true
    }

    fn paste(&mut self, text: &str) {
        // Most terminals send a carriage return at the end of a pasted line.
        let lines = text.split(['\r', '\n']);
        let mut lines = lines.filter(|line| !line.trim().is_empty());
        self.editor.insert(lines.next().unwrap_or_default());
        self.pasted.extend(lines.map(str::to_owned));
        self.pasted.truncate(KEPT);
    }
}
