//! Reads the recorded conversations with tor in `tests/data/transcripts`. The
//! README in that folder describes their format.

use std::fs;
use std::path::{Path, PathBuf};

/// A transcript file, which contains a recorded conversation with tor.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// The file's name, without `.txt`.
    pub(crate) name: String,
    pub(crate) exchanges: Vec<Exchange>,
}

/// Commands that were sent without waiting for replies, and everything that tor
/// sent until the next command or remark in the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// The remarks above the exchange, which explain it to readers of the file.
    pub(crate) remarks: Vec<String>,
    /// The sent lines, each with its line end.
    pub(crate) sent: Vec<Vec<u8>>,
    /// A description in place of sent bytes that are too long to be recorded.
    pub(crate) sent_in_words: Option<String>,
    /// The bytes of the control protocol that tor sent.
    pub(crate) received: Vec<u8>,
    /// The bytes that tor sent in another protocol than the control protocol.
    pub(crate) foreign: Vec<u8>,
    /// Text that did not come over the control connection: a file, standard
    /// output, or tor's log.
    pub(crate) aside: String,
    /// A description of the connection's end: `EOF` or `EOF, exit status 1`.
    /// `None` if the connection stayed open.
    pub(crate) end: Option<String>,
}

impl Transcript {
    /// Loads the file `name` (without `.txt`) of `tests/data/transcripts`.
    pub(crate) fn load(name: &str) -> Transcript {
        let path = folder().join(format!("{name}.txt"));
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Transcript::parse(name, &text)
    }

    /// Loads every file in the folder, sorted by name.
    pub(crate) fn load_all() -> Vec<Transcript> {
        let mut names: Vec<String> = fs::read_dir(folder())
            .expect("tests/data/transcripts can be listed")
            .filter_map(|entry| {
                let name =
                    entry.expect("an entry").file_name().into_string().expect("a UTF-8 name");
                name.strip_suffix(".txt").map(str::to_owned)
            })
            .collect();
        names.sort();
        names.iter().map(|name| Transcript::load(name)).collect()
    }

    /// Returns all received control protocol bytes of this file, in order.
    pub(crate) fn received(&self) -> Vec<u8> {
        self.exchanges.iter().flat_map(|exchange| &exchange.received).copied().collect()
    }

    /// Returns the first exchange with a first sent line that begins with
    /// `command`.
    pub(crate) fn exchange(&self, command: &str) -> &Exchange {
        let starts = |exchange: &&Exchange| {
            exchange.sent.first().is_some_and(|line| line.starts_with(command.as_bytes()))
        };
        self.exchanges
            .iter()
            .find(starts)
            .unwrap_or_else(|| panic!("{}: no {command:?}", self.name))
    }

    /// Parses the text of a transcript file. Panics with the line number if a
    /// line is malformed.
    pub(crate) fn parse(name: &str, text: &str) -> Transcript {
        let mut exchanges = vec![Exchange::default()];
        for (number, line) in text.lines().enumerate() {
            let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
            let bytes = || unescape(rest).unwrap_or_else(|e| panic!("{name}:{}: {e}", number + 1));
            if matches!(mark, "#" | ">" | ">=" | ">~") {
                let begins_anew = |last: &Exchange| match mark {
                    "#" => last.has_commands() || last.has_answers(),
                    _ => last.has_answers(),
                };
                if exchanges.last().is_some_and(begins_anew) {
                    exchanges.push(Exchange::default());
                }
            }
            let exchange = exchanges.last_mut().expect("there is always one");
            match mark {
                "#" => exchange.remarks.push(rest.to_owned()),
                ">" => exchange.sent.push(wire(rest)),
                ">=" => exchange.sent.push(bytes()),
                ">~" => exchange.sent_in_words = Some(rest.to_owned()),
                "<" => exchange.received.extend(wire(rest)),
                "<=" => exchange.received.extend(bytes()),
                "<!" => exchange.foreign.extend(bytes()),
                "|" => {
                    exchange.aside.push_str(rest);
                    exchange.aside.push('\n');
                }
                "!" => exchange.end = Some(rest.to_owned()),
                _ => panic!("{name}:{}: no line of a transcript begins with {mark:?}", number + 1),
            }
        }
        Transcript { name: name.to_owned(), exchanges }
    }
}

impl Exchange {
    /// Returns the lines that were sent, without their line ends.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &str> {
        self.sent.iter().map(|line| {
            std::str::from_utf8(line)
                .expect("a command that is text")
                .trim_end_matches(['\r', '\n'])
        })
    }

    fn has_commands(&self) -> bool {
        !self.sent.is_empty() || self.sent_in_words.is_some()
    }

    fn has_answers(&self) -> bool {
        !self.received.is_empty()
            || !self.foreign.is_empty()
            || !self.aside.is_empty()
            || self.end.is_some()
    }
}

/// Returns the folder of the transcripts. It is in `scape-proto`, and tests of
/// `scape` read it too.
fn folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = package.join("tests/data/transcripts");
    if own.exists() { own } else { package.join("crates/scape-proto/tests/data/transcripts") }
}

/// Returns the bytes of a sent or received line: the text with CRLF at the end.
fn wire(line: &str) -> Vec<u8> {
    [line.as_bytes(), b"\r\n"].concat()
}

/// Replaces the escapes `\r \n \t \\ \xNN` by the bytes that they stand for.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                hex::decode(&digits)
                    .ok()
                    .and_then(|bytes| bytes.first().copied())
                    .ok_or("a bad \\x")?
            }
            other => return Err(format!("a bad escape, {:?}", other.map(char::from))),
        });
    }
    Ok(bytes)
}
