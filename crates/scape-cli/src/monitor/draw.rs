//! Functions that draw the model of the monitor. They don't change it.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::base::output::printable;

use super::data::Link;
use super::model::{BottomLine, Model, Popup, Purpose};
use super::tabs;
use super::ui::cursor::first_visible;
use super::ui::line_editor::LineEditor;
use super::ui::{popup, text};
use super::view::Edit;

/// Draws the whole screen.
pub(crate) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let mut rows = screen.height;
    let mut next = |height: u16| {
        let height = height.min(rows);
        let area = Rect { y: screen.y + screen.height - rows, height, ..screen };
        rows -= height;
        area
    };
    let top = next(1);
    draw_tabs(model, frame, top);
    if let Link::Lost(reason) = &model.shown().link {
        let text = format!("connection lost, reconnecting: {}", printable(reason));
        frame.render_widget(Paragraph::new(text).style(model.theme.error()), next(1));
    }
    let bottom = Rect {
        y: screen.y + screen.height.saturating_sub(1),
        height: screen.height.min(1),
        ..screen
    };
    let used = if screen.height > 1 { 1 } else { 0 };
    let middle = next(u16::MAX);
    let middle = Rect { height: middle.height.saturating_sub(used), ..middle };
    if screen.height > 1 {
        draw_bottom(model, frame, bottom);
    }
    // The page is drawn after the bottom row, because it may draw a box over
    // the whole screen.
    if middle.height > 0 {
        model.pages.get(model.page).draw(model.shown(), &model.view(), frame, middle);
    }
    match &model.popup {
        Some(Popup::Text { title, lines, first }) => {
            let lines = lines.iter().map(|line| Line::raw(line.as_str())).collect();
            popup::draw(frame, model.theme, title, "Esc closes, y copies", lines, *first);
        }
        Some(Popup::Question { text, .. }) => {
            let lines = vec![Line::from(printable(text))];
            popup::draw(frame, model.theme, "Question", "y or n", lines, 0);
        }
        Some(Popup::Edit { edit, editors, current }) => {
            draw_editor(model, frame, edit, editors, *current);
        }
        None => {}
    }
}

fn draw_tabs(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(Paragraph::new(tabs::line(model.page, model.theme)), area);
    if model.frozen.is_some() {
        let line = Line::styled("PAUSED", model.theme.warning()).right_aligned();
        let width = area.width.min(6);
        let place = Rect { x: area.right() - width, width, ..area };
        frame.render_widget(Paragraph::new(line), place);
    }
}

/// Draws the last row of the screen. It contains the line that the user is
/// typing, or else a message, or else the keys of the page.
fn draw_bottom(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let theme = model.theme;
    if let Some(line) = &model.line {
        return draw_line(model, frame, area, line);
    }
    if let Some((note, _)) = &model.note {
        let style = if note.is_error { theme.error() } else { theme.good() };
        let paragraph = Paragraph::new(printable(&note.text)).style(style);
        return frame.render_widget(paragraph, area);
    }
    let page = model.pages.get(model.page);
    let help = if page.takes_text() { ("F1", "help") } else { ("?", "help") };
    let quit = if page.takes_text() { ("Ctrl-C", "quit") } else { ("q", "quit") };
    let keys = [help, quit].into_iter().chain(page.keys().iter().copied());
    let spans = keys.flat_map(|(key, meaning)| {
        // Only the help shows the whole meaning. Here, its beginning is enough.
        let meaning = meaning.split([':', ';', ',']).next().unwrap_or(meaning);
        [Span::styled(key, theme.key()), Span::raw(format!(" {meaning}  "))]
    });
    frame.render_widget(Paragraph::new(Line::from(spans.collect::<Vec<_>>())), area);
}

fn draw_line(model: &Model, frame: &mut Frame<'_>, area: Rect, line: &BottomLine) {
    let label = match line.purpose {
        Purpose::Search => "search: ",
        Purpose::WriteFile => "write to: ",
    };
    let width = usize::from(area.width).saturating_sub(label.len()).max(1);
    let (text, column) = line.editor.visible(width);
    let mut spans = vec![Span::styled(label, model.theme.heading()), Span::raw(text)];
    let error = line.error.as_ref();
    spans.extend(
        error.map(|error| Span::styled(format!("  {}", printable(error)), model.theme.error())),
    );
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
    set_cursor(frame, area, label.len() + column);
}

/// Puts the terminal's cursor into this column of an area's first row. Does
/// nothing if the column is outside of the area.
pub(crate) fn set_cursor(frame: &mut Frame<'_>, area: Rect, column: usize) {
    if let Ok(column) = u16::try_from(column)
        && column < area.width
        && area.height > 0
    {
        frame.set_cursor_position(Position { x: area.x + column, y: area.y });
    }
}

/// Draws the editor of a configuration option, which has one line for each
/// value. `current` is the index of the line in which the user is typing.
fn draw_editor(
    model: &Model,
    frame: &mut Frame<'_>,
    edit: &Edit,
    editors: &[LineEditor],
    current: usize,
) {
    let width = popup::text_width(model.width);
    let mut lines = Vec::new();
    for (index, editor) in editors.iter().enumerate() {
        let (text, column) = editor.visible(width.saturating_sub(3));
        let mut spans = vec![Span::raw(if index == current { "> " } else { "  " })];
        if index == current {
            // The terminal's cursor isn't used, because the box may be cut off.
            let before: String = text.chars().take(column).collect();
            let at: String = text.chars().skip(column).take(1).collect();
            let at = if at.is_empty() { " ".into() } else { at };
            let after: String = text.chars().skip(column + 1).collect();
            spans.push(Span::raw(before));
            spans.push(Span::styled(at, model.theme.selected()));
            spans.push(Span::raw(after));
        } else {
            spans.push(Span::raw(text));
        }
        lines.push(Line::from(spans));
    }
    lines.push(Line::default());
    let help = text::wrap(&printable(&edit.help), width);
    lines.extend(help.into_iter().map(|line| Line::styled(line, model.theme.dim())));
    let footer = match edit.is_list {
        true => "Enter accepts, Down adds a line, Esc cancels",
        false => "Enter accepts, Esc cancels",
    };
    let height = usize::from(frame.area().height.saturating_sub(2));
    let first = first_visible(current, lines.len(), height);
    popup::draw(frame, model.theme, &printable(&edit.title), footer, lines, first);
}
