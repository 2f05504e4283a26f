//! Draws lists with a title and a heading. Only the visible rows are formatted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::cursor::first_visible;
use super::theme::Theme;

/// A list to be drawn, except for its rows.
#[derive(Debug)]
pub(crate) struct List<'a> {
    /// The line above the list, such as the title with the filters.
    pub(crate) title: Line<'a>,
    /// The names of the columns as a line, which is left out if it is empty.
    pub(crate) heading: String,
    pub(crate) len: usize,
    pub(crate) selected: Option<usize>,
    /// The number of columns that the content is scrolled to the left.
    pub(crate) shift: usize,
    /// The text that is shown if the list has no rows.
    pub(crate) empty: &'a str,
}

impl List<'_> {
    /// Draws the list. `row` is called with the index of each visible row, and
    /// returns its line.
    pub(crate) fn draw(
        self,
        frame: &mut Frame<'_>,
        area: Rect,
        theme: Theme,
        mut row: impl FnMut(usize) -> Line<'static>,
    ) {
        let mut lines = vec![self.title];
        if !self.heading.is_empty() {
            let heading: String = self.heading.chars().skip(self.shift).collect();
            lines.push(Line::styled(heading, theme.heading()));
        }
        let height = usize::from(area.height).saturating_sub(lines.len());
        if self.len == 0 {
            lines.push(Line::styled(self.empty, theme.dim()));
        }
        let first = first_visible(self.selected.unwrap_or_default(), self.len, height);
        for index in first..self.len.min(first + height) {
            let line = shifted(row(index), self.shift);
            lines.push(match self.selected == Some(index) {
                true => selected(line, usize::from(area.width), theme.selected()),
                false => line,
            });
        }
        frame.render_widget(Paragraph::new(lines), area);
    }
}

/// Returns the number of rows by which Page Up and Page Down move the
/// selection. It is about the number of rows that fit on a screen of this
/// height.
pub(crate) fn page_rows(screen_height: u16) -> usize {
    usize::from(screen_height).saturating_sub(5).max(1)
}

/// Returns a line without its first `count` characters.
fn shifted(line: Line<'static>, count: usize) -> Line<'static> {
    if count == 0 {
        return line;
    }
    let mut left = count;
    let spans = line.spans.into_iter().map(|span| {
        let length = span.content.chars().count();
        let text: String = span.content.chars().skip(left).collect();
        left = left.saturating_sub(length);
        Span::styled(text, span.style)
    });
    Line::from(spans.collect::<Vec<_>>())
}

/// Returns a line in the style of the selection. Spaces are added, so that the
/// style covers `width` columns.
fn selected(line: Line<'static>, width: usize, style: Style) -> Line<'static> {
    let missing = width.saturating_sub(line.width());
    let mut spans = line.spans;
    spans.push(Span::raw(" ".repeat(missing)));
    Line::from(spans.into_iter().map(|span| span.patch_style(style)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    #[test]
    fn only_visible_rows_are_formatted() {
        let mut terminal = Terminal::new(TestBackend::new(10, 5)).unwrap();
        let formatted = Cell::new(0);
        let draw = |frame: &mut Frame<'_>| {
            let list = List {
                title: "title".into(),
                heading: "  NAME".into(),
                len: 9000,
                selected: Some(4500),
                shift: 2,
                empty: "",
            };
            list.draw(frame, frame.area(), Theme { colors: false }, |index| {
                formatted.set(formatted.get() + 1);
                format!("  row {index}").into()
            });
        };
        terminal.draw(draw).unwrap();
        assert_eq!(formatted.get(), 3);
        let text = terminal.backend().to_string();
        let expected = [r#""title     ""#, r#""NAME      ""#, r#""row 4499  ""#, r#""row 4500  ""#];
        for line in expected {
            assert!(text.contains(line), "no {line} in\n{text}");
        }
    }
}
