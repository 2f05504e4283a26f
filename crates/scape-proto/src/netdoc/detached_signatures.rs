//! Detached signatures: dir-spec, "Exchanging detached signatures".

use std::time::SystemTime;

use super::annotations::skip_annotations;
use super::directory_signature::DirectorySignature;
use super::item::Item;
use super::rules::{self, Depth, Rule, Rules};
use super::value::{fingerprint, sha1_digest};
use super::{ConsensusFlavor, DocumentError, DocumentKind, LineProblem};

/// The signatures of a consensus that is not yet published: dir-spec,
/// "Exchanging detached signatures".
///
/// `DetachedSignatures` borrow their text. Lines are parsed leniently by
/// [`parse`](Self::parse): a malformed line is skipped, its field is `None` or
/// empty as if the line were missing, and [`skipped`](Self::skipped) returns
/// the reason. [`parse_strict`](Self::parse_strict) checks everything that
/// dir-spec demands.
///
/// The signatures are not checked. See the feature `verify`.
///
/// ```
/// use scape_proto::netdoc::DetachedSignatures;
///
/// let text = b"consensus-digest 244E0760BB0B1E5418A4A014822F804AFE0CC3D6\n\
///     valid-after 2018-11-22 20:00:00\n\
///     directory-signature 596CD48D61FDA4E868F4AA10FF559917BE3B1A35 9FBF54D6A62364320308A615BF4CF6B27B254FAD\n\
///     -----BEGIN SIGNATURE-----\nAQID\n-----END SIGNATURE-----\n";
/// let signatures = DetachedSignatures::parse(text)?;
/// assert_eq!(signatures.consensus_digest.map(|digest| digest[0]), Some(0x24));
/// assert_eq!(signatures.signatures[0].algorithm, "sha1");
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "DetachedSignature")]
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DetachedSignatures<'a> {
    #[cfg_attr(feature = "serde", serde(skip))]
    text: &'a [u8],
    #[cfg_attr(feature = "serde", serde(skip))]
    skipped: Vec<DocumentError>,
    /// The SHA-1 digest of the signed part of the full consensus. `None` if the
    /// line `consensus-digest` is missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::hex"))]
    pub consensus_digest: Option<[u8; 20]>,
    /// The start of the consensus's validity interval. `None` if the line
    /// `valid-after` is missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub valid_after: Option<SystemTime>,
    /// The time by which a newer consensus should be available. `None` if the
    /// line `fresh-until` is missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub fresh_until: Option<SystemTime>,
    /// The end of the consensus's validity interval. `None` if the line
    /// `valid-until` is missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub valid_until: Option<SystemTime>,
    /// The digests of the other flavors: the lines `additional-digest`.
    pub additional_digests: Vec<AdditionalDigest<'a>>,
    /// The signatures of the other flavors: the lines `additional-signature`.
    pub additional_signatures: Vec<AdditionalSignature<'a>>,
    /// The signatures of the full consensus.
    pub signatures: Vec<DirectorySignature<'a>>,
}

/// A digest of a consensus: dir-spec, the line `additional-digest`.
#[doc(alias = "DocumentDigest")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AdditionalDigest<'a> {
    /// The flavor of the consensus.
    pub flavor: ConsensusFlavor,
    /// The digest algorithm, such as `sha256`.
    pub algorithm: &'a str,
    /// The digest of the consensus's signed part.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::bytes"))]
    pub digest: Vec<u8>,
}

/// A signature of a consensus: dir-spec, the line `additional-signature`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AdditionalSignature<'a> {
    /// The flavor of the consensus.
    pub flavor: ConsensusFlavor,
    /// The signature, as the consensus will contain it.
    pub signature: DirectorySignature<'a>,
}

static RULES: Rules = Rules {
    document: DocumentKind::DetachedSignatures,
    lines: &[
        Rule::once("consensus-digest").position_from_start(0),
        Rule::once("valid-after"),
        Rule::once("fresh-until"),
        Rule::once("valid-until"),
        Rule::any("additional-digest"),
        Rule::any("additional-signature").object("SIGNATURE"),
        Rule::at_least_once("directory-signature").object("SIGNATURE"),
    ],
    ordered: false,
};

impl<'a> DetachedSignatures<'a> {
    /// Parses detached signatures. Malformed lines are skipped. Annotations
    /// before and after them are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::DetachedSignatures;
    ///
    /// let signatures = DetachedSignatures::parse(b"consensus-digest 244E\n")?;
    /// assert_eq!(signatures.consensus_digest, None);
    /// assert_eq!(signatures.skipped()[0].keyword(), "consensus-digest");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line
    /// `consensus-digest`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Lenient)
    }

    /// Parses detached signatures and checks the number and the form of the
    /// lines. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{DetachedSignatures, LineProblem};
    ///
    /// let text = b"consensus-digest 244E0760BB0B1E5418A4A014822F804AFE0CC3D6\n";
    /// let error = DetachedSignatures::parse_strict(text).expect_err("lines are missing");
    /// assert_eq!((error.keyword(), error.problem()), ("valid-after", LineProblem::Missing));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of dir-spec.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Strict)
    }

    fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut signatures = DetachedSignatures {
            text,
            skipped: Vec::new(),
            consensus_digest: None,
            valid_after: None,
            fresh_until: None,
            valid_until: None,
            additional_digests: Vec::new(),
            additional_signatures: Vec::new(),
            signatures: Vec::new(),
        };
        signatures.skipped = rules::read(&RULES, text, depth, |item| signatures.read_item(item))?;
        Ok(signatures)
    }

    fn read_item(&mut self, item: &Item<'a>) -> Result<(), LineProblem> {
        match item.keyword() {
            b"consensus-digest" => {
                self.consensus_digest = Some(sha1_digest(&mut item.arguments_reader())?);
            }
            b"valid-after" => self.valid_after = Some(item.time()?),
            b"fresh-until" => self.fresh_until = Some(item.time()?),
            b"valid-until" => self.valid_until = Some(item.time()?),
            b"additional-digest" => self.additional_digests.push(AdditionalDigest::parse(item)?),
            b"additional-signature" => {
                self.additional_signatures.push(AdditionalSignature::parse(item)?);
            }
            b"directory-signature" => self.signatures.push(DirectorySignature::parse(item)?),
            _ => {}
        }
        Ok(())
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole document.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the lines that this version of the library doesn't know, with
    /// their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::DetachedSignatures;
    ///
    /// let signatures = DetachedSignatures::parse(b"consensus-digest 24\nnew-keyword 1\n")?;
    /// assert_eq!(signatures.unknown_items().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        rules::unknown(&RULES, self.text)
    }
}

const FLAVOR: &str = "the flavor must be a word";
const ALGORITHM: &str = "the algorithm must be a word";

impl<'a> AdditionalDigest<'a> {
    fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        const FORM: &str = "the digest must be hexadecimal digits";
        let mut words = item.arguments_reader();
        let flavor = words.text(FLAVOR)?.into();
        let algorithm = words.text(ALGORITHM)?;
        let digest = data_encoding::HEXUPPER_PERMISSIVE.decode(words.word()?);
        let digest = digest.map_err(|_| LineProblem::Value(FORM))?;
        let length = match algorithm {
            "sha1" => 20,
            "sha256" | "sha3-256" => 32,
            _ => digest.len(),
        };
        if digest.len() != length {
            return Err(LineProblem::Value("the digest must have the algorithm's length"));
        }
        Ok(AdditionalDigest { flavor, algorithm, digest })
    }
}

impl<'a> AdditionalSignature<'a> {
    fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        let mut words = item.arguments_reader();
        let flavor = words.text(FLAVOR)?.into();
        let signature = DirectorySignature {
            algorithm: words.text(ALGORITHM)?,
            identity: fingerprint(&mut words)?,
            signing_key: fingerprint(&mut words)?,
            signature: item.object_with(b"SIGNATURE")?,
        };
        Ok(AdditionalSignature { flavor, signature })
    }
}

debug_as_text! { DetachedSignatures }

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "596CD48D61FDA4E868F4AA10FF559917BE3B1A35";
    const B: &str = "9FBF54D6A62364320308A615BF4CF6B27B254FAD";

    /// Returns a document that contains each kind of line.
    fn whole() -> String {
        let signature = "-----BEGIN SIGNATURE-----\nAQID\n-----END SIGNATURE-----\n";
        format!(
            "consensus-digest {A}\nvalid-after 2018-11-22 20:00:00\n\
             fresh-until 2018-11-22 21:00:00\nvalid-until 2018-11-22 23:00:00\n\
             additional-digest microdesc sha256 {}\n\
             additional-signature microdesc sha256 {A} {B}\n{signature}\
             directory-signature {B} {A}\n{signature}",
            "EC".repeat(32),
        )
    }

    #[test]
    fn detached_signatures_with_every_line_are_read_strictly() {
        let text = whole();
        let all = DetachedSignatures::parse_strict(text.as_bytes()).unwrap();
        assert_eq!(all.consensus_digest.map(|digest| digest[0]), Some(0x59));
        assert!(all.valid_after < all.fresh_until && all.fresh_until < all.valid_until);
        let digest = &all.additional_digests[0];
        assert_eq!((&digest.flavor, digest.algorithm), (&ConsensusFlavor::Microdesc, "sha256"));
        assert_eq!(digest.digest, [0xec; 32]);
        let additional = &all.additional_signatures[0];
        assert_eq!(additional.flavor, ConsensusFlavor::Microdesc);
        assert_eq!(additional.signature.algorithm, "sha256");
        let signature = &all.signatures[0];
        assert_eq!(signature.algorithm, "sha1");
        assert_eq!(additional.signature.identity, signature.signing_key);
        assert_eq!(signature.signature.decode(), Some(vec![1, 2, 3]));
        assert_eq!((all.skipped().len(), all.unknown_items().count()), (0, 0));
    }

    #[test]
    fn strict_reading_rejects_each_broken_rule() {
        use LineProblem::{Missing, Object, Repeated, Words};
        for (old, new, keyword, problem) in [
            ("valid-after", "x", "valid-after", Missing),
            ("valid-until", "x", "valid-until", Missing),
            ("directory-signature", "x", "directory-signature", Missing),
            ("fresh", "valid-after 2018-11-22 20:00:00\nfresh", "valid-after", Repeated),
            ("BEGIN SIG", "BEGIN X", "additional-signature", Object),
            ("digest microdesc", "digest", "additional-digest", Words),
            ("22 21:00:00", "22", "fresh-until", Words),
        ] {
            let changed = whole().replacen(old, new, 1);
            let error = DetachedSignatures::parse_strict(changed.as_bytes()).expect_err(new);
            assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{error}");
            assert!(DetachedSignatures::parse(changed.as_bytes()).is_ok(), "{new}");
        }
        for (old, new) in [
            ("consensus-digest 5", "consensus-digest "),
            ("20:00:00", "20:00:70"),
            ("sha256 EC", "sha256 "),
            ("sha256 EC", "sha256 XY"),
            ("sha256 596", "sha256 59"),
            ("signature 9F", "signature 9"),
        ] {
            let changed = whole().replacen(old, new, 1);
            let error = DetachedSignatures::parse_strict(changed.as_bytes()).expect_err(new);
            assert!(matches!(error.problem(), LineProblem::Value(_)), "{new}: {error}");
            assert!(DetachedSignatures::parse(changed.as_bytes()).is_ok(), "{new}");
        }
    }
}
