//! Descriptors of onion services: rend-spec-v3, "Hidden service descriptors:
//! outer wrapper".

use std::fmt;
use std::time::Duration;

use super::BlindedPublicKey;
use crate::netdoc::annotations::skip_annotations;
use crate::netdoc::documents::{Documents, Split};
use crate::netdoc::rules::{self, Depth, Rule, Rules};
use crate::netdoc::value::{base64_word, certificate};
use crate::netdoc::{
    CertificateType, DocumentError, DocumentKind, Ed25519Certificate, Item, LineProblem, Object,
};

/// The descriptor of an onion service of version 3, as relays store it:
/// rend-spec-v3, "Hidden service descriptors: outer wrapper".
///
/// The part that anyone can read says little. The rest is encrypted in two
/// layers. With the feature `onion-descriptor`, `open` decrypts them.
///
/// An `OnionDescriptor` borrows its text. Lines are parsed leniently by
/// [`parse`](Self::parse): a malformed line is skipped, its field is `None`,
/// and [`skipped`](Self::skipped) returns the reason.
/// [`parse_strict`](Self::parse_strict) checks everything that rend-spec-v3
/// demands. Signatures are checked by `verify`, with the feature `verify`.
///
/// ```
/// use scape_proto::netdoc::onion::OnionDescriptor;
///
/// let text = b"hs-descriptor 3\ndescriptor-lifetime 180\nrevision-counter 42\n";
/// let descriptor = OnionDescriptor::parse(text)?;
/// assert_eq!(descriptor.revision_counter, Some(42));
/// assert_eq!(descriptor.blinded_key(), None); // There is no certificate.
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "HiddenServiceDescriptorV3")]
#[derive(Clone)]
#[non_exhaustive]
pub struct OnionDescriptor<'a> {
    text: &'a [u8],
    skipped: Vec<DocumentError>,
    /// The version of the format, which is 3.
    pub version: Option<u32>,
    /// The time for which relays keep the descriptor, 30 to 720 minutes.
    pub lifetime: Option<Duration>,
    /// The certificate in which the blinded key signs the key that signs the
    /// descriptor.
    pub signing_key_cert: Option<Ed25519Certificate>,
    /// The number that tells which of several descriptors with the same blinded
    /// key is the newest. Relays keep the one with the highest number.
    pub revision_counter: Option<u64>,
    /// The encrypted first layer.
    pub superencrypted: Option<Object<'a>>,
    /// The signature of the descriptor.
    pub signature: Option<[u8; 64]>,
}

static RULES: Rules = Rules {
    document: DocumentKind::OnionDescriptor,
    lines: &[
        Rule::once("hs-descriptor"),
        Rule::once("descriptor-lifetime"),
        Rule::once("descriptor-signing-key-cert").object("ED25519 CERT"),
        Rule::once("revision-counter"),
        Rule::once("superencrypted").object("MESSAGE"),
        Rule::once("signature").position_from_end(0),
    ],
    ordered: false,
};

impl<'a> OnionDescriptor<'a> {
    /// Parses a descriptor. Malformed lines are skipped. Annotations before and
    /// after the descriptor are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::OnionDescriptor;
    ///
    /// let descriptor = OnionDescriptor::parse(b"hs-descriptor 3\nrevision-counter x\n")?;
    /// assert_eq!(descriptor.revision_counter, None);
    /// assert_eq!(descriptor.skipped()[0].keyword(), "revision-counter");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line `hs-descriptor`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Lenient)
    }

    /// Parses a descriptor and checks the number and the form of its lines.
    /// Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::LineProblem;
    /// use scape_proto::netdoc::onion::OnionDescriptor;
    ///
    /// let error = OnionDescriptor::parse_strict(b"hs-descriptor 3\n")
    ///     .expect_err("mandatory lines are missing");
    /// assert_eq!((error.keyword(), error.problem()), ("descriptor-lifetime", LineProblem::Missing));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of rend-spec-v3.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Strict)
    }

    /// Returns an iterator over the descriptors in a text. See [`Documents`].
    ///
    /// ```
    /// use scape_proto::netdoc::onion::OnionDescriptor;
    ///
    /// let text = b"hs-descriptor 3\nhs-descriptor 3\n";
    /// assert_eq!(OnionDescriptor::parse_all(text).count(), 2);
    /// ```
    pub fn parse_all(text: &'a [u8]) -> Documents<'a, Self> {
        Documents::new(text)
    }

    fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut descriptor = OnionDescriptor {
            text,
            skipped: Vec::new(),
            version: None,
            lifetime: None,
            signing_key_cert: None,
            revision_counter: None,
            superencrypted: None,
            signature: None,
        };
        descriptor.skipped =
            rules::read(&RULES, text, depth, |item| descriptor.read_item(item, depth))?;
        Ok(descriptor)
    }

    fn read_item(&mut self, item: &Item<'a>, depth: Depth) -> Result<(), LineProblem> {
        let is_strict = depth == Depth::Strict;
        match item.keyword() {
            b"hs-descriptor" => {
                let version = item.number("the version must be a number")?;
                if is_strict && version != 3 {
                    return Err(LineProblem::Value("the version must be 3"));
                }
                self.version = Some(version);
            }
            b"descriptor-lifetime" => {
                const FORM: &str = "the lifetime must be 30 to 720 minutes";
                let minutes: u32 = item.number(FORM)?;
                if is_strict && !(30..=720).contains(&minutes) {
                    return Err(LineProblem::Value(FORM));
                }
                self.lifetime = Some(Duration::from_secs(u64::from(minutes) * 60));
            }
            b"descriptor-signing-key-cert" => {
                let certificate = certificate(item)?;
                let is_expected = certificate.kind() == CertificateType::DescriptorSigning
                    && certificate.signing_key().is_some();
                if is_strict && !is_expected {
                    const FORM: &str = "the certificate must be of type 8 and contain its signer";
                    return Err(LineProblem::Value(FORM));
                }
                self.signing_key_cert = Some(certificate);
            }
            b"revision-counter" => {
                self.revision_counter = Some(item.number("the revision counter must be a number")?);
            }
            b"superencrypted" => self.superencrypted = item.object(),
            b"signature" => {
                const FORM: &str = "the signature must be 64 bytes in base64";
                self.signature = Some(base64_word(&mut item.arguments_reader(), FORM)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the service's blinded key: the key that signed
    /// `signing_key_cert`. Returns `None` if the certificate is missing or
    /// doesn't contain the key.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::OnionDescriptor;
    ///
    /// let text = b"hs-descriptor 3\ndescriptor-signing-key-cert\n\
    ///     -----BEGIN ED25519 CERT-----\n\
    ///     AQgABl5+AQoPXRnCGEOxIup3AcjQXb8npNiUFm2Qv7A6JKk/K+EuAQAgBAD18iUD\n\
    ///     nbkUblnUvTHzipq4bcr6aPyFVB42Ptobg4xr8s3VjHiJtjs9MDEdr6nXS7UlyhEl\n\
    ///     78vsuFEvLp7cvAgGxYY1xGXdn5RdHMCdi8W9yZLKMQX9OuJckmp1C6q+cA4=\n\
    ///     -----END ED25519 CERT-----\n";
    /// let key = OnionDescriptor::parse(text)?.blinded_key().expect("the certificate has a key");
    /// assert_eq!(key.to_string(), "9fIlA525FG5Z1L0x84qauG3K+mj8hVQeNj7aG4OMa/I");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn blinded_key(&self) -> Option<BlindedPublicKey> {
        let key = self.signing_key_cert.as_ref()?.signing_key()?;
        Some(BlindedPublicKey::from_bytes(*key))
    }

    /// Returns the key that signs the descriptor. Returns `None` if
    /// `signing_key_cert` is missing.
    pub fn signing_key(&self) -> Option<&[u8; 32]> {
        Some(self.signing_key_cert.as_ref()?.certified_key())
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole descriptor.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the lines that this version of the library doesn't know, with
    /// their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::OnionDescriptor;
    ///
    /// let descriptor = OnionDescriptor::parse(b"hs-descriptor 3\nnew-keyword 1\n")?;
    /// assert_eq!(descriptor.unknown_items().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        rules::unknown(&RULES, self.text)
    }
}

impl<'a> Split<'a> for OnionDescriptor<'a> {
    const START: &'static [u8] = b"\nhs-descriptor";

    fn read(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        Self::read_text(text, depth)
    }
}

impl fmt::Debug for OnionDescriptor<'_> {
    /// Formats the text, because the text contains all data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnionDescriptor").field(&String::from_utf8_lossy(self.text)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns a descriptor with every line. The certificate is from tor's unit
    /// tests.
    fn whole() -> String {
        let signature = "A".repeat(86);
        format!(
            "hs-descriptor 3\ndescriptor-lifetime 180\ndescriptor-signing-key-cert\n\
             -----BEGIN ED25519 CERT-----\n\
             AQgABl5+AQoPXRnCGEOxIup3AcjQXb8npNiUFm2Qv7A6JKk/K+EuAQAgBAD18iUD\n\
             nbkUblnUvTHzipq4bcr6aPyFVB42Ptobg4xr8s3VjHiJtjs9MDEdr6nXS7UlyhEl\n\
             78vsuFEvLp7cvAgGxYY1xGXdn5RdHMCdi8W9yZLKMQX9OuJckmp1C6q+cA4=\n\
             -----END ED25519 CERT-----\nrevision-counter 42\nsuperencrypted\n\
             -----BEGIN MESSAGE-----\nAQID\n-----END MESSAGE-----\nsignature {signature}\n"
        )
    }

    #[test]
    fn onion_descriptor_with_every_line_is_read_strictly() {
        let text = whole();
        let descriptor = OnionDescriptor::parse_strict(text.as_bytes()).unwrap();
        assert_eq!((descriptor.version, descriptor.revision_counter), (Some(3), Some(42)));
        assert_eq!(descriptor.lifetime, Some(Duration::from_secs(180 * 60)));
        assert_eq!(descriptor.superencrypted.unwrap().decode(), Some(vec![1, 2, 3]));
        assert_eq!(descriptor.signature, Some([0; 64]));
        assert_eq!(descriptor.signing_key().unwrap()[..3], [0x0a, 0x0f, 0x5d]);
        assert!(descriptor.skipped().is_empty() && descriptor.unknown_items().count() == 0);
        let other = text.replace("counter 42", "counter 18446744073709551615");
        let descriptor = OnionDescriptor::parse_strict(other.as_bytes()).unwrap();
        assert_eq!(descriptor.revision_counter, Some(u64::MAX));
    }

    #[test]
    fn malformed_lines_of_an_onion_descriptor_are_errors_of_the_strict_reading() {
        let text = whole();
        for (old, new, keyword) in [
            ("hs-descriptor 3", "hs-descriptor 2", "hs-descriptor"),
            ("hs-descriptor 3", "hs-descriptor three", "hs-descriptor"),
            ("lifetime 180", "lifetime 29", "descriptor-lifetime"),
            ("lifetime 180", "lifetime 721", "descriptor-lifetime"),
            ("AQgABl5", "AQkABl5", "descriptor-signing-key-cert"),
            ("AQgABl5", "AggABl5", "descriptor-signing-key-cert"),
            ("counter 42", "counter -1", "revision-counter"),
            ("counter 42", "counter 18446744073709551616", "revision-counter"),
            ("signature AA", "signature A", "signature"),
        ] {
            let changed = text.replace(old, new);
            let error = OnionDescriptor::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!(error.keyword(), keyword, "{new}");
            assert!(matches!(error.problem(), LineProblem::Value(_)), "{new}: {error}");
            assert!(OnionDescriptor::parse(changed.as_bytes()).is_ok(), "{new}");
        }
        for (old, new, keyword, problem) in [
            ("MESSAGE", "X", "superencrypted", LineProblem::Object),
            ("AQID", "AQI", "superencrypted", LineProblem::Object),
            ("revision-counter 42\n", "", "revision-counter", LineProblem::Missing),
            ("superencrypted\n", "signature\nsuperencrypted\n", "signature", LineProblem::Words),
            (
                "revision-counter 42\n",
                "revision-counter 42\nrevision-counter 43\n",
                "revision-counter",
                LineProblem::Repeated,
            ),
        ] {
            let changed = text.replace(old, new);
            let error = OnionDescriptor::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{error}");
        }
        let changed = format!("{text}x 1\n");
        let error = OnionDescriptor::parse_strict(changed.as_bytes()).unwrap_err();
        assert_eq!((error.keyword(), error.problem()), ("signature", LineProblem::Order));
    }

    proptest! {
        #[test]
        fn parsing_a_changed_onion_descriptor_never_panics(
            position: prop::sample::Index, byte: u8,
        ) {
            let mut text = whole().into_bytes();
            let position = position.index(text.len());
            text[position] = byte;
            let _ = OnionDescriptor::parse(&text);
            let _ = OnionDescriptor::parse_strict(&text);
        }
    }
}
