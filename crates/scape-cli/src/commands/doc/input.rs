//! Reads documents from files, and reports those that can't be read.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use scape::documents::{DocumentReader, FoundDocument};
use scape::netdoc::{Document, DocumentError, DocumentKind, LineProblem, TypeAnnotation};

use super::stdin::Stdin;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::{print_error, printable_lines};

/// The arguments with which the user specifies the documents.
#[derive(Debug, Args)]
pub(super) struct Input {
    /// Files, folders, archives or compressed files. - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The kind of documents without an @type annotation, by CollecTor's name,
    /// such as server-descriptor
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<DocumentKind>,
}

/// Parses CollecTor's name for a kind of documents. A version may follow, as in
/// `server-descriptor 1.0`.
fn kind(name: &str) -> Result<DocumentKind, String> {
    let version = if name.contains(' ') { "" } else { " 1.0" };
    let annotation = TypeAnnotation::parse(format!("@type {name}{version}").as_bytes());
    annotation.and_then(|annotation| annotation.kind()).ok_or_else(|| {
        "expected a name that CollecTor uses: server-descriptor, extra-info, microdescriptor, \
         network-status-consensus-3, network-status-vote-3 or dir-key-certificate-3"
            .into()
    })
}

impl Input {
    /// Calls `each` for every document that can be read. Reports the other
    /// documents and files on standard error, and returns their number.
    pub(super) fn read(
        &self,
        context: &Context,
        mut each: impl FnMut(&Place, FoundDocument) -> Result<(), Failure>,
    ) -> Result<Unread, Failure> {
        let mut place = Place::default();
        let mut unread = Unread::default();
        for found in reader(context, &self.files, self.kind) {
            context.check_interrupt()?;
            match found {
                Ok(found) => {
                    place.advance(&found);
                    each(&place, found)?;
                }
                Err(error) => {
                    context.check_interrupt()?;
                    unread.report(&Failure::from(error).message);
                }
            }
        }
        Ok(unread)
    }
}

/// Returns a reader of the documents in these files. The path `-` means
/// standard input. `kind` is the kind of the documents without an annotation
/// `@type`. If `kind` is `None`, the reader recognizes the kind by the content.
pub(super) fn reader(
    context: &Context,
    files: &[PathBuf],
    kind: Option<DocumentKind>,
) -> DocumentReader {
    let mut reader = DocumentReader::new().cancel_with(&context.token);
    if let Some(kind) = kind {
        reader = reader.kind(kind);
    }
    for file in files {
        reader = match file == Path::new("-") {
            true => reader.stream("standard input", Stdin::new(context.token.clone())),
            false => reader.path(file),
        };
    }
    reader
}

/// The number of documents and files that couldn't be read. Each of them was
/// reported on standard error.
#[derive(Debug, Default)]
pub(super) struct Unread(usize);

impl Unread {
    pub(super) fn report(&mut self, message: &str) {
        print_error(printable_lines(message));
        self.0 += 1;
    }

    pub(super) fn add(&mut self, other: Unread) {
        self.0 += other.0;
    }

    /// Returns a failure unless everything could be read.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.0 {
            0 => Ok(()),
            1 => Err(Failure::failed("1 document or file could not be read")),
            count => Err(Failure::failed(format!("{count} documents or files could not be read"))),
        }
    }
}

/// The place of a document for messages: the file, the member if the file is an
/// archive, and the number of the document within the file or member, counted
/// from 1.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) number: usize,
}

impl Place {
    fn advance(&mut self, found: &FoundDocument) {
        let mut file = found.path().display().to_string();
        if let Some(member) = found.member() {
            file = format!("{file}: {}", member.display());
        }
        match file == self.file {
            true => self.number += 1,
            false => *self = Place { file, number: 1 },
        }
    }

    /// Returns the message about an error in the document at this place.
    pub(super) fn problem(&self, error: &DocumentError) -> String {
        match (error.problem(), error.line()) {
            (LineProblem::Start, _) | (_, None) => format!("{self}: {error}"),
            (problem, Some(line)) => {
                format!("{self}, line {line} ({}): {problem}", error.keyword())
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: document {}", self.file, self.number)
    }
}

/// Returns the malformed lines of a document that was parsed leniently,
/// including lines in the entries of relays.
pub(super) fn skipped(document: &Document<'_>) -> Vec<DocumentError> {
    let mut all = document.skipped().into_owned();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_names_of_collector() {
        assert_eq!(kind("server-descriptor"), Ok(DocumentKind::ServerDescriptor));
        assert_eq!(kind("microdescriptor 1.0"), Ok(DocumentKind::Microdescriptor));
        assert!(kind("nonsense").is_err());
    }
}
