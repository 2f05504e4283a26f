//! Private RSA keys, in the formats of tor's files and documents.

use data_encoding::BASE64;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, EncodeRsaPublicKey, LineEnding};
use rsa::{Pkcs1v15Sign, PrivateKey};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use scape_proto::word::Fingerprint;

/// The length of a line of base64 in a document, in characters.
const LINE: usize = 64;

/// A private RSA key of a relay or an authority.
#[derive(Clone)]
pub(in super::super) struct RsaKey(PrivateKey);

impl RsaKey {
    /// Makes a key. 2048 bits take about a second without optimization.
    pub(super) fn generate(bits: usize) -> Result<Self> {
        let key = PrivateKey::new(&mut rand::rng(), bits);
        key.map(RsaKey).map_err(|error| failed("make an RSA key", error))
    }

    /// Parses a PKCS#1 key in PEM. Returns `None` if it is malformed. Files
    /// that tor writes end with a NUL, which is ignored.
    pub(super) fn from_pem(pem: &str) -> Option<Self> {
        PrivateKey::from_pkcs1_pem(pem.trim_end_matches('\0')).ok().map(RsaKey)
    }

    /// Returns the private key in PEM (PKCS#1), for tor's key files.
    pub(super) fn to_pem(&self) -> Result<Zeroizing<String>> {
        self.0.to_pkcs1_pem(LineEnding::LF).map_err(|error| failed("write an RSA key", error))
    }

    /// Returns the public key for directory documents: a PKCS#1 object in PEM,
    /// including the line end.
    pub(in super::super) fn public_pem(&self) -> Result<String> {
        let pem = self.0.as_public_key().to_pkcs1_pem(LineEnding::LF);
        pem.map_err(|error| failed("write a public RSA key", error))
    }

    /// Returns the fingerprint: the SHA-1 of the public key in DER.
    pub(in super::super) fn fingerprint(&self) -> Result<Fingerprint> {
        let der = self.0.as_public_key().to_pkcs1_der();
        let der = der.map_err(|error| failed("write a public RSA key", error))?;
        Ok(Fingerprint::from_bytes(Sha1::digest(der.as_bytes()).into()))
    }

    /// Signs a digest as dir-spec requires: with PKCS #1 padding of the bare
    /// digest, without the name of the algorithm. Returns a signature object
    /// with the label `label`, including the line end.
    pub(in super::super) fn sign(&self, label: &str, digest: &[u8]) -> Result<String> {
        let signature = self.0.sign(Pkcs1v15Sign::new_unprefixed(), digest);
        let signature = signature.map_err(|error| failed("sign with an RSA key", error))?;
        let mut object = format!("-----BEGIN {label}-----\n");
        let base64 = BASE64.encode(&signature);
        for line in base64.as_bytes().chunks(LINE) {
            object.push_str(&String::from_utf8_lossy(line));
            object.push('\n');
        }
        object.push_str(&format!("-----END {label}-----\n"));
        Ok(object)
    }
}

fn failed(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::io(what.to_owned(), std::io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A relay's identity key file that tor wrote.
    const OF_TOR: &str = include_str!("../../../../tests/data/keys/secret_id_key");

    #[test]
    fn keys_of_tor_are_read_and_written_as_they_were() {
        let key = RsaKey::from_pem(OF_TOR).unwrap();
        assert_eq!(*key.to_pem().unwrap(), OF_TOR.trim_end_matches('\0'));
        // tor wrote this fingerprint into its file `fingerprint`.
        let of_tor = include_str!("../../../../tests/data/keys/fingerprint");
        assert_eq!(key.fingerprint().unwrap().to_string(), of_tor.trim());
    }

    #[test]
    fn made_keys_are_read_again() {
        let key = RsaKey::generate(1024).unwrap();
        let again = RsaKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(again.public_pem().unwrap(), key.public_pem().unwrap());
        let lines: Vec<usize> = key.public_pem().unwrap().lines().map(str::len).collect();
        assert_eq!(lines[1..3], [64, 64]);
        assert!(RsaKey::from_pem("-----BEGIN RSA PRIVATE KEY-----\n").is_none());
    }

    #[test]
    fn signatures_are_of_the_bare_digest() {
        let key = RsaKey::generate(1024).unwrap();
        let digest = Sha1::digest(b"a document");
        let object = key.sign("SIGNATURE", &digest).unwrap();
        assert!(object.starts_with("-----BEGIN SIGNATURE-----\n"));
        assert!(object.ends_with("\n-----END SIGNATURE-----\n"));
        let base64: String = object.lines().filter(|line| !line.starts_with('-')).collect();
        let signature = BASE64.decode(base64.as_bytes()).unwrap();
        let public = key.0.as_public_key();
        public.verify(Pkcs1v15Sign::new_unprefixed(), &digest, &signature).unwrap();
    }
}
