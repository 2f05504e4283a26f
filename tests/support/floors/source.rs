//! What one file names.

use super::tokens::{Token, tokens};

/// What a file names, outside its tests.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) named: Vec<Named>,
    /// Sockets, clocks and threads: where, and what.
    pub(crate) io: Vec<(usize, String)>,
    /// The modules that are declared, with a file of their own, for tests only.
    pub(crate) test_modules: Vec<String>,
}

/// A path, in a `use` or in code.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) line: usize,
    /// As written: `crate`, `self`, `super` and names.
    pub(crate) path: Vec<String>,
    /// The modules within the file that it stands in.
    pub(crate) inside: Vec<String>,
    /// Whether it is a `pub use` (also `pub(crate) use`), by which the module
    /// passes the name on.
    pub(crate) passed_on: bool,
    /// The name that a `use` gives to it.
    pub(crate) name: String,
}

impl Source {
    pub(crate) fn read(text: &str) -> Source {
        let tokens = tokens(text);
        let mut reader =
            Reader { tokens: &tokens, at: 0, inside: Vec::new(), found: Source::default() };
        reader.read();
        reader.found
    }
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    /// The modules around, and the depth of braces at which each ends.
    inside: Vec<(String, usize)>,
    found: Source,
}

impl<'a> Reader<'a> {
    fn text(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |token| token.line)
    }

    fn read(&mut self) {
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match (self.text(0), self.text(1)) {
                ("#", "[") => {
                    if self.attribute_is_of_tests(1) {
                        self.skip_item();
                    }
                }
                ("#", "!") if self.text(2) == "[" => {
                    if self.attribute_is_of_tests(2) {
                        self.found = Source::default();
                        return;
                    }
                }
                ("use", _) => self.read_use(),
                ("mod", name) if self.text(2) == "{" => {
                    self.inside.push((name.to_owned(), depth));
                    depth += 1;
                    self.at += 3;
                }
                ("{", _) => {
                    depth += 1;
                    self.at += 1;
                }
                ("}", _) => {
                    depth = depth.saturating_sub(1);
                    if self.inside.last().is_some_and(|(_, begun)| *begun == depth) {
                        self.inside.pop();
                    }
                    self.at += 1;
                }
                (word, "::") if starts_a_name(word) => self.read_path(),
                (word, _) => {
                    self.look_for_io(&[word.to_owned()], self.line());
                    self.at += 1;
                }
            }
        }
    }

    /// Passes the attribute whose `[` is `ahead`; whether it is a `cfg` that
    /// only tests fulfil.
    fn attribute_is_of_tests(&mut self, ahead: usize) -> bool {
        self.at += ahead;
        let words: Vec<&str> = self.group().iter().map(|token| token.text).collect();
        words.get(1) == Some(&"cfg")
            && words.contains(&"test")
            && !words.contains(&"not")
            && !words.contains(&"any")
    }

    /// Passes what is bracketed from here on.
    fn group(&mut self) -> &'a [Token<'a>] {
        let begin = self.at;
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match self.text(0) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        &self.tokens[begin..self.at]
    }

    /// Passes an item with its attributes: up to its `;`, or its block.
    fn skip_item(&mut self) {
        let mut is_use = false;
        while self.at < self.tokens.len() {
            match (self.text(0), self.text(1)) {
                (";", _) => {
                    self.at += 1;
                    return;
                }
                // The end of what is around, after a last item without `;`.
                ("}", _) => return,
                ("mod", name) if self.text(2) == ";" => {
                    self.found.test_modules.push(name.to_owned());
                    self.at += 1;
                }
                ("{", _) if !is_use => {
                    self.group();
                    return;
                }
                ("(" | "[" | "{", _) => {
                    self.group();
                }
                (word, _) => {
                    is_use |= word == "use";
                    self.at += 1;
                }
            }
        }
    }

    fn read_use(&mut self) {
        let before = self.at.checked_sub(1).map_or("", |at| self.tokens[at].text);
        // `pub use`, `pub(crate) use`; and not the `use<..>` of a type.
        let passed_on = matches!(before, "pub" | ")");
        self.at += 1;
        if self.text(0) == "<" {
            return;
        }
        self.read_tree(&mut Vec::new(), passed_on);
    }

    /// One branch of a `use`, whose beginning is `stem`.
    fn read_tree(&mut self, stem: &mut Vec<String>, passed_on: bool) {
        let length = stem.len();
        loop {
            match self.text(0) {
                "{" => {
                    self.at += 1;
                    while self.at < self.tokens.len() && self.text(0) != "}" {
                        self.read_tree(stem, passed_on);
                        if self.text(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    break;
                }
                "::" => self.at += 1,
                word => {
                    let line = self.line();
                    self.at += 1;
                    // `a::{self}` and `a::*` name `a`.
                    if word != "*" && (word != "self" || stem.is_empty()) {
                        stem.push(word.to_owned());
                    }
                    if self.text(0) == "::" {
                        continue;
                    }
                    let mut name = stem.last().cloned().unwrap_or_default();
                    if self.text(0) == "as" {
                        name = self.text(1).to_owned();
                        self.at += 2;
                    }
                    self.found_path(stem.clone(), line, passed_on, name);
                    break;
                }
            }
        }
        stem.truncate(length);
    }

    /// A path in code.
    fn read_path(&mut self) {
        let line = self.line();
        let mut path = vec![self.text(0).to_owned()];
        self.at += 1;
        while self.text(0) == "::" && starts_a_name(self.text(1)) {
            path.push(self.text(1).to_owned());
            self.at += 2;
        }
        self.found_path(path, line, false, String::new());
    }

    fn found_path(&mut self, path: Vec<String>, line: usize, passed_on: bool, name: String) {
        self.look_for_io(&path, line);
        let inside = self.inside.iter().map(|(module, _)| module.clone()).collect();
        self.found.named.push(Named { line, path, inside, passed_on, name });
    }

    fn look_for_io(&mut self, path: &[String], line: usize) {
        let has = |segments: [&str; 2]| path.windows(2).any(|pair| pair == segments);
        let socket = path.iter().find(|word| {
            ["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener", "UnixDatagram"]
                .contains(&word.as_str())
        });
        if let Some(socket) = socket {
            self.found.io.push((line, format!("{socket} is a socket")));
        } else if has(["std", "thread"]) {
            self.found.io.push((line, "std::thread starts or stops threads".to_owned()));
        } else if has(["Instant", "now"]) || has(["SystemTime", "now"]) {
            self.found.io.push((line, format!("{} reads the clock", path.join("::"))));
        }
    }
}

fn starts_a_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
