//! Prints directory documents as JSON, one document a line.
//!
//! ```text
//! documents [OPTIONS] PATH…
//!
//!   --kind KIND   the kind of documents without an annotation `@type`, with
//!                 the name that CollecTor uses, such as server-descriptor
//!   --strict      checks everything that the specifications demand
//!   --skipped     reports malformed lines, which aren't part of the JSON
//! ```
//!
//! A PATH is a file, a directory, an archive or a compressed file. `-` is the
//! standard input. The kinds of most documents are recognized. For example,
//! this prints the nicknames of all relays in an archive of CollecTor:
//!
//! ```text
//! cargo run --example documents --features archives,serde \
//!     server-descriptors-2026-11.tar.xz | jq -r .nickname
//! ```
//!
//! Problems are reported on standard error: the file, the number of the
//! document in the file, the line in the document and the reason. With
//! `--strict`, a document with a problem isn't printed. A problem doesn't end
//! the program. The exit status is 1 if a document or a file couldn't be read,
//! and 2 if the arguments are wrong.
#![allow(clippy::print_stderr, reason = "a program for the terminal")]

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use scape::documents::{DocumentReader, FoundDocument};
use scape::netdoc::{Document, DocumentError, DocumentKind, LineProblem, TypeAnnotation};

const USAGE: &str = "usage: documents [--kind KIND] [--strict] [--skipped] PATH…";

fn main() -> ExitCode {
    let Some(options) = Options::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match options.print_all(&mut BufWriter::new(io::stdout().lock())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // The reader of a pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The arguments of the program.
#[derive(Default)]
struct Options {
    /// The kind of documents without an annotation. If `None`, the program
    /// recognizes the kind.
    kind: Option<DocumentKind>,
    /// True if everything that the specifications demand is checked.
    is_strict: bool,
    /// True if malformed lines are reported.
    with_skipped: bool,
    /// The files to read, or `-` for the standard input.
    paths: Vec<String>,
}

impl Options {
    /// Reads the arguments. Returns `None` if they are wrong.
    fn read(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Options::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--kind" => options.kind = Some(kind(&arguments.next()?)?),
                "--strict" => options.is_strict = true,
                "--skipped" => options.with_skipped = true,
                option if option.starts_with('-') && option != "-" => return None,
                _ => options.paths.push(argument),
            }
        }
        (!options.paths.is_empty()).then_some(options)
    }

    fn reader(&self) -> DocumentReader {
        let mut reader = DocumentReader::new();
        if let Some(kind) = self.kind {
            reader = reader.kind(kind);
        }
        for path in &self.paths {
            reader = match path.as_str() {
                "-" => reader.stream("standard input", io::stdin()),
                path => reader.path(path),
            };
        }
        reader
    }

    /// Prints all documents. Returns true if all of them could be read.
    fn print_all(&self, output: &mut impl Write) -> io::Result<bool> {
        let mut place = Place::default();
        let mut is_whole = true;
        for found in self.reader() {
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    eprintln!("{error:?}");
                    is_whole = false;
                    continue;
                }
            };
            place.advance(&found);
            let raw = found.document();
            match if self.is_strict { raw.parse_strict() } else { raw.parse() } {
                Ok(document) => {
                    serde_json::to_writer(&mut *output, &document)?;
                    output.write_all(b"\n")?;
                    if self.with_skipped {
                        skipped(&document).iter().for_each(|error| place.report(error));
                    }
                }
                Err(error) => {
                    place.report(&error);
                    is_whole = false;
                }
            }
        }
        output.flush()?;
        Ok(is_whole)
    }
}

/// Returns the kind of documents that has this name in CollecTor's annotations,
/// such as `server-descriptor 1.0`. The version may be missing. Returns `None`
/// for an unknown name.
fn kind(name: &str) -> Option<DocumentKind> {
    let version = if name.contains(' ') { "" } else { " 1.0" };
    TypeAnnotation::parse(format!("@type {name}{version}").as_bytes())?.kind()
}

/// Returns the malformed lines of a document that was parsed leniently.
fn skipped(document: &Document<'_>) -> Vec<DocumentError> {
    let mut all = document.skipped().into_owned();
    // The entries of relays have lines of their own.
    let relays = match document {
        Document::Consensus(consensus) => consensus.relays(),
        Document::Vote(vote) => vote.relays(),
        Document::BridgeNetworkStatus(status) => status.bridges(),
        Document::NetworkStatusV2(status) => status.relays(),
        _ => return all,
    };
    all.extend(relays.strict().filter_map(Result::err));
    all
}

/// The place of the document that was read last: the file, with the member if
/// it is an archive, and the number of the document in the file.
#[derive(Default)]
struct Place {
    file: String,
    number: usize,
}

impl Place {
    fn advance(&mut self, found: &FoundDocument) {
        let mut file = found.path().display().to_string();
        if let Some(member) = found.member() {
            file = format!("{file}: {}", member.display());
        }
        if file == self.file {
            self.number += 1;
        } else {
            *self = Place { file, number: 1 };
        }
    }

    fn report(&self, error: &DocumentError) {
        eprintln!("{self}{}", Reason(error));
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: document {}", self.file, self.number)
    }
}

/// A wrapper that displays the line of an error and the reason.
struct Reason<'a>(&'a DocumentError);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reason(error) = self;
        match (error.problem(), error.line()) {
            (LineProblem::Start, _) | (_, None) => write!(f, ": {error}"),
            (problem, Some(line)) => write!(f, ", line {line} ({}): {problem}", error.keyword()),
        }
    }
}
