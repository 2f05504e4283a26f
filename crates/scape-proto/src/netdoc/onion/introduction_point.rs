//! Introduction points: rend-spec-v3, "Second layer plaintext format".

use std::fmt;

use data_encoding::HEXUPPER;

use super::LinkSpecifier;
use crate::netdoc::item::Arguments;
use crate::netdoc::rules::{self, Depth, Rule, Rules};
use crate::netdoc::value::{base64_bytes, certificate, key};
use crate::netdoc::{
    CertificateType, DocumentError, DocumentKind, Ed25519Certificate, Item, LineProblem,
};

/// A relay through which clients can contact an onion service: rend-spec-v3,
/// "Second layer plaintext format".
///
/// ```
/// use scape_proto::netdoc::onion::{LinkSpecifier, SecondLayer};
///
/// let layer = SecondLayer::parse(b"create2-formats 2\nintroduction-point AQAGwAACASMp\n")?;
/// let point = &layer.introduction_points[0];
/// assert_eq!(point.link_specifiers, [LinkSpecifier::Ipv4("192.0.2.1:9001".parse()?)]);
/// assert_eq!(point.onion_key, None); // The line is missing.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "IntroductionPointV3")]
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntroductionPoint {
    /// The relay's addresses and identities. Empty if they are missing or
    /// malformed.
    pub link_specifiers: Vec<LinkSpecifier>,
    /// The relay's key for the ntor handshake (Curve25519).
    pub onion_key: Option<[u8; 32]>,
    /// The certificate of the key that identifies the service at the relay.
    pub auth_key_cert: Option<Ed25519Certificate>,
    /// The key with which clients encrypt their introductions (Curve25519).
    pub enc_key: Option<[u8; 32]>,
    /// The certificate of `enc_key`.
    pub enc_key_cert: Option<Ed25519Certificate>,
    /// The RSA key for relays with tor 0.2.9 and older, in ASN.1 (DER).
    /// Obsolete.
    pub legacy_key: Option<Box<[u8]>>,
    /// The certificate of `legacy_key`. Obsolete.
    pub legacy_key_cert: Option<Box<[u8]>>,
}

static RULES: Rules = Rules {
    document: DocumentKind::IntroductionPoint,
    lines: &[
        Rule::once("introduction-point"),
        Rule::at_least_once("onion-key"),
        Rule::once("auth-key").object("ED25519 CERT"),
        Rule::at_least_once("enc-key"),
        Rule::once("enc-key-cert").object("ED25519 CERT"),
        Rule::at_most_once("legacy-key").object("RSA PUBLIC KEY"),
        Rule::at_most_once("legacy-key-cert").object("CROSSCERT"),
    ],
    ordered: false,
};

impl IntroductionPoint {
    /// Returns the key that identifies the service at the introduction point.
    /// Returns `None` if its certificate is missing or malformed.
    pub fn auth_key(&self) -> Option<&[u8; 32]> {
        self.auth_key_cert.as_ref().map(Ed25519Certificate::certified_key)
    }

    /// Reads a text that begins with a line `introduction-point`. Returns the
    /// introduction point and the lines that were skipped.
    pub(super) fn read_text(
        text: &[u8],
        depth: Depth,
    ) -> Result<(Self, Vec<DocumentError>), DocumentError> {
        let mut point = IntroductionPoint {
            link_specifiers: Vec::new(),
            onion_key: None,
            auth_key_cert: None,
            enc_key: None,
            enc_key_cert: None,
            legacy_key: None,
            legacy_key_cert: None,
        };
        let skipped = rules::read(&RULES, text, depth, |item| point.read_item(item, depth))?;
        if depth == Depth::Strict {
            point.check_whole()?;
        }
        Ok((point, skipped))
    }

    fn read_item(&mut self, item: &Item<'_>, depth: Depth) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"introduction-point" => {
                const FORM: &str = "the link specifiers must be a list in base64";
                let list = LinkSpecifier::parse_list(&base64_bytes(&mut words, FORM)?);
                self.link_specifiers = list.ok_or(LineProblem::Value(FORM))?;
            }
            b"onion-key" => set_key(&mut self.onion_key, ntor_key(&mut words)?)?,
            b"enc-key" => set_key(&mut self.enc_key, ntor_key(&mut words)?)?,
            b"auth-key" => {
                let certificate = certificate(item)?;
                if depth == Depth::Strict {
                    check_type(&certificate, CertificateType::IntroductionAuthentication)?;
                }
                self.auth_key_cert = Some(certificate);
            }
            b"enc-key-cert" => {
                let certificate = certificate(item)?;
                if depth == Depth::Strict {
                    check_type(&certificate, CertificateType::IntroductionEncryption)?;
                }
                self.enc_key_cert = Some(certificate);
            }
            b"legacy-key" => self.legacy_key = Some(decode_object(item)?),
            b"legacy-key-cert" => self.legacy_key_cert = Some(decode_object(item)?),
            _ => {}
        }
        Ok(())
    }

    /// Checks the rules of rend-spec-v3 that concern several lines.
    fn check_whole(&self) -> Result<(), DocumentError> {
        let has_legacy_cert = self.legacy_key.is_none() || self.legacy_key_cert.is_some();
        let required = [
            ("introduction-point", !self.link_specifiers.is_empty()),
            ("onion-key", self.onion_key.is_some()),
            ("enc-key", self.enc_key.is_some()),
            ("legacy-key-cert", has_legacy_cert),
        ];
        match required.iter().find(|(_, is_there)| !is_there) {
            Some((keyword, _)) => Err(DocumentError::new(
                DocumentKind::IntroductionPoint,
                None,
                keyword.as_bytes(),
                LineProblem::Missing,
            )),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for IntroductionPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |key: [u8; 32]| HEXUPPER.encode(&key);
        f.debug_struct("IntroductionPoint")
            .field("link_specifiers", &self.link_specifiers)
            .field("onion_key", &self.onion_key.map(hex))
            .field("auth_key_cert", &self.auth_key_cert)
            .field("enc_key", &self.enc_key.map(hex))
            .field("enc_key_cert", &self.enc_key_cert)
            .finish_non_exhaustive()
    }
}

/// Reads the type of a key and then the key. Returns `None` if the key isn't
/// for the handshake ntor.
fn ntor_key(words: &mut Arguments<'_>) -> Result<Option<[u8; 32]>, LineProblem> {
    if words.word()? == b"ntor" { key(words).map(Some) } else { Ok(None) }
}

/// Sets a field to a key, if a key is given. Returns an error if the field has
/// a key already.
fn set_key(field: &mut Option<[u8; 32]>, key: Option<[u8; 32]>) -> Result<(), LineProblem> {
    if key.is_some() {
        if field.is_some() {
            return Err(LineProblem::Repeated);
        }
        *field = key;
    }
    Ok(())
}

fn check_type(certificate: &Ed25519Certificate, kind: CertificateType) -> Result<(), LineProblem> {
    const FORM: &str = "the certificate must have another type, and contain its signer";
    let is_expected = certificate.kind() == kind && certificate.signing_key().is_some();
    if is_expected { Ok(()) } else { Err(LineProblem::Value(FORM)) }
}

fn decode_object(item: &Item<'_>) -> Result<Box<[u8]>, LineProblem> {
    let bytes = item.object().and_then(|object| object.decode());
    bytes.map(Vec::into_boxed_slice).ok_or(LineProblem::Object)
}
