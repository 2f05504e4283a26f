//! Parses the lines of a roff page: requests and macros, conditions, and text.

use super::line::{Line, Strings, read};

/// A line of a page after parsing: a request or macro, or text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// `.SH` with its title. The title is empty if the next line contains it.
    Section(Line),
    /// `.SS`: a new subsection.
    Subsection,
    /// `.PP`: a new paragraph, which also ends the effect of `.TP`.
    Paragraph,
    /// `.sp`, or an empty line: vertical space.
    Space,
    /// `.br`: a line break.
    Break,
    /// `.TP`: the next line is a tag, and the text after it is indented.
    Tag,
    /// `.RS`: the text after it is indented further.
    Indent,
    /// `.RE`: the indentation by the last `.RS` ends.
    Outdent,
    /// `.nf` (true): the lines after it are kept as they are. `.fi` (false):
    /// the lines after it are joined to paragraphs again.
    Verbatim(bool),
    /// A line of text.
    Text(Line),
}

/// Parses a page. Unknown requests are ignored, and other unknown lines are
/// text.
pub(super) fn tokens(page: &str) -> Vec<Token> {
    let mut reader = Reader {
        lines: page.lines().collect(),
        next: 0,
        strings: Strings::new(),
        blocks: Vec::new(),
        elses: Vec::new(),
        bold: false,
        definitions_end: true,
        tokens: Vec::new(),
    };
    while let Some(line) = reader.lines.get(reader.next) {
        reader.next += 1;
        reader.line(line);
    }
    reader.tokens
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    next: usize,
    strings: Strings,
    /// One element for each open `\{`. The element is true if the block is
    /// read, and false if it is skipped. All blocks within a skipped block are
    /// skipped, too.
    blocks: Vec<bool>,
    /// One element for each `.ie` whose `.el` hasn't come yet. The element is
    /// true if the condition of the `.ie` holds.
    elses: Vec<bool>,
    /// True after a `.B` without arguments, which makes the next line of text
    /// bold.
    bold: bool,
    /// False if a search has shown that the rest of the page contains no end of
    /// a macro definition. Later searches are then skipped.
    definitions_end: bool,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) {
        if self.blocks.last() == Some(&false) {
            self.braces(line);
            return;
        }
        let (line, closed) = without_closing_braces(line, self.blocks.len());
        self.counted(line);
        self.blocks.truncate(self.blocks.len() - closed.min(self.blocks.len()));
    }

    /// Tracks the beginnings and ends of blocks in text that is skipped.
    fn braces(&mut self, line: &str) {
        let mut escaped = false;
        for character in line.chars() {
            match character {
                '{' if escaped => self.blocks.push(false),
                '}' if escaped => drop(self.blocks.pop()),
                _ => {}
            }
            escaped = character == '\\' && !escaped;
        }
    }

    fn counted(&mut self, line: &str) {
        let mut line = line;
        // Each iteration processes one condition at the beginning of the line.
        loop {
            let Some(request) = line.strip_prefix(['.', '\'']) else {
                return self.text(line);
            };
            let request = request.trim_start();
            let end = request.find([' ', '\t']).unwrap_or(request.len());
            let (name, rest) = request.split_at_checked(end).unwrap_or((request, ""));
            let (holds, behind) = match name {
                "if" => condition(rest),
                "ie" => {
                    let (holds, behind) = condition(rest);
                    self.elses.push(holds);
                    (holds, behind)
                }
                "el" => (!self.elses.pop().unwrap_or(true), rest.trim_start()),
                _ => return self.request(name, rest),
            };
            let behind = match behind.strip_prefix("\\{") {
                Some(behind) => {
                    self.blocks.push(holds);
                    if behind == "\\" { "" } else { behind.trim_start() }
                }
                None => behind,
            };
            if behind.is_empty() {
                return;
            }
            if !holds {
                return self.braces(behind);
            }
            line = behind;
        }
    }

    fn text(&mut self, line: &str) {
        if line.trim().is_empty() {
            self.tokens.push(Token::Space);
            return;
        }
        let bold = std::mem::take(&mut self.bold);
        self.tokens.push(Token::Text(read(line, bold, &self.strings)));
    }

    /// Processes a request. `rest` is the rest of its line, which contains the
    /// arguments. See man(7) and groff(7).
    fn request(&mut self, name: &str, rest: &str) {
        let token = match name {
            "SH" => Token::Section(self.words(rest, [false; 2])),
            "SS" => Token::Subsection,
            "PP" | "LP" | "P" | "HP" => Token::Paragraph,
            "sp" if rest.trim_start().starts_with('-') => return,
            "sp" => Token::Space,
            "br" => Token::Break,
            "TP" | "TQ" => Token::Tag,
            "RS" => Token::Indent,
            "RE" => Token::Outdent,
            "nf" | "EX" | "TS" => Token::Verbatim(true),
            "fi" | "EE" | "TE" => Token::Verbatim(false),
            "IP" => return self.item(rest),
            "B" | "SB" if rest.trim().is_empty() => {
                self.bold = true;
                return;
            }
            "B" | "SB" => Token::Text(self.words(rest, [true; 2])),
            "I" | "SM" => Token::Text(self.words(rest, [false; 2])),
            "BR" | "BI" => Token::Text(self.run_together(rest, [true, false])),
            "RB" | "IB" => Token::Text(self.run_together(rest, [false, true])),
            "RI" | "IR" => Token::Text(self.run_together(rest, [false, false])),
            "URL" | "MTO" | "UR" | "MT" => Token::Text(self.link(rest)),
            "ds" => return self.strings.define(rest),
            "de" | "de1" | "am" | "am1" | "ig" => return self.definition(),
            _ => return,
        };
        if !matches!(&token, Token::Text(line) if line.is_empty()) {
            self.tokens.push(token);
        }
    }

    /// Processes a list item. `rest` is its mark, such as a number or a bullet,
    /// and its text on the same line.
    fn item(&mut self, rest: &str) {
        self.tokens.push(Token::Paragraph);
        if let Some(mark) = arguments(rest).first() {
            let mut mark = read(mark, false, &self.strings);
            mark.append(read(" \\c", false, &self.strings));
            self.tokens.push(Token::Text(mark));
        }
    }

    /// Skips the definition of a macro. The page's own macros aren't supported,
    /// and their definitions aren't text.
    fn definition(&mut self) {
        if !self.definitions_end {
            return;
        }
        let lines = self.lines.get(self.next..).unwrap_or_default();
        let end = lines.iter().position(|line| {
            line.strip_prefix('.').map(str::trim_start).is_some_and(|rest| rest.trim_end() == ".")
        });
        match end {
            Some(end) => self.next += end + 1,
            None => self.definitions_end = false,
        }
    }

    /// Joins the arguments in `rest` with spaces. The arguments alternate
    /// between two fonts. A font is bold if the font's element of `bold` is
    /// true.
    fn words(&self, rest: &str, bold: [bool; 2]) -> Line {
        self.put_together(&arguments(rest), bold, Line::join)
    }

    /// Joins the arguments in `rest` without spaces. The arguments alternate
    /// between two fonts. A font is bold if the font's element of `bold` is
    /// true.
    fn run_together(&self, rest: &str, bold: [bool; 2]) -> Line {
        self.put_together(&arguments(rest), bold, Line::append)
    }

    fn put_together(
        &self,
        arguments: &[String],
        bold: [bool; 2],
        put: impl Fn(&mut Line, Line),
    ) -> Line {
        let mut line = Line::default();
        for (argument, bold) in arguments.iter().zip(bold.into_iter().cycle()) {
            put(&mut line, read(argument, bold, &self.strings));
        }
        line
    }

    /// Processes `.URL "address" "text" "following text"`. Returns the text,
    /// then the address in angle brackets, then the following text. If the text
    /// is empty, the address takes its place.
    fn link(&self, rest: &str) -> Line {
        let mut arguments = arguments(rest).into_iter();
        let mut next = || read(&arguments.next().unwrap_or_default(), false, &self.strings);
        let (address, mut text, behind) = (next(), next(), next());
        if text.is_empty() {
            text = address;
        } else {
            text.append(read(" <", false, &self.strings));
            text.append(address);
            text.append(read(">", false, &self.strings));
        }
        text.append(behind);
        text
    }
}

/// Returns true if the condition at the beginning of the text holds for output
/// on a terminal. Also returns the rest of the line. An unknown condition
/// doesn't hold, and its negation does.
fn condition(rest: &str) -> (bool, &str) {
    let rest = rest.trim_start();
    let positive = rest.trim_start_matches('!');
    let negated = (rest.len() - positive.len()) % 2 == 1;
    // In groff, `\n(.g` is true if groff itself reads the page.
    let known = [("n", true), ("t", false), ("\\n(.g", true), ("\\n[.g]", true)];
    for (name, holds) in known {
        match positive.strip_prefix(name) {
            Some(behind) if behind.is_empty() || behind.starts_with([' ', '\t', '\\', '.']) => {
                return (holds != negated, behind.trim_start());
            }
            _ => {}
        }
    }
    let end = positive.find([' ', '\t']).unwrap_or(positive.len());
    (negated, positive.split_at_checked(end).unwrap_or_default().1.trim_start())
}

/// Removes closing braces (`\}`) from the end of a line, at most `open` of
/// them. Returns the rest of the line and the number of removed braces.
fn without_closing_braces(line: &str, open: usize) -> (&str, usize) {
    let (mut line, mut closed) = (line, 0);
    while closed < open
        && let Some(before) = line.trim_end().strip_suffix("\\}")
        // After another backslash, this is an escaped backslash and an ordinary
        // brace.
        && !before.ends_with('\\')
    {
        closed += 1;
        // Without its brace, a line `.\}` becomes a comment.
        line = if before.trim() == "." { ".\\\"" } else { before };
    }
    (line, closed)
}

/// Splits the arguments of a macro. They are separated by spaces, and arguments
/// with spaces are quoted. Within quotes, `""` is a quote.
fn arguments(rest: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut rest = rest.chars().peekable();
    loop {
        while rest.next_if(|next| matches!(next, ' ' | '\t')).is_some() {}
        let Some(first) = rest.peek() else { return arguments };
        let quoted = *first == '"';
        if quoted {
            rest.next();
        }
        let mut argument = String::new();
        while let Some(character) = rest.next() {
            match character {
                '"' if quoted => {
                    if rest.next_if_eq(&'"').is_none() {
                        break;
                    }
                    argument.push('"');
                }
                ' ' | '\t' if !quoted => break,
                '\\' => {
                    // The rest is a comment.
                    if rest.peek() == Some(&'"') {
                        if !argument.is_empty() {
                            arguments.push(argument);
                        }
                        return arguments;
                    }
                    argument.push('\\');
                    argument.extend(rest.next());
                }
                _ => argument.push(character),
            }
        }
        arguments.push(argument);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a page, and formats each token as a short text for comparisons.
    fn shown(page: &str) -> Vec<String> {
        let show = |token| match token {
            Token::Text(line) => line.plain(),
            Token::Section(line) => format!("# {}", line.plain()),
            other => format!("{other:?}"),
        };
        tokens(page).into_iter().map(show).collect()
    }

    #[test]
    fn font_macros_set_bold() {
        let page = ".B bold text\n.BR tor (1)\n.I \"it is\" this\n.B\nnext\n.SM x\n.BI a b c\n.B \\\" nothing\n";
        assert_eq!(shown(page), ["bold text", "tor(1)", "it is this", "next", "x", "abc"]);
    }

    #[test]
    fn conditions_and_blocks_are_evaluated() {
        assert_eq!(shown(".if n yes\n.if t no\n.if !t yes\n.if !n no"), ["yes", "yes"]);
        assert_eq!(
            shown(".if n \\{\\\n.RS 4\n.\\}\ntext\n.if n .RE"),
            ["Indent", "text", "Outdent"]
        );
        assert_eq!(
            shown(".ie n \\{\\\nmark\n.\\}\n.el \\{\\\n.sp -1\n.IP x 2\n.\\}\ntext"),
            ["mark", "text"]
        );
        assert_eq!(shown(".ie t no\n.el yes\n.el no"), ["yes"]);
        assert_eq!(shown(".if t \\{\\\n.if n \\{\\\nno\n.\\}\nno\n.\\}\nyes"), ["yes"]);
        assert_eq!(
            shown(".if n \\{ one\ntwo\\}\n.if t \\{ no \\}\nthree"),
            ["one", "two", "three"]
        );
        assert_eq!(shown(".if \\nF>0 \\{\\\n.if \\n[.g] no\n.\\}\n.if 'a'b' no\nyes"), ["yes"]);
        assert_eq!(shown(".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\nit\\*(Aqs"), ["it's"]);
    }

    #[test]
    fn macro_definitions_are_skipped() {
        assert_eq!(
            shown(".de URL\n\\fI\\\\$2\\fP\n..\n.am X\ninner\n.  .\n.ig\nno\n..\nyes"),
            ["yes"]
        );
        // A definition without an end hides nothing.
        assert_eq!(shown(".de A\none\n.de B\ntwo"), ["one", "two"]);
    }

    #[test]
    fn links_are_written_out() {
        let page = "See \\c\n.URL \"https://a.test/\" \"\" \".\"\n.URL \"https://b.test/\" \"here\" \",\"\n.MTO x@a.test me";
        assert_eq!(
            shown(page),
            ["See ", "https://a.test/.", "here <https://b.test/>,", "me <x@a.test>"]
        );
    }

    #[test]
    fn other_requests_and_arguments() {
        assert_eq!(
            shown(
                ".SH \"GENERAL \"\"X\"\" OPTIONS\"\n.PP\n.sp\n.sp -1\n.sp .5v\n\n.br\n.nh\n.ad l\n.XX unknown\n\\&.text"
            ),
            ["# GENERAL \"X\" OPTIONS", "Paragraph", "Space", "Space", "Space", "Break", ".text"]
        );
        assert_eq!(shown(".IP \\(bu 2\nelement"), ["Paragraph", "• ", "element"]);
        assert_eq!(
            arguments(r#" a\ b "c d" "" "never closed"#),
            ["a\\ b", "c d", "", "never closed"]
        );
    }
}
