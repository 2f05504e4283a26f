//! The styles of the monitor's text. Without colors, styles differ only in
//! bold, dim and reversed text.

use ratatui::style::{Color, Modifier, Style};

/// The styles of the screen, with or without colors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    /// True if colors are used.
    pub(crate) colors: bool,
}

impl Theme {
    /// Returns the style of titles and headings.
    pub(crate) fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Returns the style of names in front of values, and of other text that is
    /// less important.
    pub(crate) fn dim(self) -> Style {
        self.color(Color::DarkGray, Modifier::DIM)
    }

    /// Returns the style of the selected row.
    pub(crate) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Returns the style of a key that can be pressed.
    pub(crate) fn key(self) -> Style {
        self.color(Color::Cyan, Modifier::BOLD)
    }

    /// Returns the style of good news, such as the message about a success.
    pub(crate) fn good(self) -> Style {
        self.color(Color::Green, Modifier::empty())
    }

    /// Returns the style of warnings.
    pub(crate) fn warning(self) -> Style {
        self.color(Color::Yellow, Modifier::BOLD)
    }

    /// Returns the style of errors.
    pub(crate) fn error(self) -> Style {
        self.color(Color::Red, Modifier::BOLD)
    }

    /// Returns the style of the rate and the graph of bytes that tor reads.
    pub(crate) fn read(self) -> Style {
        self.color(Color::Green, Modifier::empty())
    }

    /// Returns the style of the rate and the graph of bytes that tor writes.
    pub(crate) fn written(self) -> Style {
        self.color(Color::Blue, Modifier::empty())
    }

    /// Returns a style with this color. If colors aren't used, returns a style
    /// with the modifier `otherwise` instead.
    fn color(self, color: Color, otherwise: Modifier) -> Style {
        match self.colors {
            true => Style::new().fg(color),
            false => Style::new().add_modifier(otherwise),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_without_colors_have_no_color() {
        let theme = Theme { colors: false };
        for style in [theme.dim(), theme.key(), theme.good(), theme.warning(), theme.error()] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert_eq!(Theme { colors: true }.error().fg, Some(Color::Red));
    }
}
