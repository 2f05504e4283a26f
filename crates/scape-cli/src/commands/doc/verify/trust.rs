//! The certificates of authorities, and the authorities that are trusted.

use std::collections::BTreeSet;
use std::path::PathBuf;

use scape::netdoc::{DocumentKind, KeyCertificate};
use scape::word::Fingerprint;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::commands::doc::input::reader;

/// The certificates of authorities, each as the text from a file.
#[derive(Debug, Default)]
pub(super) struct Certificates(Vec<Vec<u8>>);

impl Certificates {
    /// Reads the certificates in the files of `--certificates`. Returns a
    /// failure if they contain no certificate.
    pub(super) fn read(context: &Context, files: &[PathBuf]) -> Result<Self, Failure> {
        let mut certificates = Certificates::default();
        if files.is_empty() {
            return Ok(certificates);
        }
        for found in reader(context, files, None) {
            context.check_interrupt()?;
            let found = found?;
            if found.kind() == Some(DocumentKind::KeyCertificate) {
                certificates.add(found.text());
            }
        }
        match certificates.0.is_empty() {
            true => Err(Failure::failed("the files of --certificates contain no certificate")),
            false => Ok(certificates),
        }
    }

    pub(super) fn add(&mut self, text: &[u8]) {
        self.0.push(text.to_vec());
    }

    pub(super) fn parse(&self) -> Vec<KeyCertificate<'_>> {
        self.0.iter().flat_map(|text| KeyCertificate::parse_all(text)).collect()
    }
}

/// The directory authorities that are trusted.
#[derive(Debug)]
pub(super) struct Authorities {
    pub(super) fingerprints: Vec<Fingerprint>,
    /// True if the user specified the authorities.
    pub(super) are_named: bool,
}

impl Authorities {
    /// Returns the authorities in `named`, which the user specified. If it is
    /// empty, trusts all authorities that have a certificate.
    pub(super) fn new(named: &[Fingerprint], certificates: &[KeyCertificate<'_>]) -> Self {
        let fingerprints: BTreeSet<Fingerprint> = match named {
            [] => certificates.iter().filter_map(|certificate| certificate.fingerprint).collect(),
            named => named.iter().copied().collect(),
        };
        let fingerprints = fingerprints.into_iter().collect();
        Authorities { fingerprints, are_named: !named.is_empty() }
    }
}
