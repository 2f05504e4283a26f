//! `scape doc verify` checks the signatures of documents.
//!
//! `trust.rs` contains the certificates and the trusted authorities. `check.rs`
//! checks a document. `outcome.rs` contains the results, and prints them.

mod check;
mod outcome;
mod trust;

use std::path::PathBuf;

use clap::Args;
use scape::documents::FoundDocument;
use scape::netdoc::{Document, DocumentKind, KeyCertificate};
use scape::word::{Fingerprint, OnionAddress};

use self::check::{Check, Descriptors};
use self::outcome::{Checked, Counts, Outcome};
use self::trust::{Authorities, Certificates};
use super::input::{Input, Place};
use crate::base::context::Context;
use crate::base::failure::Failure;

/// Check the signatures of documents
///
/// Consensuses, votes and detached signatures are checked with the certificates
/// of the authorities. Server descriptors and certificates contain the keys
/// that they are checked with. An extra-info document is checked with the
/// server descriptor of the same relay, which must be among the files. Other
/// kinds have no signatures.
///
/// Each document is checked for the time when it was made, unless --now is
/// given. The exit code is 1 if a document is invalid or can't be checked.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// A file with the certificates of authorities, such as tor's cached-certs.
    /// Default: the certificates in the files that are checked
    #[arg(long, value_name = "FILE")]
    certificates: Vec<PathBuf>,

    /// The fingerprints of the authorities that you trust, separated by commas.
    /// Can be repeated. Default: the authorities of all certificates
    #[arg(long, value_name = "FINGERPRINT", value_delimiter = ',')]
    authorities: Vec<Fingerprint>,

    /// The address of the onion service whose descriptors are checked. Default:
    /// the key in the descriptor is trusted
    #[arg(long, value_name = "ADDRESS")]
    address: Option<OnionAddress>,

    /// Check that documents are valid now, not only when they were made
    #[arg(long)]
    now: bool,
}

/// The documents that can only be checked after all files were read.
type Waiting = Vec<(Place, FoundDocument)>;

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let given = Certificates::read(context, &self.certificates)?;
        let certificates = given.parse();
        let authorities = Authorities::new(&self.authorities, &certificates);
        // Without --certificates, the certificates among the documents are
        // used.
        let collects = self.certificates.is_empty();
        let mut collected = Certificates::default();
        let mut descriptors = Descriptors::default();
        let mut waiting = Waiting::new();
        let mut counts = Counts::default();
        let unread = self.input.read(context, |place, found| {
            if found.kind() == Some(DocumentKind::KeyCertificate) && collects {
                collected.add(found.text());
            }
            if must_wait(&found, collects, &descriptors) {
                waiting.push((place.clone(), found));
                return Ok(());
            }
            let check = self.check(&certificates, &authorities, &descriptors);
            let outcome = outcome(&check, &found);
            if found.kind() == Some(DocumentKind::ServerDescriptor) {
                descriptors.add(found.text());
            }
            counts.print(context, Checked::new(place, &found, outcome))
        })?;
        let certificates = if collects { collected.parse() } else { certificates };
        let authorities = Authorities::new(&self.authorities, &certificates);
        let check = self.check(&certificates, &authorities, &descriptors);
        for (place, found) in &waiting {
            context.check_interrupt()?;
            counts.print(context, Checked::new(place, found, outcome(&check, found)))?;
        }
        counts.note(context, &authorities);
        unread.check()?;
        counts.check()
    }

    fn check<'a>(
        &self,
        certificates: &'a [KeyCertificate<'a>],
        authorities: &'a Authorities,
        descriptors: &'a Descriptors,
    ) -> Check<'a> {
        Check { certificates, authorities, descriptors, address: self.address, now: self.now }
    }
}

/// Returns true if a document must be checked after all files were read,
/// because it needs other documents. `collects` is true if certificates are
/// taken from the files that are checked.
fn must_wait(found: &FoundDocument, collects: bool, descriptors: &Descriptors) -> bool {
    match found.kind() {
        Some(DocumentKind::ExtraInfo) => match found.document().parse() {
            Ok(Document::ExtraInfo(document)) => {
                !document.is_sanitized() && !descriptors.knows(document.fingerprint)
            }
            _ => false,
        },
        Some(DocumentKind::Consensus | DocumentKind::Vote | DocumentKind::DetachedSignatures) => {
            collects
        }
        _ => false,
    }
}

fn outcome(check: &Check<'_>, found: &FoundDocument) -> Outcome {
    match found.document().parse() {
        Ok(document) => check.outcome(&document),
        Err(error) if found.kind().is_none_or(|kind| kind == DocumentKind::Unknown) => {
            Outcome::Unchecked(error.to_string())
        }
        Err(error) => Outcome::Invalid(error.to_string()),
    }
}
