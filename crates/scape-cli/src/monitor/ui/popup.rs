//! Draws boxes in front of a page.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use super::theme::Theme;

/// Draws a box in the middle of the screen. It is as large as its lines need,
/// if there is room. `first` is the index of the first line to show.
pub(crate) fn draw(
    frame: &mut Frame<'_>,
    theme: Theme,
    title: &str,
    footer: &str,
    lines: Vec<Line<'_>>,
    first: usize,
) {
    let area = area(frame.area(), &lines, title, footer);
    let block = Block::bordered()
        .title(Line::styled(format!(" {title} "), theme.heading()))
        .title_bottom(Line::styled(format!(" {footer} "), theme.dim()).right_aligned());
    let inside = block.inner(area);
    let last = lines.len().saturating_sub(usize::from(inside.height));
    let visible: Vec<_> = lines.into_iter().skip(first.min(last)).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(visible).block(block), area);
}

/// Returns the area of a box in the middle of the screen that is large enough
/// for these lines, or as large as the screen.
fn area(screen: Rect, lines: &[Line<'_>], title: &str, footer: &str) -> Rect {
    let widest = lines.iter().map(Line::width).max().unwrap_or_default();
    let widest = widest.max(title.chars().count() + 2).max(footer.chars().count() + 2);
    let size = |wanted: usize, available: u16| {
        u16::try_from(wanted + 2).unwrap_or(u16::MAX).min(available)
    };
    let (width, height) = (size(widest, screen.width), size(lines.len(), screen.height));
    let x = screen.x + (screen.width - width) / 2;
    let y = screen.y + (screen.height - height) / 2;
    Rect { x, y, width, height }
}

/// Returns the number of columns to which lines in a box are wrapped.
pub(crate) fn text_width(screen_width: u16) -> usize {
    usize::from(screen_width.saturating_sub(4)).clamp(1, 100)
}
