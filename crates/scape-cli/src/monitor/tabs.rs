//! The tabs at the top of the screen.

use ratatui::text::{Line, Span};

use super::pages::Page;
use super::ui::theme::Theme;

/// Returns the first line of the screen, which shows the tabs. The tab of the
/// page `selected` is highlighted.
pub(crate) fn line(selected: Page, theme: Theme) -> Line<'static> {
    let spans = Page::ALL.into_iter().flat_map(|page| {
        let style = match page == selected {
            true => theme.selected(),
            false => theme.heading(),
        };
        [Span::styled(label(page), style), Span::raw(" ")]
    });
    Line::from(spans.collect::<Vec<_>>())
}

/// Returns the page whose tab covers this column of the screen. Returns `None`
/// if no tab does.
pub(crate) fn at(column: u16) -> Option<Page> {
    let mut end = 0;
    Page::ALL.into_iter().find(|page| {
        let start = end;
        end += label(*page).chars().count() + 1;
        (start..end - 1).contains(&usize::from(column))
    })
}

fn label(page: Page) -> String {
    format!("{} {}", page.index() + 1, page.title())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_are_found_by_column() {
        assert_eq!((at(0), at(9), at(10)), (Some(Page::Overview), Some(Page::Overview), None));
        assert_eq!((at(11), at(200)), (Some(Page::Connections), None));
    }

    #[test]
    fn tabs_fit_into_80_columns() {
        let width = line(Page::Overview, Theme { colors: false }).width();
        assert!(width <= 72, "{width}");
    }
}
