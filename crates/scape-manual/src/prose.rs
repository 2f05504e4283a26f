//! Formats a description's text: each paragraph becomes one line, and
//! indentation shows which texts belong together.

use super::line::Line;

/// The width of an indentation step, in columns.
const STEP: usize = 4;

/// The maximum indentation, in columns.
const FARTHEST: usize = 40;

/// The text of a description, which is built line by line.
#[derive(Debug, Default)]
pub(super) struct Prose {
    text: String,
    gap: Gap,
}

/// The separator before the next text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Gap {
    /// No separator: at the beginning, and after a line that the next line
    /// continues.
    #[default]
    Nothing,
    Space,
    Line,
    Paragraph,
}

impl Prose {
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Starts a new paragraph with the next text.
    pub(super) fn space(&mut self) {
        self.gap = Gap::Paragraph;
    }

    /// Starts a new line with the next text.
    pub(super) fn end_line(&mut self) {
        if self.gap != Gap::Paragraph {
            self.gap = Gap::Line;
        }
    }

    /// Adds a line of text, indented by `steps` times [`STEP`] columns. A
    /// verbatim line stays separate, and other lines are joined to a paragraph.
    pub(super) fn text(&mut self, line: &Line, steps: usize, verbatim: bool) {
        let text = line.plain();
        let text = text.trim_end_matches(if line.continues { '\0' } else { ' ' });
        // Even in filled text, a space at the beginning of a line starts a new
        // line.
        if verbatim || (text.starts_with(' ') && line.hang == 0 && self.gap == Gap::Space) {
            self.end_line();
        }
        let begins = matches!(self.gap, Gap::Line | Gap::Paragraph) || self.is_empty();
        if !self.is_empty() {
            self.text.push_str(match self.gap {
                Gap::Nothing => "",
                Gap::Space => " ",
                Gap::Line => "\n",
                Gap::Paragraph => "\n\n",
            });
        }
        if begins {
            let indent = (steps.saturating_mul(STEP)).min(FARTHEST).saturating_sub(line.hang);
            self.text.extend(std::iter::repeat_n(' ', indent));
        }
        self.text.push_str(text);
        self.gap = match (verbatim, line.continues) {
            (_, true) => Gap::Nothing,
            (true, false) => Gap::Line,
            (false, false) => Gap::Space,
        };
    }

    pub(super) fn finish(self) -> String {
        self.text.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{Strings, read};
    use super::*;

    fn line(text: &str) -> Line {
        read(text, false, &Strings::new())
    }

    #[test]
    fn lines_are_joined_to_paragraphs() {
        let mut prose = Prose::default();
        prose.space();
        for text in ["one", "two ", "three-\\c", "four", " five"] {
            prose.text(&line(text), 0, false);
        }
        prose.space();
        prose.end_line();
        prose.text(&line("six"), 1, false);
        prose.end_line();
        prose.text(&line("\\h'-03'*\\h'+02'\\c"), 1, false);
        prose.text(&line("seven"), 1, false);
        prose.space();
        assert_eq!(prose.finish(), "one two three-four\n five\n\n    six\n *  seven");
    }

    #[test]
    fn verbatim_lines_are_kept() {
        let mut prose = Prose::default();
        for text in ["a", "  b", "c"] {
            prose.text(&line(text), 1, true);
        }
        prose.text(&line("d"), 1000, false);
        assert_eq!(
            prose.finish(),
            "    a\n      b\n    c\n                                        d"
        );
    }
}
