//! The results of checks, and their output.

use anstyle::{AnsiColor, Style};
use scape::documents::FoundDocument;
use scape::netdoc::{Document, DocumentKind};
use scape::word::Fingerprint;
use serde::Serialize;

use super::trust::Authorities;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;
use crate::base::units;
use crate::commands::doc::input::Place;

/// The result of checking a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The signatures are valid. Contains a remark if there is one, such as the
    /// number of authorities that have signed.
    Valid(Option<String>),
    /// A signature is missing or wrong, or the document is malformed. Contains
    /// the reason.
    Invalid(String),
    /// The document can't be checked, usually because a certificate or another
    /// document is missing. Contains the reason.
    Unchecked(String),
    /// Documents of this kind have no signatures.
    Unsigned,
}

/// A document and the result of its check, as it is printed with `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    /// The path of the file. For an archive, the path of the member follows.
    file: String,
    /// The number of the document in the file or member, counted from 1.
    number: usize,
    /// The kind of the document, such as `server_descriptor`.
    kind: DocumentKind,
    /// The text that identifies the document: the nickname or fingerprint of
    /// its relay, its flavor, or its blinded key. `null` if the document has
    /// none of them.
    subject: Option<String>,
    /// The result: `valid`, `invalid`, `unchecked` or `unsigned`.
    result: &'static str,
    /// The reason why the document is invalid or couldn't be checked, or a
    /// remark about a valid document. `null` if there is nothing to say.
    reason: Option<String>,
}

impl Checked {
    pub(super) fn new(place: &Place, found: &FoundDocument, outcome: Outcome) -> Self {
        let document = found.document().parse().ok();
        let (result, reason) = match outcome {
            Outcome::Valid(remark) => ("valid", remark),
            Outcome::Invalid(reason) => ("invalid", Some(reason)),
            Outcome::Unchecked(reason) => ("unchecked", Some(reason)),
            Outcome::Unsigned => ("unsigned", None),
        };
        Checked {
            file: place.file.clone(),
            number: place.number,
            kind: found.kind().unwrap_or(DocumentKind::Unknown),
            subject: document.as_ref().and_then(subject),
            result,
            reason,
        }
    }

    fn describe(&self) -> String {
        let style = match self.result {
            "valid" => AnsiColor::Green.on_default(),
            "invalid" => AnsiColor::Red.on_default().bold(),
            "unchecked" => AnsiColor::Yellow.on_default(),
            _ => Style::new(),
        };
        let what = format!("{} {}", self.kind, printable(&self.file));
        let mut line =
            format!("{style}{:<10}{style:#}{what}: document {}", self.result, self.number);
        if let Some(subject) = &self.subject {
            line += &format!(" ({})", printable(subject));
        }
        if let Some(reason) = &self.reason {
            line += &format!(": {}", printable(reason));
        }
        line
    }
}

/// The numbers of documents with each result.
#[derive(Debug, Default)]
pub(super) struct Counts {
    valid: usize,
    invalid: usize,
    unchecked: usize,
    unsigned: usize,
    /// True if a document of a kind that needs trusted authorities was counted.
    uses_authorities: bool,
}

impl Counts {
    /// Prints the result for a document, and counts it.
    pub(super) fn print(&mut self, context: &Context, checked: Checked) -> Result<(), Failure> {
        let count = match checked.result {
            "valid" => &mut self.valid,
            "invalid" => &mut self.invalid,
            "unchecked" => &mut self.unchecked,
            _ => &mut self.unsigned,
        };
        *count += 1;
        let kinds = [DocumentKind::Consensus, DocumentKind::Vote, DocumentKind::DetachedSignatures];
        self.uses_authorities |= kinds.contains(&checked.kind);
        match context.out.is_json() {
            true => context.out.value(&checked),
            false => context.out.line(checked.describe()),
        }
    }

    /// Prints the counts on standard error. Also prints the authorities that
    /// were trusted, unless the user specified them.
    pub(super) fn note(&self, context: &Context, authorities: &Authorities) {
        context.out.note(format_args!(
            "{} valid, {} invalid, {} unchecked, {} without signatures",
            self.valid, self.invalid, self.unchecked, self.unsigned
        ));
        if self.uses_authorities && !authorities.are_named && !authorities.fingerprints.is_empty() {
            let names: Vec<String> =
                authorities.fingerprints.iter().map(ToString::to_string).collect();
            context.out.note(format_args!(
                "the authorities of the certificates were trusted, because --authorities isn't \
                 given: {}",
                names.join(", ")
            ));
        }
    }

    /// Returns a failure if no document was counted, or if a document is
    /// invalid or couldn't be checked.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let total = self.valid + self.invalid + self.unchecked + self.unsigned;
        let wrong = self.invalid + self.unchecked;
        match (total, wrong) {
            (0, _) => Err(Failure::failed("the files contain no documents")),
            (_, 0) => Ok(()),
            _ => Err(Failure::failed(format!(
                "{} invalid and {} unchecked of {}",
                self.invalid,
                self.unchecked,
                units::plural(total, "document")
            ))),
        }
    }
}

/// Returns the text that identifies a document for the user, such as the
/// nickname of its relay. Returns `None` if the document contains no such text.
fn subject(document: &Document<'_>) -> Option<String> {
    let fingerprint = |fingerprint: Option<Fingerprint>| fingerprint.map(|it| it.to_string());
    match document {
        Document::ServerDescriptor(descriptor) => {
            descriptor.nickname.map(str::to_owned).or(fingerprint(descriptor.fingerprint))
        }
        Document::ExtraInfo(document) => {
            document.nickname.map(str::to_owned).or(fingerprint(document.fingerprint))
        }
        Document::Consensus(consensus) => Some(consensus.flavor.to_string()),
        Document::Vote(vote) => vote.dir_source.as_ref().map(|source| source.nickname.to_string()),
        Document::KeyCertificate(certificate) => fingerprint(certificate.fingerprint),
        Document::OnionDescriptor(descriptor) => {
            descriptor.blinded_key().map(|key| key.to_string())
        }
        _ => None,
    }
}
