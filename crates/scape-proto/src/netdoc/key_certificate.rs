//! Key certificates of directory authorities: dir-spec, "Creating key
//! certificates".

use std::net::SocketAddr;
use std::time::SystemTime;

use sha1::{Digest, Sha1};

use super::annotations::skip_annotations;
use super::digest::signed_through;
use super::documents::{Documents, Split};
use super::item::{Item, Object};
use super::rules::{self, Depth, Rule, Rules};
use super::value;
use super::{DocumentError, DocumentKind, LineProblem};
use crate::word::Fingerprint;

/// A directory authority's certificate: the long-term identity key signs the
/// key that signs votes and consensuses. See dir-spec, "Creating key
/// certificates".
///
/// A `KeyCertificate` borrows its text. Lines are parsed leniently by
/// [`parse`](Self::parse): a malformed line is skipped, its field is `None` as
/// if the line were missing, and [`skipped`](Self::skipped) returns the reason.
/// [`parse_strict`](Self::parse_strict) checks everything that dir-spec
/// demands.
///
/// Signatures are not checked. See the feature `verify`.
///
/// ```
/// use scape_proto::netdoc::KeyCertificate;
///
/// let text = b"dir-key-certificate-version 3\n\
///     fingerprint 14C131DFC5C6F93646BE72FA1401C02A8DF2E8B4\n\
///     dir-key-expires 2027-05-09 21:13:26\n";
/// let certificate = KeyCertificate::parse(text)?;
/// assert_eq!(certificate.version, Some(3));
/// assert!(certificate.expires.is_some() && certificate.published.is_none());
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyCertificate<'a> {
    #[cfg_attr(feature = "serde", serde(skip))]
    text: &'a [u8],
    #[cfg_attr(feature = "serde", serde(skip))]
    skipped: Vec<DocumentError>,
    /// The version of the format, which is 3.
    pub version: Option<u32>,
    /// The authority's address and port for directory requests.
    pub dir_address: Option<SocketAddr>,
    /// The fingerprint of the authority's identity key.
    pub fingerprint: Option<Fingerprint>,
    /// The time when the certificate was made, in whole seconds.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub published: Option<SystemTime>,
    /// The end of the certificate's validity, in whole seconds.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub expires: Option<SystemTime>,
    /// The authority's RSA identity key.
    pub identity_key: Option<Object<'a>>,
    /// The RSA key that signs votes and consensuses.
    pub signing_key: Option<Object<'a>>,
    /// The signature of the identity key by the signing key. The oldest
    /// certificates have none.
    pub crosscert: Option<Object<'a>>,
    /// The signature of the certificate by the identity key.
    pub certification: Option<Object<'a>>,
}

const RSA: &str = "RSA PUBLIC KEY";

static RULES: Rules = Rules {
    document: DocumentKind::KeyCertificate,
    lines: &[
        Rule::once("dir-key-certificate-version").position_from_start(0),
        Rule::at_most_once("dir-address"),
        Rule::once("fingerprint"),
        Rule::once("dir-key-published"),
        Rule::once("dir-key-expires"),
        Rule::once("dir-identity-key").object(RSA),
        Rule::once("dir-signing-key").object(RSA),
        Rule::once("dir-key-crosscert").object("ID SIGNATURE").or_object("SIGNATURE"),
        Rule::once("dir-key-certification").object("SIGNATURE").position_from_end(0),
    ],
    ordered: false,
};

impl<'a> KeyCertificate<'a> {
    /// Parses a certificate. Malformed lines are skipped. Annotations before
    /// and after the certificate are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::KeyCertificate;
    ///
    /// let text = b"dir-key-certificate-version 3\ndir-address localhost:80\n";
    /// let certificate = KeyCertificate::parse(text)?;
    /// assert_eq!(certificate.dir_address, None);
    /// assert_eq!(certificate.skipped()[0].keyword(), "dir-address");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line
    /// `dir-key-certificate-version`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Lenient)
    }

    /// Parses a certificate and checks the number, the places and the form of
    /// its lines. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{KeyCertificate, LineProblem};
    ///
    /// let error = KeyCertificate::parse_strict(b"dir-key-certificate-version 3\n")
    ///     .expect_err("mandatory lines are missing");
    /// assert_eq!((error.keyword(), error.problem()), ("fingerprint", LineProblem::Missing));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of dir-spec, or
    /// if the version isn't 3.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Strict)
    }

    /// Returns an iterator over the certificates in a text, such as tor's file
    /// `cached-certs`. See [`Documents`].
    ///
    /// ```
    /// use scape_proto::netdoc::KeyCertificate;
    ///
    /// let text = b"dir-key-certificate-version 3\ndir-key-certificate-version 3\n";
    /// assert_eq!(KeyCertificate::parse_all(text).count(), 2);
    /// ```
    pub fn parse_all(text: &'a [u8]) -> Documents<'a, Self> {
        Documents::new(text)
    }

    pub(super) fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut certificate = KeyCertificate {
            text,
            skipped: Vec::new(),
            version: None,
            dir_address: None,
            fingerprint: None,
            published: None,
            expires: None,
            identity_key: None,
            signing_key: None,
            crosscert: None,
            certification: None,
        };
        let read = |item: &Item<'a>| certificate.read_item(item, depth);
        certificate.skipped = rules::read(&RULES, text, depth, read)?;
        Ok(certificate)
    }

    fn read_item(&mut self, item: &Item<'a>, depth: Depth) -> Result<(), LineProblem> {
        const VERSION: &str = "the version must be 3";
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"dir-key-certificate-version" => {
                self.version = Some(words.number(VERSION)?);
                if depth == Depth::Strict && self.version != Some(3) {
                    return Err(LineProblem::Value(VERSION));
                }
            }
            b"dir-address" => self.dir_address = Some(value::socket_addr(&mut words)?),
            b"fingerprint" => self.fingerprint = Some(value::fingerprint(&mut words)?),
            b"dir-key-published" => self.published = Some(item.time()?),
            b"dir-key-expires" => self.expires = Some(item.time()?),
            b"dir-identity-key" => self.identity_key = item.object(),
            b"dir-signing-key" => self.signing_key = item.object(),
            b"dir-key-crosscert" => self.crosscert = item.object(),
            b"dir-key-certification" => self.certification = item.object(),
            _ => {}
        }
        Ok(())
    }

    /// Returns the SHA-1 digest of the identity key. In a valid certificate,
    /// the field `fingerprint` has the same value. Each call computes the
    /// digest again.
    ///
    /// Returns `None` if the key is missing or isn't base64.
    ///
    /// ```
    /// use scape_proto::netdoc::KeyCertificate;
    ///
    /// let text = b"dir-key-certificate-version 3\ndir-identity-key\n\
    ///     -----BEGIN RSA PUBLIC KEY-----\nAQID\n-----END RSA PUBLIC KEY-----\n";
    /// let fingerprint = KeyCertificate::parse(text)?.identity_key_fingerprint();
    /// let fingerprint = fingerprint.map(|fingerprint| fingerprint.to_string());
    /// assert_eq!(fingerprint.as_deref(), Some("7037807198C22A7D2B0807371D763779A84FDFCF"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn identity_key_fingerprint(&self) -> Option<Fingerprint> {
        fingerprint_of(self.identity_key)
    }

    /// Returns the SHA-1 digest of the signing key, by which signatures refer
    /// to the key. See [`DirectorySignature`](super::DirectorySignature). Each
    /// call computes the digest again.
    ///
    /// Returns `None` if the key is missing or isn't base64.
    ///
    /// ```
    /// use scape_proto::netdoc::KeyCertificate;
    ///
    /// let text = b"dir-key-certificate-version 3\ndir-signing-key\n\
    ///     -----BEGIN RSA PUBLIC KEY-----\nAQID\n-----END RSA PUBLIC KEY-----\n";
    /// let fingerprint = KeyCertificate::parse(text)?.signing_key_fingerprint();
    /// let fingerprint = fingerprint.map(|fingerprint| fingerprint.to_string());
    /// assert_eq!(fingerprint.as_deref(), Some("7037807198C22A7D2B0807371D763779A84FDFCF"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn signing_key_fingerprint(&self) -> Option<Fingerprint> {
        fingerprint_of(self.signing_key)
    }

    /// Returns the part of the text that the identity key signs: everything up
    /// to and including the line `dir-key-certification`. Returns `None` if
    /// that line is missing.
    ///
    /// ```
    /// use scape_proto::netdoc::KeyCertificate;
    ///
    /// let text = b"dir-key-certificate-version 3\ndir-key-certification\n\
    ///     -----BEGIN SIGNATURE-----\nAQID\n-----END SIGNATURE-----\n";
    /// let signed = KeyCertificate::parse(text)?.signed_text();
    /// assert_eq!(signed, Some(&b"dir-key-certificate-version 3\ndir-key-certification\n"[..]));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn signed_text(&self) -> Option<&'a [u8]> {
        signed_through(self.text, b"\ndir-key-certification\n")
    }

    /// Returns the SHA-1 digest of the [signed part](Self::signed_text). Each
    /// call computes the digest again.
    ///
    /// ```
    /// use scape_proto::netdoc::KeyCertificate;
    ///
    /// let certificate = KeyCertificate::parse(b"dir-key-certificate-version 3\n")?;
    /// assert_eq!(certificate.digest_sha1(), None);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest_sha1(&self) -> Option<[u8; 20]> {
        self.signed_text().map(|text| Sha1::digest(text).into())
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole certificate.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the lines that this version of the library doesn't know, with
    /// their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::KeyCertificate;
    ///
    /// let text = b"dir-key-certificate-version 3\nnew-keyword 1\n";
    /// let certificate = KeyCertificate::parse(text)?;
    /// assert_eq!(certificate.unknown_items().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        rules::unknown(&RULES, self.text)
    }
}

fn fingerprint_of(key: Option<Object<'_>>) -> Option<Fingerprint> {
    let key = key?.decode()?;
    Some(Fingerprint::from_bytes(Sha1::digest(key).into()))
}

impl<'a> Split<'a> for KeyCertificate<'a> {
    const START: &'static [u8] = b"\ndir-key-certificate-version";

    fn read(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        Self::read_text(text, depth)
    }
}

debug_as_text! { KeyCertificate }

#[cfg(test)]
mod tests {
    use super::*;

    fn object(label: &str) -> String {
        format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n")
    }

    /// Returns the text of a certificate that has every line of dir-spec.
    fn whole() -> String {
        let (key, signature) = (object("RSA PUBLIC KEY"), object("SIGNATURE"));
        format!(
            "dir-key-certificate-version 3\ndir-address 127.0.0.1:7000\n\
             fingerprint 14C131DFC5C6F93646BE72FA1401C02A8DF2E8B4\n\
             dir-key-published 2026-05-09 21:13:26\ndir-key-expires 2027-05-09 21:13:26\n\
             dir-identity-key\n{key}dir-signing-key\n{key}\
             dir-key-crosscert\n{cross}dir-key-certification\n{signature}",
            cross = object("ID SIGNATURE"),
        )
    }

    #[test]
    fn certificate_with_every_line_is_read_strictly() {
        let text = whole();
        let certificate = KeyCertificate::parse_strict(text.as_bytes()).unwrap();
        assert_eq!(certificate.version, Some(3));
        assert_eq!(certificate.dir_address, "127.0.0.1:7000".parse().ok());
        let fingerprint = certificate.fingerprint.unwrap().to_string();
        assert_eq!(fingerprint, "14C131DFC5C6F93646BE72FA1401C02A8DF2E8B4");
        assert!(certificate.published < certificate.expires);
        let objects = [
            certificate.identity_key,
            certificate.signing_key,
            certificate.crosscert,
            certificate.certification,
        ];
        assert!(objects.iter().all(|object| object.unwrap().decode() == Some(vec![1, 2, 3])));
        assert!(certificate.signed_text().unwrap().ends_with(b"\ndir-key-certification\n"));
        assert!(certificate.digest_sha1().is_some() && certificate.skipped().is_empty());
        assert_eq!(certificate.identity_key_fingerprint(), certificate.signing_key_fingerprint());
        assert_eq!(certificate.unknown_items().count(), 0);
        let other_label = text.replace("ID SIGNATURE", "SIGNATURE");
        assert!(KeyCertificate::parse_strict(other_label.as_bytes()).is_ok());
    }

    #[test]
    fn strict_reading_rejects_each_broken_rule() {
        use LineProblem::{Missing, Object, Order, Repeated, Words};
        let text = whole();
        let signature = format!("dir-key-certification\n{}", object("SIGNATURE"));
        for (old, new, keyword, problem) in [
            (
                "dir-address 127",
                "dir-address 127.0.0.1:1\ndir-address 127",
                "dir-address",
                Repeated,
            ),
            ("fingerprint 14C", "x 14C", "fingerprint", Missing),
            ("dir-key-published", "x", "dir-key-published", Missing),
            ("dir-key-expires", "x", "dir-key-expires", Missing),
            ("dir-identity-key\n", "x\n", "dir-identity-key", Missing),
            ("dir-key-crosscert\n", "x\n", "dir-key-crosscert", Missing),
            (&signature, "", "dir-key-certification", Missing),
            (&signature, &format!("{signature}x\n"), "dir-key-certification", Order),
            ("BEGIN ID SIGNATURE", "BEGIN X SIGNATURE", "dir-key-crosscert", Object),
            ("dir-signing-key\n-", "dir-signing-key\n\nx\n-", "dir-signing-key", Object),
            ("21:13:26\ndir-key-e", "\ndir-key-e", "dir-key-published", Words),
        ] {
            let changed = text.replace(old, new);
            let error = KeyCertificate::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{changed}");
            assert!(KeyCertificate::parse(changed.as_bytes()).is_ok(), "{changed}");
        }
        for (old, new) in [
            ("version 3", "version 4"),
            ("version 3", "version boo"),
            ("127.0.0.1:7000", "127.0.0.1"),
            ("14C131DF", "14C131D"),
            ("2026-05-09 21:13:26", "2026-05-09 21:73:26"),
        ] {
            let changed = text.replace(old, new);
            let error = KeyCertificate::parse_strict(changed.as_bytes()).unwrap_err();
            assert!(matches!(error.problem(), LineProblem::Value(_)), "{new}: {error}");
            assert!(KeyCertificate::parse(changed.as_bytes()).is_ok(), "{new}");
        }
        let late = format!("dir-address 127.0.0.1:1\n{text}");
        let error = KeyCertificate::parse(late.as_bytes()).unwrap_err();
        assert_eq!(error.problem(), LineProblem::Start);
    }

    #[test]
    fn certificates_of_a_file_are_split_at_their_first_line() {
        let text = format!("@type dir-key-certificate-3 1.0\n{}{}", whole(), whole());
        assert_eq!(
            KeyCertificate::parse_all(text.as_bytes()).strict().filter(Result::is_ok).count(),
            2
        );
    }
}
