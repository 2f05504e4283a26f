//! Parses the escapes and fonts in a line of roff.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::Chars;

use super::characters::character;

/// The maximum width of a horizontal motion (the escape `\h`), in columns.
/// Longer motions are reduced to this width.
const WIDEST: usize = 16;

/// The maximum length of a string (`.ds`), in characters. Strings can contain
/// each other, so without a limit they could grow exponentially.
const LONGEST_STRING: usize = 16;

/// The text of a line, of which parts can be bold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    spans: Vec<Span>,
    /// The number of columns by which the line begins to the left of its
    /// paragraph.
    pub(super) hang: usize,
    /// True if the next line continues this line without a space.
    pub(super) continues: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Span {
    text: String,
    bold: bool,
}

impl Line {
    /// Returns the text of the line without its fonts.
    pub(super) fn plain(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }

    /// Returns the characters in order. The `bool` is true if the character is
    /// bold.
    pub(super) fn characters(&self) -> impl Iterator<Item = (char, bool)> {
        self.spans.iter().flat_map(|span| span.text.chars().map(|character| (character, span.bold)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Appends the next line with a space between the lines, as roff does in a
    /// paragraph. No space is added if this line is empty or `continues` is
    /// true.
    pub(super) fn join(&mut self, next: Line) {
        if !self.is_empty() && !self.continues {
            self.push(' ', false);
        }
        self.append(next);
    }

    /// Appends the next line, without a space between the lines.
    pub(super) fn append(&mut self, next: Line) {
        if self.is_empty() {
            self.hang = next.hang;
        }
        self.spans.extend(next.spans);
        self.continues = next.continues;
    }

    /// Adds a character. Control characters are omitted, because the text may
    /// be shown on a terminal.
    fn push(&mut self, character: char, bold: bool) {
        let character = if character == '\t' { ' ' } else { character };
        if character.is_control() {
            return;
        }
        match self.spans.last_mut() {
            Some(span) if span.bold == bold => span.text.push(character),
            _ => self.spans.push(Span { text: character.into(), bold }),
        }
    }
}

/// The strings that a page has defined, by name. A line inserts a string with
/// `\*`.
#[derive(Debug)]
pub(super) struct Strings(HashMap<String, String>);

impl Strings {
    /// Returns the strings that exist before a page defines any.
    pub(super) fn new() -> Self {
        let known = [("Aq", "'"), ("lq", "\""), ("rq", "\""), ("R", "®"), ("Tm", "™")];
        Strings(known.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
    }

    /// Defines a string, as the roff request `.ds NAME TEXT` does. `definition`
    /// is the text after `.ds`.
    pub(super) fn define(&mut self, definition: &str) {
        let (name, text) =
            definition.trim_start().split_once([' ', '\t']).unwrap_or((definition, ""));
        let text = text.trim_start();
        let text = read(text.strip_prefix('"').unwrap_or(text), false, self).plain();
        self.0.insert(name.to_owned(), text.chars().take(LONGEST_STRING).collect());
    }
}

/// Parses a line of roff. `bold` is true if the line begins in bold.
pub(super) fn read(source: &str, bold: bool, strings: &Strings) -> Line {
    let rest = source.chars().peekable();
    let mut reader = Reader { rest, line: Line::default(), bold, before: false, strings };
    while let Some(character) = reader.rest.next() {
        match character {
            '\\' => reader.escape(),
            _ => reader.push(character),
        }
    }
    reader.line
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    line: Line,
    bold: bool,
    /// True if the font before the current one was bold. The escape `\fP`
    /// returns to that font.
    before: bool,
    strings: &'a Strings,
}

impl Reader<'_> {
    fn push(&mut self, character: char) {
        self.line.push(character, self.bold);
    }

    /// Processes the text after a backslash. See groff(7), "Escape sequences".
    fn escape(&mut self) {
        let Some(kind) = self.rest.next() else {
            self.line.continues = true;
            return;
        };
        match kind {
            '&' | '|' | '^' | '%' | ':' | '/' | ',' | ')' | '!' | '?' | '{' | '}' | 'a' | 'd'
            | 'p' | 'r' | 'u' | 'z' => {}
            ' ' | '~' | '0' | 't' => self.push(' '),
            'e' | 'E' | '\\' => self.push('\\'),
            '(' => {
                let name = self.two();
                self.special(&name);
            }
            '[' => {
                let name = self.until(']');
                self.special(&name);
            }
            '*' => {
                let name = self.name();
                if let Some(text) = self.strings.0.get(&name) {
                    text.chars().for_each(|character| self.line.push(character, self.bold));
                }
            }
            'f' => self.font(),
            'F' | 'g' | 'k' | 'm' | 'M' | 'O' | 'V' | 'Y' => drop(self.name()),
            'n' => {
                self.rest.next_if(|next| matches!(next, '+' | '-'));
                self.name();
            }
            's' => self.size(),
            'h' => self.motion(),
            'C' => {
                let name = self.quoted();
                self.special(&name);
            }
            'N' => {
                let code = self.quoted().parse().ok().and_then(char::from_u32);
                code.into_iter().for_each(|character| self.push(character));
            }
            'A' | 'b' | 'B' | 'D' | 'H' | 'l' | 'L' | 'o' | 'R' | 'S' | 'v' | 'w' | 'x' | 'X'
            | 'Z' => {
                self.quoted();
            }
            'c' => {
                self.line.continues = true;
                self.rest = "".chars().peekable();
            }
            '"' | '#' => self.rest = "".chars().peekable(),
            other => self.push(other),
        }
    }

    fn special(&mut self, name: &str) {
        if let Some(character) = character(name) {
            self.push(character);
        }
    }

    fn font(&mut self) {
        let name = self.name();
        let next = match name.as_str() {
            "P" | "" => self.before,
            name => name.contains('B') || matches!(name, "3" | "4"),
        };
        self.before = std::mem::replace(&mut self.bold, next);
    }

    fn size(&mut self) {
        let signed = self.rest.next_if(|next| matches!(next, '+' | '-')).is_some();
        match self.rest.peek() {
            Some('\'') => drop(self.quoted()),
            Some('(' | '[') => drop(self.name()),
            Some(digit) if digit.is_ascii_digit() => {
                let first = self.rest.next();
                // Without a sign, a size that begins with 1, 2 or 3 has two
                // digits.
                if !signed && matches!(first, Some('1'..='3')) {
                    self.rest.next_if(char::is_ascii_digit);
                }
            }
            _ => {}
        }
    }

    /// Processes a horizontal motion. A motion to the left at the beginning of
    /// a line moves the line out of its paragraph's indentation. Pages place
    /// the numbers of list items in this way. A motion to the right becomes
    /// spaces.
    fn motion(&mut self) {
        let motion = self.quoted();
        let digits: String = motion.chars().filter(char::is_ascii_digit).take(4).collect();
        let columns = digits.parse().unwrap_or(0).min(WIDEST);
        if !motion.trim_start().starts_with('-') {
            (0..columns).for_each(|_| self.push(' '));
        } else if self.line.is_empty() {
            self.line.hang = columns;
        }
    }

    /// Reads a name: one character, two characters after `(`, or any number of
    /// characters in brackets.
    fn name(&mut self) -> String {
        match self.rest.next() {
            Some('(') => self.two(),
            Some('[') => self.until(']'),
            one => one.into_iter().collect(),
        }
    }

    fn two(&mut self) -> String {
        self.rest.by_ref().take(2).collect()
    }

    /// Reads the text between two delimiters. The first character is the
    /// delimiter, whichever character it is.
    fn quoted(&mut self) -> String {
        match self.rest.next() {
            Some(quote) => self.until(quote),
            None => String::new(),
        }
    }

    fn until(&mut self, end: char) -> String {
        self.rest.by_ref().take_while(|character| *character != end).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(source: &str) -> String {
        read(source, false, &Strings::new()).plain()
    }

    #[test]
    fn escapes_become_text() {
        for (source, text) in [
            (r"Don\(cqt use \-\-flag\&.", "Don't use --flag."),
            (r"say \(lqno\(rq \(em or \*(Aqyes\*(Aq", "say \"no\" — or 'yes'"),
            (r"C:\\dir \efile\~name", r"C:\dir \file name"),
            (r"\fBbold\fR \fIitalic\fP \f(CRmono\f[] \f3x\f1y", "bold italic mono xy"),
            (r"\s-1small\s0 \s+2large\s12x\s'3'y\s[4]z", "small largexyz"),
            (r"a\h'+03'b\v'1'c\w'long'd\n(.gd\n+xe\kzf", "a   bcddef"),
            (r"\[u2014]\[zz]\N'65'\C'bu'", "—A•"),
            (r#"kept\"comment"#, "kept"),
            ("tab\there\u{1b}[31m", "tab here[31m"),
            (r"unknown \q, and at the end \", "unknown q, and at the end "),
            (r"\(c", ""),
            (r"\h'never closed", ""),
        ] {
            assert_eq!(plain(source), text, "{source}");
        }
    }

    #[test]
    fn bold_text_is_recognized() {
        let bold = |source| -> String {
            let line = read(source, false, &Strings::new());
            line.characters().filter(|(_, bold)| *bold).map(|(character, _)| character).collect()
        };
        assert_eq!(
            bold(r"\fBSocksPort\fR [\fIaddress\fR\fB:\fR]\fIport\fR|\fBauto\fP x"),
            "SocksPort:auto"
        );
        assert_eq!(bold(r"\f(CBa\fP b \f[BI]c\fPd"), "ac");
    }

    #[test]
    fn hanging_and_continued_lines() {
        let strings = Strings::new();
        let line = read(r"\h'-04' 1.\h'+01'\c rest", false, &strings);
        assert_eq!((line.plain().as_str(), line.hang, line.continues), (" 1. ", 4, true));
        let mut all = line;
        all.join(read("text", false, &strings));
        all.join(read("and more", false, &strings));
        assert_eq!((all.plain().as_str(), all.hang), (" 1. text and more", 4));
    }

    #[test]
    fn strings_are_defined_and_limited() {
        let mut strings = Strings::new();
        strings.define(r"Me \(lqme");
        assert_eq!(read(r"\*(Me\*[Me]\*x\*(No", false, &strings).plain(), "\"me\"me");
        strings.define("a 0123456789");
        for _ in 0..60 {
            strings.define(r"a \*a\*a");
        }
        assert_eq!(read(r"\*a", false, &strings).plain().len(), LONGEST_STRING);
    }
}
