//! Finds the descriptions of options in a page, and formats their texts.

use super::heading::{Term, terms};
use super::line::Line;
use super::prose::Prose;
use super::requests::Token;

/// The maximum number of options that share one description. There is a limit
/// because each option gets a copy of the text.
const MOST_NAMES: usize = 16;

/// The maximum length of a section title, in characters.
const LONGEST_TITLE: usize = 200;

/// The text under a heading. The heading can name several options.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) section: String,
    pub(super) terms: Vec<Term>,
    pub(super) help: String,
}

/// Returns the descriptions of options in the order of the page.
///
/// A description has a heading at the left margin and an indented text. The
/// indentation is made by `.RS` (asciidoc, Asciidoctor) or by `.TP` (pages
/// written by hand). Text with more indentation, such as the flags of a port,
/// is part of the description.
pub(super) fn descriptions(tokens: Vec<Token>) -> Vec<Description> {
    let mut layout = Layout::default();
    for token in tokens {
        layout.take(token);
    }
    layout.close();
    layout.done
}

/// The role of the next line of text: ordinary text, a section title, or the
/// tag after `.TP`.
#[derive(Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Text,
    Title,
    Tag,
}

#[derive(Debug, Default)]
struct Layout {
    section: String,
    next: Next,
    verbatim: bool,
    /// One element for each open `.RS`. The element is true if a `.TP` indented
    /// the text before that `.RS`.
    depth: Vec<bool>,
    /// True if a `.TP` indents the current text.
    tagged: bool,
    /// The number of elements of `depth` that are true.
    tagged_outside: usize,
    /// The current paragraph at the left margin.
    paragraph: Line,
    /// The options in headings whose description hasn't begun yet.
    headings: Vec<Term>,
    open: Option<Open>,
    done: Vec<Description>,
}

#[derive(Debug)]
struct Open {
    terms: Vec<Term>,
    help: Prose,
}

impl Layout {
    fn take(&mut self, token: Token) {
        match token {
            Token::Section(title) if title.is_empty() => {
                self.new_section();
                self.next = Next::Title;
            }
            Token::Section(title) => {
                self.new_section();
                self.section = section(&title);
            }
            Token::Subsection => self.new_section(),
            Token::Paragraph => {
                self.space();
                self.tagged = false;
            }
            Token::Space => self.space(),
            Token::Break => self.broken(),
            Token::Tag => {
                self.space();
                self.tagged = false;
                self.next = Next::Tag;
            }
            Token::Indent => self.indent(),
            Token::Outdent => self.outdent(),
            Token::Verbatim(on) => {
                self.broken();
                self.verbatim = on;
            }
            Token::Text(line) => self.text(line),
        }
    }

    /// Returns true if the text that follows is at the left margin.
    fn is_outside(&self) -> bool {
        self.depth.is_empty() && !self.tagged
    }

    fn new_section(&mut self) {
        self.paragraph = Line::default();
        self.headings.clear();
        self.close();
        self.depth.clear();
        (self.tagged, self.tagged_outside, self.verbatim) = (false, 0, false);
        self.next = Next::Text;
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            let section = self.section.clone();
            self.done.push(Description { section, terms: open.terms, help: open.help.finish() });
        }
    }

    fn space(&mut self) {
        self.end_paragraph();
        if let Some(open) = &mut self.open {
            open.help.space();
        }
    }

    fn broken(&mut self) {
        self.end_paragraph();
        if let Some(open) = &mut self.open {
            open.help.end_line();
        }
    }

    /// Ends a paragraph at the left margin. Such a paragraph is a heading, or
    /// it doesn't belong to any option.
    fn end_paragraph(&mut self) {
        if !self.is_outside() || self.paragraph.is_empty() {
            return;
        }
        let terms = terms(&std::mem::take(&mut self.paragraph));
        self.close();
        if terms.is_empty() {
            self.headings.clear();
        }
        self.headings.extend(terms);
        self.headings.truncate(MOST_NAMES);
    }

    /// Begins the description that belongs to the headings found so far.
    fn begin(&mut self) {
        if self.headings.is_empty() {
            return;
        }
        self.close();
        self.open =
            Some(Open { terms: std::mem::take(&mut self.headings), help: Prose::default() });
    }

    fn indent(&mut self) {
        self.end_paragraph();
        if self.is_outside() {
            self.begin();
        }
        if let Some(open) = &mut self.open {
            open.help.end_line();
        }
        self.tagged_outside += usize::from(self.tagged);
        self.depth.push(std::mem::take(&mut self.tagged));
    }

    fn outdent(&mut self) {
        if let Some(tagged) = self.depth.pop() {
            self.tagged_outside -= usize::from(tagged);
            self.tagged = tagged;
        }
        if let Some(open) = &mut self.open {
            open.help.end_line();
        }
    }

    fn text(&mut self, line: Line) {
        match std::mem::take(&mut self.next) {
            Next::Title => self.section = section(&line),
            Next::Tag => self.tag(line),
            Next::Text if self.is_outside() => self.paragraph.join(line),
            Next::Text => self.indented(line),
        }
    }

    /// Processes a tag, which is the line after `.TP`. At the left margin, a
    /// tag is the heading of a description.
    fn tag(&mut self, line: Line) {
        if self.is_outside() {
            // An option may have two tags, of which the first has no text of
            // its own.
            if let Some(open) = self.open.take_if(|open| open.help.is_empty()) {
                self.headings = open.terms;
            }
            self.paragraph = line;
            self.end_paragraph();
            self.begin();
        } else {
            self.indented(line);
            self.broken();
        }
        self.tagged = true;
    }

    fn indented(&mut self, line: Line) {
        let steps = self.depth.len() + self.tagged_outside + usize::from(self.tagged);
        if let Some(open) = &mut self.open {
            open.help.text(&line, steps.saturating_sub(1), self.verbatim);
        }
    }
}

/// Returns the text of a section title, at most [`LONGEST_TITLE`] characters.
fn section(title: &Line) -> String {
    title.plain().trim().chars().take(LONGEST_TITLE).collect()
}

#[cfg(test)]
mod tests {
    use super::super::requests::tokens;
    use super::*;

    /// Formats each description in a page as a single text, for comparisons.
    fn shown(page: &str) -> Vec<String> {
        let show = |description: Description| {
            let terms: Vec<String> = description
                .terms
                .iter()
                .map(|term| format!("{} {}", term.name, term.form))
                .collect();
            format!("{}/{}/{}", description.section, terms.join("+"), description.help)
        };
        descriptions(tokens(page)).into_iter().map(show).collect()
    }

    #[test]
    fn flags_are_part_of_their_option() {
        let page = ".SH A\n.sp\nAbout \\fBthis\\fR:\n.PP\n\\fBPot\\fR \\fIN\\fR\n.RS 4\nIt has flags:\n.PP\n\\fBHot\\fR\n.RS 4\n\
                    Very hot\\&.\n.RE\n.PP\n\\fBCold\\fR\n.RS 4\nLess so\\&.\n.RE\n.RE\n.PP\n.RS 4\nAnd others\\&.\n.RE\n\
                    .PP\n\\fBLid\\fR\n.RS 4\nAnother\\&.\n.RE";
        assert_eq!(
            shown(page),
            [
                "A/Pot N/It has flags:\n\nHot\n    Very hot.\n\nCold\n    Less so.\n\nAnd others.",
                "A/Lid /Another."
            ]
        );
    }

    #[test]
    fn heading_without_text_shares_the_next_text() {
        let page = ".SH A\n.sp\n\\fBOne\\fR x\n.PP\n\\fBTwo\\fR y\n.RS 4\nBoth\\&.\n.RE\n.sp\n\\fBThree\\fR z\n.sp\nNothing\\&.\n.RS 4\nno\n.RE";
        assert_eq!(shown(page), ["A/One x+Two y/Both."]);
    }

    #[test]
    fn descriptions_in_pages_written_by_hand() {
        let page = ".SH\nMY OPTIONS\n.LP\nAll of them:\n.TP\n.BI Pot \" N\"\nThe pot\\&.\n.sp\nIts text\\&.\n.RS\ndeeper\n.TP\n\\fBTag\\fR\nof it\n.RE\n\
                    .TP\n\\fBLid\\fR\n.TQ\n\\fBCap\\fR\nBoth\\&.\n.LP\nNot of it\\&.";
        assert_eq!(
            shown(page),
            [
                "MY OPTIONS/Pot N/The pot.\n\nIts text.\n    deeper\n\n    Tag\n        of it",
                "MY OPTIONS/Lid +Cap /Both."
            ]
        );
    }

    #[test]
    fn lists_and_verbatim_text_are_laid_out() {
        let page = ".SH A\n.PP\n\\fBPot\\fR\n.RS 4\nA list:\n.sp\n.RS 4\n.ie n \\{\\\n\\h'-04'\\(bu\\h'+03'\\c\n.\\}\n.el \\{\\\n.sp -1\n\
                    .IP \\(bu 2.3\n.\\}\nfirst,\nof two lines\n.sp\n.if n \\{\\\n.RS 4\n.\\}\n.nf\nPot  1\n\n  Lid 0\n.fi\n.if n \\{\\\n.RE\n.\\}\n.RE\n.RE";
        assert_eq!(
            shown(page),
            ["A/Pot /A list:\n\n•   first, of two lines\n\n        Pot  1\n\n          Lid 0"]
        );
    }
}
