//! The types of Ed25519 certificates and of the keys in them: cert-spec, "List
//! of certificate types".

/// The purpose of an Ed25519 certificate: cert-spec, "List of certificate
/// types".
///
/// ```
/// use scape_proto::netdoc::CertificateType;
///
/// assert_eq!(CertificateType::from(4), CertificateType::Signing);
/// assert_eq!(CertificateType::NtorCross.number(), 0x0a);
/// assert_eq!(CertificateType::from(200), CertificateType::Other(200));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateType {
    /// Type 4: a relay's signing key, signed with the relay's identity key.
    Signing,
    /// Type 5: the digest of a relay's TLS certificate, signed with the relay's
    /// signing key.
    TlsLink,
    /// Type 6: a key with which a relay authenticates itself to other relays,
    /// signed with the relay's signing key.
    LinkAuthentication,
    /// Type 8: the signing key of an onion service descriptor, signed with the
    /// blinded key.
    DescriptorSigning,
    /// Type 9: the authentication key of an introduction point, signed with the
    /// descriptor's signing key.
    IntroductionAuthentication,
    /// Type 10: a relay's identity key, signed with the relay's ntor key.
    NtorCross,
    /// Type 11: the encryption key of an introduction point as an Ed25519 key,
    /// signed with the descriptor's signing key.
    IntroductionEncryption,
    /// Type 12: a relay's identity key, signed with the key of the relay's
    /// family.
    Family,
    /// A type that this version of the library doesn't know.
    Other(u8),
}

impl CertificateType {
    /// Returns the type's number.
    pub const fn number(self) -> u8 {
        match self {
            CertificateType::Signing => 4,
            CertificateType::TlsLink => 5,
            CertificateType::LinkAuthentication => 6,
            CertificateType::DescriptorSigning => 8,
            CertificateType::IntroductionAuthentication => 9,
            CertificateType::NtorCross => 10,
            CertificateType::IntroductionEncryption => 11,
            CertificateType::Family => 12,
            CertificateType::Other(number) => number,
        }
    }
}

impl From<u8> for CertificateType {
    fn from(number: u8) -> Self {
        match number {
            4 => CertificateType::Signing,
            5 => CertificateType::TlsLink,
            6 => CertificateType::LinkAuthentication,
            8 => CertificateType::DescriptorSigning,
            9 => CertificateType::IntroductionAuthentication,
            10 => CertificateType::NtorCross,
            11 => CertificateType::IntroductionEncryption,
            12 => CertificateType::Family,
            other => CertificateType::Other(other),
        }
    }
}

/// The type of the key in an Ed25519 certificate: cert-spec, "List of certified
/// key types".
///
/// ```
/// use scape_proto::netdoc::CertifiedKeyType;
///
/// assert_eq!(CertifiedKeyType::from(3), CertifiedKeyType::X509Digest);
/// assert_eq!(CertifiedKeyType::Ed25519.number(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertifiedKeyType {
    /// Type 1: an Ed25519 public key. Before 0.4.5.1-alpha, tor wrote this type
    /// for all keys.
    Ed25519,
    /// Type 2: the SHA-256 digest of an RSA key.
    RsaDigest,
    /// Type 3: the SHA-256 digest of an X.509 certificate.
    X509Digest,
    /// A type that this version of the library doesn't know.
    Other(u8),
}

impl CertifiedKeyType {
    /// Returns the type's number.
    pub const fn number(self) -> u8 {
        match self {
            CertifiedKeyType::Ed25519 => 1,
            CertifiedKeyType::RsaDigest => 2,
            CertifiedKeyType::X509Digest => 3,
            CertifiedKeyType::Other(number) => number,
        }
    }
}

impl From<u8> for CertifiedKeyType {
    fn from(number: u8) -> Self {
        match number {
            1 => CertifiedKeyType::Ed25519,
            2 => CertifiedKeyType::RsaDigest,
            3 => CertifiedKeyType::X509Digest,
            other => CertifiedKeyType::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_type_round_trip() {
        for number in 0..=255 {
            assert_eq!(CertificateType::from(number).number(), number);
            assert_eq!(CertifiedKeyType::from(number).number(), number);
        }
    }
}
