//! The keys of made-up relays, and the certificates and signatures that are
//! made with them.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use curve25519_dalek::{MontgomeryPoint, Scalar};
use data_encoding::BASE64;
use rand_core::{TryCryptoRng, TryRng};
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::{Pkcs1v15Sign, PrivateKey};
use scape_proto::netdoc::{
    CertificateType, Ed25519Certificate, Ed25519SecretKey, ed25519_from_curve25519,
};
use sha1::{Digest, Sha1};

use crate::random::Random;

/// The keys of a relay.
pub(super) struct Keys {
    pub(super) identity: RsaKey,
    /// The onion key for the TAP handshake.
    pub(super) onion: RsaKey,
    pub(super) master: Ed25519SecretKey,
    /// The key that signs documents.
    pub(super) signing: Ed25519SecretKey,
    /// The public key for the ntor handshake.
    pub(super) ntor: [u8; 32],
    ntor_signing: Ed25519SecretKey,
}

impl Keys {
    pub(super) fn new(random: &mut Random) -> Keys {
        let ntor_signing = Ed25519SecretKey::from_seed(&random.bytes());
        // The ntor key has the same secret scalar as this Ed25519 key.
        let expanded = ntor_signing.expose();
        let mut scalar = [0; 32];
        scalar.copy_from_slice(&expanded[..32]);
        let ntor = MontgomeryPoint::mul_base(&Scalar::from_bytes_mod_order(scalar)).to_bytes();
        Keys {
            identity: RsaKey::new(random),
            onion: RsaKey::new(random),
            master: Ed25519SecretKey::from_seed(&random.bytes()),
            signing: Ed25519SecretKey::from_seed(&random.bytes()),
            ntor,
            ntor_signing,
        }
    }

    /// Returns the certificate with which the master key certifies the signing
    /// key.
    pub(super) fn signing_certificate(&self) -> Ed25519Certificate {
        let key = self.signing.public_key();
        Ed25519Certificate::sign(CertificateType::Signing, key, expires(), &self.master, true)
    }

    /// Returns the certificate that the ntor key makes for the master key, and
    /// the sign bit of the certificate's Ed25519 key. Readers need this bit to
    /// convert the ntor key to the Ed25519 key. The bit comes first.
    pub(super) fn ntor_certificate(&self) -> (bool, Ed25519Certificate) {
        let public_key = *self.ntor_signing.public_key();
        let sign = ed25519_from_curve25519(&self.ntor, true) == Some(public_key);
        let kind = CertificateType::NtorCross;
        let key = self.master.public_key();
        (sign, Ed25519Certificate::sign(kind, key, expires(), &self.ntor_signing, false))
    }

    /// Returns the certificate with which the family's key accepts the relay as
    /// a member.
    pub(super) fn family_certificate(&self, family: &Ed25519SecretKey) -> Ed25519Certificate {
        let key = self.master.public_key();
        Ed25519Certificate::sign(CertificateType::Family, key, expires(), family, true)
    }
}

/// Returns the time when the certificates expire: 30 days after the documents
/// were made.
fn expires() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_787_700_000)
}

/// An RSA key of 1024 bits.
pub(super) struct RsaKey {
    key: PrivateKey,
    der: Vec<u8>,
}

impl RsaKey {
    fn new(random: &mut Random) -> RsaKey {
        let key = PrivateKey::new(&mut Source(random), 1024).unwrap();
        let der = key.as_public_key().to_pkcs1_der().unwrap().as_bytes().to_vec();
        RsaKey { key, der }
    }

    /// Returns the public key as dir-spec writes an object: base64 between
    /// BEGIN and END lines.
    pub(super) fn object(&self) -> String {
        object("RSA PUBLIC KEY", &self.der)
    }

    pub(super) fn fingerprint(&self) -> [u8; 20] {
        Sha1::digest(&self.der).into()
    }

    /// Signs `bytes`, and returns the signature in base64 between BEGIN and END
    /// lines with the label.
    pub(super) fn sign(&self, label: &str, bytes: &[u8]) -> String {
        object(label, &self.key.sign(Pkcs1v15Sign::new_unprefixed(), bytes).unwrap())
    }
}

/// Returns `bytes` in base64, between BEGIN and END lines with the label.
pub(super) fn object(label: &str, bytes: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in BASE64.encode(bytes).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

/// A random generator for making keys. The keys aren't secret, because the seed
/// is public.
struct Source<'a>(&'a mut Random);

impl TryRng for Source<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill_with(|| self.0.next() as u8);
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}

impl Random {
    /// Returns an array of random bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}
