//! Ed25519 certificates: cert-spec, "Ed25519 certificates".

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use data_encoding::{BASE64, BASE64_NOPAD, HEXUPPER};

use super::certificate_type::{CertificateType, CertifiedKeyType};

const VERSION: u8 = 1;
/// The type of the extension with the key that signed the certificate.
const SIGNED_WITH_KEY: u8 = 4;
/// The flag of extensions that must not be ignored.
const AFFECTS_VALIDATION: u8 = 1;
/// The number of bytes of a certificate before its extensions.
const HEADER: usize = 40;
const SIGNATURE: usize = 64;
const HOUR: u64 = 3600;
/// The expiry, in hours since 1970, that is used if the system can't represent
/// the real one: 10,000 years of 365 days.
const FAR: u64 = 10_000 * 365 * 24;
/// The number of characters in a line of base64.
const COLUMNS: usize = 64;

/// A certificate in which an Ed25519 key signs another key. Relays, onion
/// services and families of relays have such certificates in their documents.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use scape_proto::netdoc::{CertificateType, Ed25519Certificate};
///
/// let certificate: Ed25519Certificate = "-----BEGIN ED25519 CERT-----
/// AQkACOhAAQW8ltYZMIWpyrfyE/b4Iyi8CNybCwYs6ADk7XfBaxsFAQAgBAD3/BE4
/// XojGE/N2bW/wgnS9r2qlrkydGyuCKIGayYx3haZ39LD4ZTmSMRxwmplMAqzG/XNP
/// 0Kkpg4p2/VnLFJRdU1SMFo1lgQ4P0bqw7Tgx200fulZ4KUM5z5V7m+a/mgY=
/// -----END ED25519 CERT-----".parse()?;
/// assert_eq!(certificate.kind(), CertificateType::IntroductionAuthentication);
/// assert!(certificate.signing_key().is_some());
/// assert!(!certificate.is_expired(SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000)));
/// # Ok::<(), scape_proto::netdoc::ParseEd25519CertificateError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Ed25519Certificate {
    bytes: Box<[u8]>,
    kind: CertificateType,
    expires: u32,
    key_type: CertifiedKeyType,
    certified_key: [u8; 32],
    signing_key: Option<[u8; 32]>,
    extensions: Vec<CertificateExtension>,
    signature: [u8; SIGNATURE],
}

/// An extension of an [`Ed25519Certificate`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CertificateExtension {
    /// The extension's type. 4 is the key that signed the certificate.
    pub kind: u8,
    /// The flags. The lowest bit means that the extension affects whether the
    /// certificate is valid.
    pub flags: u8,
    /// The extension's content, at most 65535 bytes.
    pub data: Box<[u8]>,
}

impl Ed25519Certificate {
    /// Parses the bytes of a certificate. Types, key types and extensions that
    /// this version of the library doesn't know are kept.
    ///
    /// ```
    /// use scape_proto::netdoc::{Ed25519Certificate, ParseEd25519CertificateError};
    ///
    /// let error = Ed25519Certificate::parse(&[2; 104]);
    /// assert_eq!(error, Err(ParseEd25519CertificateError::Version(2)));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes aren't a certificate of version 1, or if
    /// an unknown extension has the flag `AFFECTS_VALIDATION`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseEd25519CertificateError> {
        let too_short = ParseEd25519CertificateError::Length { length: bytes.len() };
        match bytes.first() {
            Some(&VERSION) => {}
            Some(version) => return Err(ParseEd25519CertificateError::Version(*version)),
            None => return Err(too_short),
        }
        let parts = bytes.split_first_chunk::<HEADER>();
        let parts = parts.and_then(|(head, rest)| Some((head, rest.split_last_chunk()?)));
        let Some((head, (body, signature))) = parts else {
            return Err(too_short);
        };
        let [_, kind, e1, e2, e3, e4, key_type, certified_key @ .., count] = head;
        let extensions = parse_extensions(body, *count)?;
        let signing_key = find_signing_key(&extensions)?;
        Ok(Ed25519Certificate {
            bytes: bytes.into(),
            kind: CertificateType::from(*kind),
            expires: u32::from_be_bytes([*e1, *e2, *e3, *e4]),
            key_type: CertifiedKeyType::from(*key_type),
            certified_key: *certified_key,
            signing_key,
            extensions,
            signature: *signature,
        })
    }

    /// Signs a key and returns the certificate.
    ///
    /// `expires` is rounded up to a whole hour. `with_signing_key` adds the
    /// signer's public key to the certificate. tor does so for all types except
    /// [`TlsLink`](CertificateType::TlsLink),
    /// [`LinkAuthentication`](CertificateType::LinkAuthentication) and
    /// [`NtorCross`](CertificateType::NtorCross).
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use scape_proto::netdoc::{CertificateType, Ed25519Certificate, Ed25519SecretKey};
    ///
    /// let identity = Ed25519SecretKey::from_seed(&[1; 32]);
    /// let signing = Ed25519SecretKey::from_seed(&[2; 32]);
    /// let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    /// let certificate = Ed25519Certificate::sign(
    ///     CertificateType::Signing,
    ///     signing.public_key(),
    ///     expires,
    ///     &identity,
    ///     true,
    /// );
    /// assert!(certificate.verify(Some(identity.public_key())).is_ok());
    /// assert_eq!(certificate.certified_key(), signing.public_key());
    /// ```
    #[cfg(feature = "verify")]
    pub fn sign(
        kind: CertificateType,
        certified_key: &[u8; 32],
        expires: SystemTime,
        signer: &super::Ed25519SecretKey,
        with_signing_key: bool,
    ) -> Self {
        let since_epoch = expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seconds = since_epoch.as_secs() + u64::from(since_epoch.subsec_nanos() > 0);
        let expires = u32::try_from(seconds.div_ceil(HOUR)).unwrap_or(u32::MAX);
        let key_type = match kind {
            CertificateType::TlsLink => CertifiedKeyType::X509Digest,
            _ => CertifiedKeyType::Ed25519,
        };
        let signing_key = with_signing_key.then_some(*signer.public_key());
        let mut extensions = Vec::new();
        if let Some(key) = signing_key {
            let data = Box::new(key);
            extensions.push(CertificateExtension { kind: SIGNED_WITH_KEY, flags: 0, data });
        }

        let mut bytes = vec![VERSION, kind.number()];
        bytes.extend(expires.to_be_bytes());
        bytes.push(key_type.number());
        bytes.extend(certified_key);
        bytes.push(u8::from(with_signing_key));
        if let Some(key) = signing_key {
            bytes.extend([0, 32, SIGNED_WITH_KEY, 0]);
            bytes.extend(key);
        }
        let signature = signer.sign(&bytes);
        bytes.extend(signature);
        Ed25519Certificate {
            bytes: bytes.into(),
            kind,
            expires,
            key_type,
            certified_key: *certified_key,
            signing_key,
            extensions,
            signature,
        }
    }

    /// Checks the signature. `with` is the key that must have signed the
    /// certificate. If `with` is `None`, the key in the certificate is used.
    ///
    /// With `None`, the result only means that the owner of
    /// [`signing_key`](Self::signing_key) signed the certificate. Compare that
    /// key with the expected one. The expiry isn't checked: see
    /// [`is_expired`](Self::is_expired).
    ///
    /// ```
    /// use scape_proto::netdoc::{CertificateError, Ed25519Certificate};
    ///
    /// let certificate: Ed25519Certificate = "
    /// AQkACOhAAQW8ltYZMIWpyrfyE/b4Iyi8CNybCwYs6ADk7XfBaxsFAQAgBAD3/BE4
    /// XojGE/N2bW/wgnS9r2qlrkydGyuCKIGayYx3haZ39LD4ZTmSMRxwmplMAqzG/XNP
    /// 0Kkpg4p2/VnLFJRdU1SMFo1lgQ4P0bqw7Tgx200fulZ4KUM5z5V7m+a/mgY=".parse()?;
    /// assert_eq!(certificate.verify(None), Ok(()));
    /// assert_eq!(certificate.verify(Some(&[7; 32])), Err(CertificateError::OtherSigningKey));
    /// # Ok::<(), scape_proto::netdoc::ParseEd25519CertificateError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the signature is wrong, if the certificate contains
    /// a key other than `with`, or if there is no key at all.
    #[cfg(feature = "verify")]
    pub fn verify(&self, with: Option<&[u8; 32]>) -> Result<(), CertificateError> {
        let key = match (with, &self.signing_key) {
            (Some(with), Some(key)) if with != key => {
                return Err(CertificateError::OtherSigningKey);
            }
            (Some(key), _) | (None, Some(key)) => key,
            (None, None) => return Err(CertificateError::NoSigningKey),
        };
        if super::ed25519_signature::is_signed_by(key, self.signed_bytes(), &self.signature) {
            Ok(())
        } else {
            Err(CertificateError::Signature)
        }
    }

    /// Returns the certificate's type.
    pub fn kind(&self) -> CertificateType {
        self.kind
    }

    /// Returns the time after which the certificate is no longer valid: a whole
    /// hour. If the system can't represent that time, returns a time in the
    /// year 11963.
    pub fn expires(&self) -> SystemTime {
        // Windows represents fewer years than the number of hours allows.
        let expires = SystemTime::UNIX_EPOCH.checked_add(self.expires_since_epoch());
        expires.unwrap_or_else(|| SystemTime::UNIX_EPOCH + Duration::from_secs(FAR * HOUR))
    }

    fn expires_since_epoch(&self) -> Duration {
        Duration::from_secs(u64::from(self.expires) * HOUR)
    }

    /// Returns true if the certificate is no longer valid at the given time.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use scape_proto::netdoc::Ed25519Certificate;
    ///
    /// let certificate: Ed25519Certificate = "
    /// AQkACOhAAQW8ltYZMIWpyrfyE/b4Iyi8CNybCwYs6ADk7XfBaxsFAQAgBAD3/BE4
    /// XojGE/N2bW/wgnS9r2qlrkydGyuCKIGayYx3haZ39LD4ZTmSMRxwmplMAqzG/XNP
    /// 0Kkpg4p2/VnLFJRdU1SMFo1lgQ4P0bqw7Tgx200fulZ4KUM5z5V7m+a/mgY=".parse()?;
    /// assert!(!certificate.is_expired(certificate.expires()));
    /// assert!(certificate.is_expired(certificate.expires() + Duration::from_secs(1)));
    /// # Ok::<(), scape_proto::netdoc::ParseEd25519CertificateError>(())
    /// ```
    pub fn is_expired(&self, at: SystemTime) -> bool {
        let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since_epoch > self.expires_since_epoch()
    }

    /// Returns the type of the certified key.
    pub fn key_type(&self) -> CertifiedKeyType {
        self.key_type
    }

    /// Returns the certified key, or its digest: see
    /// [`key_type`](Self::key_type).
    pub fn certified_key(&self) -> &[u8; 32] {
        &self.certified_key
    }

    /// Returns the key that signed the certificate, as the certificate itself
    /// says. Returns `None` if the certificate doesn't contain the key.
    pub fn signing_key(&self) -> Option<&[u8; 32]> {
        self.signing_key.as_ref()
    }

    /// Returns all extensions in order, including the signing key.
    pub fn extensions(&self) -> &[CertificateExtension] {
        &self.extensions
    }

    /// Returns the signature: the last 64 bytes of the certificate.
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// Returns the bytes that are signed: everything before the signature.
    pub fn signed_bytes(&self) -> &[u8] {
        self.bytes.split_last_chunk::<SIGNATURE>().map_or(&[], |(signed, _)| signed)
    }

    /// Returns the bytes of the whole certificate.
    ///
    /// ```
    /// use scape_proto::netdoc::Ed25519Certificate;
    ///
    /// let certificate: Ed25519Certificate = "
    /// AQkACOhAAQW8ltYZMIWpyrfyE/b4Iyi8CNybCwYs6ADk7XfBaxsFAQAgBAD3/BE4
    /// XojGE/N2bW/wgnS9r2qlrkydGyuCKIGayYx3haZ39LD4ZTmSMRxwmplMAqzG/XNP
    /// 0Kkpg4p2/VnLFJRdU1SMFo1lgQ4P0bqw7Tgx200fulZ4KUM5z5V7m+a/mgY=".parse()?;
    /// assert_eq!(Ed25519Certificate::parse(certificate.to_bytes())?, certificate);
    /// # Ok::<(), scape_proto::netdoc::ParseEd25519CertificateError>(())
    /// ```
    pub fn to_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Parses `count` extensions, which must fill `body`.
fn parse_extensions(
    body: &[u8],
    count: u8,
) -> Result<Vec<CertificateExtension>, ParseEd25519CertificateError> {
    let mut extensions = Vec::new();
    let mut rest = body;
    for _ in 0..count {
        let Some(([l1, l2, kind, flags], after)) = rest.split_first_chunk() else {
            return Err(ParseEd25519CertificateError::Truncated);
        };
        let length = usize::from(u16::from_be_bytes([*l1, *l2]));
        let Some((data, after)) = after.split_at_checked(length) else {
            return Err(ParseEd25519CertificateError::Truncated);
        };
        rest = after;
        if *kind != SIGNED_WITH_KEY && flags & AFFECTS_VALIDATION != 0 {
            return Err(ParseEd25519CertificateError::UnknownExtension(*kind));
        }
        extensions.push(CertificateExtension { kind: *kind, flags: *flags, data: data.into() });
    }
    match rest.len() {
        0 => Ok(extensions),
        length => Err(ParseEd25519CertificateError::Excess { length }),
    }
}

fn find_signing_key(
    extensions: &[CertificateExtension],
) -> Result<Option<[u8; 32]>, ParseEd25519CertificateError> {
    let mut keys = extensions.iter().filter(|extension| extension.kind == SIGNED_WITH_KEY);
    let Some(first) = keys.next() else {
        return Ok(None);
    };
    match <[u8; 32]>::try_from(&*first.data) {
        Ok(key) if keys.next().is_none() => Ok(Some(key)),
        _ => Err(ParseEd25519CertificateError::SigningKey),
    }
}

impl FromStr for Ed25519Certificate {
    type Err = ParseEd25519CertificateError;

    /// Reads a certificate in base64, with or without the lines `-----BEGIN …`
    /// and `-----END …`. Spaces and line ends are ignored.
    ///
    /// # Errors
    ///
    /// Returns [`ParseEd25519CertificateError::Base64`] if the text isn't
    /// base64, and the errors of [`Ed25519Certificate::parse`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_content = |line: &&str| !line.trim_start().starts_with("-----");
        let lines = text.lines().filter(is_content);
        let base64: String = lines.flat_map(str::split_ascii_whitespace).collect();
        let bytes = BASE64_NOPAD.decode(base64.trim_end_matches('=').as_bytes());
        let bytes = bytes.map_err(|_| ParseEd25519CertificateError::Base64)?;
        Ed25519Certificate::parse(&bytes)
    }
}

impl fmt::Display for Ed25519Certificate {
    /// Writes the certificate as an object of a document: the line `-----BEGIN
    /// ED25519 CERT-----`, base64, and the line `-----END ED25519 CERT-----`.
    /// There is no line end after the last line. In certificates of families,
    /// the label is `FAMILY CERT`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = match self.kind {
            CertificateType::Family => "FAMILY CERT",
            _ => "ED25519 CERT",
        };
        writeln!(f, "-----BEGIN {label}-----")?;
        for line in self.bytes.chunks(COLUMNS / 4 * 3) {
            writeln!(f, "{}", BASE64.encode(line))?;
        }
        write!(f, "-----END {label}-----")
    }
}

impl fmt::Debug for Ed25519Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519Certificate")
            .field("kind", &self.kind)
            .field("expires", &self.expires())
            .field("key_type", &self.key_type)
            .field("certified_key", &HEXUPPER.encode(&self.certified_key))
            .field("signing_key", &self.signing_key.map(|key| HEXUPPER.encode(&key)))
            .finish_non_exhaustive()
    }
}

/// The error for bytes or a text that aren't an [`Ed25519Certificate`].
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseEd25519CertificateError {
    /// The text isn't base64.
    #[error("an Ed25519 certificate must be base64")]
    Base64,
    /// There are fewer than 104 bytes, the length of a certificate without
    /// extensions.
    #[error("an Ed25519 certificate has at least 104 bytes, this has {length}")]
    Length {
        /// The length of the certificate in bytes.
        length: usize,
    },
    /// The version of the certificate isn't 1.
    #[error("the Ed25519 certificate is of version {0}, and only version 1 is known")]
    Version(u8),
    /// An extension is longer than the rest of the certificate.
    #[error("an extension of the Ed25519 certificate is cut off")]
    Truncated,
    /// There are bytes between the last extension and the signature.
    #[error("the Ed25519 certificate has {length} bytes between its extensions and its signature")]
    Excess {
        /// The number of bytes between the last extension and the signature.
        length: usize,
    },
    /// The extension with the signing key occurs twice, or isn't 32 bytes long.
    #[error("the Ed25519 certificate must contain at most one signing key, of 32 bytes")]
    SigningKey,
    /// An extension of an unknown type affects whether the certificate is
    /// valid.
    #[error(
        "the Ed25519 certificate has an unknown extension of type {0} that affects its validity"
    )]
    UnknownExtension(u8),
}

error_debug!(ParseEd25519CertificateError);

/// The error for an [`Ed25519Certificate`] that isn't signed as expected.
#[cfg(feature = "verify")]
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The certificate doesn't contain the key that signed it, and no key was
    /// given.
    #[error("the key that signed the Ed25519 certificate is unknown")]
    NoSigningKey,
    /// The certificate says that another key signed it.
    #[error("another key signed the Ed25519 certificate")]
    OtherSigningKey,
    /// The signature is wrong.
    #[error("the signature of the Ed25519 certificate is wrong")]
    Signature,
}

#[cfg(feature = "verify")]
error_debug!(CertificateError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The certificate of an introduction point's authentication key, from
    /// tor's unit tests.
    const TEXT: &str = "-----BEGIN ED25519 CERT-----
AQkACOhAAQW8ltYZMIWpyrfyE/b4Iyi8CNybCwYs6ADk7XfBaxsFAQAgBAD3/BE4
XojGE/N2bW/wgnS9r2qlrkydGyuCKIGayYx3haZ39LD4ZTmSMRxwmplMAqzG/XNP
0Kkpg4p2/VnLFJRdU1SMFo1lgQ4P0bqw7Tgx200fulZ4KUM5z5V7m+a/mgY=
-----END ED25519 CERT-----";

    /// Returns the bytes of a certificate, which may be invalid. Each extension
    /// is its type, its flags and its data.
    fn write(kind: u8, extensions: &[(u8, u8, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![1, kind, 0, 0, 0, 9, 1];
        bytes.extend([7; 32]);
        bytes.push(extensions.len() as u8);
        for (kind, flags, data) in extensions {
            bytes.extend((data.len() as u16).to_be_bytes());
            bytes.extend([*kind, *flags]);
            bytes.extend(*data);
        }
        bytes.extend([9; 64]);
        bytes
    }

    #[test]
    fn ed25519_certificate_of_tor_is_parsed() {
        let certificate: Ed25519Certificate = TEXT.parse().unwrap();
        assert_eq!(certificate.kind(), CertificateType::IntroductionAuthentication);
        let hours = 0x8e840;
        let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(hours * 3600);
        assert_eq!(certificate.expires(), expires);
        assert_eq!(certificate.key_type(), CertifiedKeyType::Ed25519);
        assert_eq!(certificate.certified_key()[..3], [0x05, 0xbc, 0x96]);
        assert_eq!(certificate.signing_key().unwrap()[..3], [0xf7, 0xfc, 0x11]);
        assert_eq!(certificate.extensions().len(), 1);
        assert_eq!(certificate.signature()[63], 0x06);
        assert_eq!(certificate.signed_bytes().len() + 64, certificate.to_bytes().len());
        assert_eq!(certificate.to_string(), TEXT);
        assert!(format!("{certificate:?}").contains("05BC96D6"));
    }

    #[test]
    fn unknown_extensions_of_a_certificate_are_kept() {
        let bytes = write(77, &[(5, 2, b"abc"), (4, 1, &[8; 32]), (6, 0, b"")]);
        let certificate = Ed25519Certificate::parse(&bytes).unwrap();
        assert_eq!(certificate.kind(), CertificateType::Other(77));
        assert_eq!(certificate.signing_key(), Some(&[8; 32]));
        let extensions = certificate.extensions();
        let kinds: Vec<u8> = extensions.iter().map(|extension| extension.kind).collect();
        assert_eq!(kinds, [5, 4, 6]);
        assert_eq!((extensions[0].flags, &*extensions[0].data), (2, &b"abc"[..]));
        assert_eq!(certificate.to_bytes(), bytes);
    }

    #[test]
    fn malformed_ed25519_certificate_is_rejected() {
        use ParseEd25519CertificateError as Error;
        let plain = write(4, &[]);
        assert!(Ed25519Certificate::parse(&plain).is_ok());
        let mut second_version = plain.clone();
        second_version[0] = 2;
        let mut one_more = plain.clone();
        one_more.insert(50, 0);
        let mut missing_extension = plain.clone();
        missing_extension[39] = 1;
        let mut too_long = write(4, &[(5, 0, b"abc")]);
        too_long[41] = 4;
        for (bytes, error) in [
            (vec![], Error::Length { length: 0 }),
            (plain[..103].to_vec(), Error::Length { length: 103 }),
            (second_version, Error::Version(2)),
            (one_more, Error::Excess { length: 1 }),
            (missing_extension, Error::Truncated),
            (too_long, Error::Truncated),
            (write(4, &[(4, 0, &[8; 31])]), Error::SigningKey),
            (write(4, &[(4, 0, &[8; 32]), (4, 0, &[8; 32])]), Error::SigningKey),
            (write(4, &[(4, 0, &[8; 32]), (9, 3, b"")]), Error::UnknownExtension(9)),
        ] {
            assert_eq!(Ed25519Certificate::parse(&bytes), Err(error), "{bytes:?}");
        }
        for text in ["?", "AQ", &TEXT.replace("AQkA", "AQk!")] {
            let error = text.parse::<Ed25519Certificate>().unwrap_err();
            assert!(matches!(error, Error::Base64 | Error::Length { length: 1 }), "{text}");
        }
    }

    #[test]
    #[cfg(feature = "verify")]
    fn changed_ed25519_certificate_is_not_signed() {
        use crate::netdoc::Ed25519SecretKey;
        let tor: Ed25519Certificate = TEXT.parse().unwrap();
        let (signer, key) = (Ed25519SecretKey::from_seed(&[1; 32]), [3; 32]);
        let own = Ed25519Certificate::sign(
            CertificateType::NtorCross,
            &key,
            tor.expires(),
            &signer,
            false,
        );
        assert_eq!(own.verify(None), Err(CertificateError::NoSigningKey));
        assert_eq!(own.verify(Some(&key)), Err(CertificateError::Signature));
        for (certificate, with) in [(&tor, None), (&own, Some(signer.public_key()))] {
            assert_eq!(certificate.verify(with), Ok(()));
            for position in 0..certificate.to_bytes().len() {
                let mut bytes = certificate.to_bytes().to_vec();
                bytes[position] ^= 1;
                let Ok(changed) = Ed25519Certificate::parse(&bytes) else { continue };
                assert!(changed.verify(with).is_err(), "byte {position}");
            }
        }
    }

    #[test]
    #[cfg(feature = "verify")]
    fn expiry_of_a_made_certificate_is_rounded_up() {
        use crate::netdoc::Ed25519SecretKey;
        let signer = Ed25519SecretKey::from_seed(&[1; 32]);
        let expires = |expires| {
            Ed25519Certificate::sign(CertificateType::TlsLink, &[3; 32], expires, &signer, false)
                .expires()
        };
        let hour = SystemTime::UNIX_EPOCH + Duration::from_secs(3600);
        assert_eq!(expires(hour), hour);
        assert_eq!(expires(hour - Duration::from_secs(3599)), hour);
        assert_eq!(expires(hour + Duration::from_nanos(1)), hour + Duration::from_secs(3600));
        assert_eq!(expires(hour - Duration::from_secs(9999)), SystemTime::UNIX_EPOCH);
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 3600);
        assert_eq!(expires(last + Duration::from_secs(9999)), last);
    }

    proptest! {
        #[test]
        fn parsed_ed25519_certificate_round_trip(
            kind: u8,
            extensions in prop::collection::vec((5u8.., any::<u8>(), ".{0,9}"), 0..4),
            key: Option<[u8; 32]>,
        ) {
            let mut list: Vec<(u8, u8, &[u8])> =
                extensions.iter().map(|(a, b, c)| (*a, b & 0xfe, c.as_bytes())).collect();
            if let Some(key) = &key {
                list.push((4, 0, key));
            }
            let bytes = write(kind, &list);
            let certificate = Ed25519Certificate::parse(&bytes).unwrap();
            prop_assert_eq!(certificate.to_bytes(), &bytes);
            prop_assert_eq!(certificate.signing_key(), key.as_ref());
            prop_assert_eq!(certificate.to_string().parse(), Ok(certificate));
        }

        #[test]
        fn parsing_an_ed25519_certificate_never_panics(
            mut bytes in prop::collection::vec(any::<u8>(), 0..300),
            text: String,
        ) {
            if let Some(version) = bytes.first_mut() {
                *version = 1;
            }
            if let Some(count) = bytes.get_mut(39) {
                *count %= 4;
            }
            let _ = Ed25519Certificate::parse(&bytes);
            let _ = text.parse::<Ed25519Certificate>();
        }
    }

    #[cfg(feature = "verify")]
    proptest! {
        #[test]
        fn made_ed25519_certificate_round_trip(
            kind: u8, key: [u8; 32], seed: [u8; 32], hours: u32, with_signing_key: bool,
        ) {
            let signer = crate::netdoc::Ed25519SecretKey::from_seed(&seed);
            let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(hours) * 3600);
            let kind = CertificateType::from(kind);
            let made = Ed25519Certificate::sign(kind, &key, expires, &signer, with_signing_key);
            prop_assert_eq!(Ed25519Certificate::parse(made.to_bytes()), Ok(made.clone()));
            prop_assert_eq!(made.verify(Some(signer.public_key())), Ok(()));
            prop_assert_eq!(made.verify(None).is_ok(), with_signing_key);
            prop_assert_eq!((made.expires(), made.kind()), (expires, kind));
        }
    }
}
