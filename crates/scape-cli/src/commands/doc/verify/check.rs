//! Checks the signatures of one document.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use scape::netdoc::onion::{BlindedPublicKey, OnionDescriptor, TimePeriod};
use scape::netdoc::{
    Consensus, DetachedSignatures, Document, ExtraInfo, KeyCertificate, ServerDescriptor,
    VerifyError, Vote,
};
use scape::word::{Fingerprint, OnionAddress};

use super::outcome::Outcome;
use super::trust::Authorities;

/// The interval between two votes in the public network.
const VOTING_INTERVAL: Duration = Duration::from_secs(3_600);
/// The number of time periods in which the key of an onion service descriptor
/// is searched: the period in which the key's certificate expires, and those
/// before it. More aren't needed, because the certificate is valid for 54
/// hours.
const PERIODS: usize = 5;

/// The server descriptors that were read, as text, by the fingerprint of the
/// relay. One descriptor of each relay is enough, because the relay's keys stay
/// the same.
#[derive(Debug, Default)]
pub(super) struct Descriptors(HashMap<Fingerprint, Vec<u8>>);

impl Descriptors {
    pub(super) fn knows(&self, relay: Option<Fingerprint>) -> bool {
        relay.is_some_and(|relay| self.0.contains_key(&relay))
    }

    pub(super) fn add(&mut self, text: &[u8]) {
        let Ok(descriptor) = ServerDescriptor::parse(text) else { return };
        // A descriptor whose keys are forged must not replace a valid one.
        let (Some(fingerprint), Some(at)) = (descriptor.fingerprint, descriptor.published) else {
            return;
        };
        if descriptor.verify(at).is_ok() {
            self.0.entry(fingerprint).or_insert_with(|| text.to_vec());
        }
    }
}

/// The keys that signatures are checked with, and the options of the check.
#[derive(Debug)]
pub(super) struct Check<'a> {
    pub(super) certificates: &'a [KeyCertificate<'a>],
    pub(super) authorities: &'a Authorities,
    pub(super) descriptors: &'a Descriptors,
    pub(super) address: Option<OnionAddress>,
    pub(super) now: bool,
}

impl Check<'_> {
    /// Checks the signatures of a document.
    pub(super) fn outcome(&self, document: &Document<'_>) -> Outcome {
        match document {
            Document::Consensus(consensus) => self.consensus(consensus),
            Document::Vote(vote) => self.vote(vote),
            Document::DetachedSignatures(signatures) => self.detached(signatures),
            Document::ServerDescriptor(descriptor) => self.server_descriptor(descriptor),
            Document::ExtraInfo(document) => self.extra_info(document),
            Document::KeyCertificate(certificate) => self.certificate(certificate),
            Document::OnionDescriptor(descriptor) => self.onion(descriptor),
            Document::NetworkStatusV2(_) | Document::OnionDescriptorV2(_) => {
                Outcome::Unchecked("signatures of this old kind can't be checked".into())
            }
            _ => Outcome::Unsigned,
        }
    }

    /// Returns the time at which a document must be valid: `own`, the time when
    /// the document was made. With `--now`, or if `own` is `None`, this is the
    /// present time.
    fn at(&self, own: Option<SystemTime>) -> SystemTime {
        match own {
            Some(own) if !self.now => own,
            _ => SystemTime::now(),
        }
    }

    fn consensus(&self, consensus: &Consensus<'_>) -> Outcome {
        if self.certificates.is_empty() {
            return Outcome::Unchecked(NO_CERTIFICATES.into());
        }
        let at = self.at(consensus.valid_after);
        let known = &self.authorities.fingerprints;
        let verify = |known: &[Fingerprint]| consensus.verify(self.certificates, known, at);
        let has_signed = |authority: &&Fingerprint| verify(&[**authority]).is_ok();
        let signers = known.iter().filter(has_signed).count();
        let remark = format!("{signers} of {} authorities have signed", known.len());
        of(verify(known), Some(self.with_trust(remark)))
    }

    fn vote(&self, vote: &Vote<'_>) -> Outcome {
        let at = self.at(vote.valid_after);
        if !self.authorities.fingerprints.is_empty() {
            let remark = "signed by one of the authorities".to_owned();
            let result = vote.verify(&self.authorities.fingerprints, at);
            return of(result, Some(self.with_trust(remark)));
        }
        // The signature can be checked with the certificate in the vote.
        let Some(own) = vote.dir_source.as_ref().map(|source| source.identity) else {
            return Outcome::Invalid("dir-source: the line is missing or malformed".into());
        };
        match vote.verify(&[own], at) {
            Ok(()) => Outcome::Unchecked(format!(
                "signed by {own}, but no authority is known: use --authorities or --certificates"
            )),
            Err(error) => Outcome::Invalid(error.to_string()),
        }
    }

    fn detached(&self, signatures: &DetachedSignatures<'_>) -> Outcome {
        if self.certificates.is_empty() {
            return Outcome::Unchecked(NO_CERTIFICATES.into());
        }
        let at = self.at(signatures.valid_after);
        let known = &self.authorities.fingerprints;
        let remark = self.with_trust(format!("signed by enough of {} authorities", known.len()));
        of(signatures.verify(self.certificates, known, at), Some(remark))
    }

    /// Adds a note to the remark if the authorities are only those of the
    /// certificates, not specified by the user. The user should know, because
    /// anybody can make certificates.
    fn with_trust(&self, remark: String) -> String {
        match self.authorities.are_named {
            true => remark,
            false => format!(
                "{remark}; the authorities are those of the certificates: specify them with --authorities"
            ),
        }
    }

    fn server_descriptor(&self, descriptor: &ServerDescriptor<'_>) -> Outcome {
        match descriptor.is_sanitized() {
            true => Outcome::Unsigned,
            false => of(descriptor.verify(self.at(descriptor.published)), None),
        }
    }

    fn extra_info(&self, document: &ExtraInfo<'_>) -> Outcome {
        if document.is_sanitized() {
            return Outcome::Unsigned;
        }
        let text = document.fingerprint.and_then(|relay| self.descriptors.0.get(&relay));
        match text.map(|text| ServerDescriptor::parse(text)) {
            Some(Ok(relay)) => of(document.verify(&relay, self.at(document.published)), None),
            _ => Outcome::Unchecked(
                "the files contain no valid server descriptor of this relay: add one".into(),
            ),
        }
    }

    fn certificate(&self, certificate: &KeyCertificate<'_>) -> Outcome {
        let is_known = certificate
            .fingerprint
            .is_some_and(|authority| self.authorities.fingerprints.contains(&authority));
        match certificate.verify(self.at(certificate.published)) {
            Ok(()) if self.authorities.are_named && !is_known => {
                Outcome::Invalid("fingerprint: not one of the authorities".into())
            }
            result => of(result, None),
        }
    }

    fn onion(&self, descriptor: &OnionDescriptor<'_>) -> Outcome {
        let expires = descriptor.signing_key_cert.as_ref().map(|certificate| certificate.expires());
        let Some(key) = descriptor.blinded_key() else {
            return Outcome::Invalid("the descriptor has no blinded key".into());
        };
        let remark = match &self.address {
            None => {
                "made by the key in the descriptor; use --address to check whose key it is".into()
            }
            Some(address) if is_key_of(address, &key, expires) => format!("made by {address}"),
            Some(address) => {
                return Outcome::Invalid(format!(
                    "the key doesn't belong to {address} at that time"
                ));
            }
        };
        of(descriptor.verify(&key, self.at(expires)), Some(remark))
    }
}

const NO_CERTIFICATES: &str =
    "there are no certificates of authorities: use --certificates, or add their file";

/// Returns true if `key` is the blinded key of the service at `address` in one
/// of the last [`PERIODS`] time periods up to `expires`, when the key's
/// certificate expires.
fn is_key_of(address: &OnionAddress, key: &BlindedPublicKey, expires: Option<SystemTime>) -> bool {
    let Some(expires) = expires else { return false };
    let last = TimePeriod::at(expires, TimePeriod::DEFAULT_MINUTES, VOTING_INTERVAL);
    let mut periods = std::iter::successors(Some(last), |period| Some(period.previous()));
    periods.by_ref().take(PERIODS).any(|period| BlindedPublicKey::new(address, period) == *key)
}

fn of(result: Result<(), VerifyError>, remark: Option<String>) -> Outcome {
    match result {
        Ok(()) => Outcome::Valid(remark),
        Err(error) => Outcome::Invalid(error.to_string()),
    }
}
