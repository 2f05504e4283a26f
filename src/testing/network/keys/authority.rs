//! The keys of a directory authority (dir-spec, "Creating key certificates").

use std::path::Path;

use sha1::{Digest, Sha1};

use super::{KeyFiles, RelayKeys, RsaKey, read_text};
use crate::error::Result;
use scape_proto::word::Fingerprint;

/// The length of an authority's keys, in bits.
const BITS: usize = 2048;

const CERTIFICATE: &str = "authority_certificate";
const SIGNING: &str = "authority_signing_key";

/// The start of the certificates' validity. The validity is long because cached
/// keys must not expire, and a clock may be wrong.
const PUBLISHED: &str = "2025-01-01 00:00:00";
const EXPIRES: &str = "2037-12-31 00:00:00";

/// The keys of an authority, which is also a relay. The identity key isn't
/// kept, because tor doesn't need it after it has signed the certificate.
#[derive(Clone)]
pub(in super::super) struct AuthorityKeys {
    pub(in super::super) relay: RelayKeys,
    pub(in super::super) signing: RsaKey,
    certificate: String,
    v3_identity: Fingerprint,
}

impl AuthorityKeys {
    /// Makes new keys and a certificate. The certificate contains no address,
    /// because tor would use this address instead of the one in the
    /// `DirAuthority` line.
    pub(super) fn generate() -> Result<Self> {
        let (identity, signing) = (RsaKey::generate(BITS)?, RsaKey::generate(BITS)?);
        let v3_identity = identity.fingerprint()?;
        let identity_key = identity.public_pem()?;
        let identity_digest = identity.fingerprint()?;
        let crosscert = signing.sign("ID SIGNATURE", identity_digest.as_bytes())?;
        let mut certificate = format!(
            "dir-key-certificate-version 3\n\
             fingerprint {v3_identity}\n\
             dir-key-published {PUBLISHED}\n\
             dir-key-expires {EXPIRES}\n\
             dir-identity-key\n{identity_key}\
             dir-signing-key\n{}\
             dir-key-crosscert\n{crosscert}\
             dir-key-certification\n",
            signing.public_pem()?
        );
        let signature = identity.sign("SIGNATURE", &Sha1::digest(certificate.as_bytes()))?;
        certificate.push_str(&signature);
        Ok(AuthorityKeys { relay: RelayKeys::generate()?, signing, certificate, v3_identity })
    }

    /// Reads the keys in a directory. Returns `None` if a key is missing or
    /// damaged.
    pub(super) fn read(directory: &Path) -> Option<Self> {
        let certificate = read_text(directory, CERTIFICATE)?.to_string();
        let v3_identity =
            certificate.lines().find_map(|line| line.strip_prefix("fingerprint ")?.parse().ok())?;
        if !certificate.ends_with("-----END SIGNATURE-----\n") {
            return None;
        }
        Some(AuthorityKeys {
            relay: RelayKeys::read(directory)?,
            signing: RsaKey::from_pem(&read_text(directory, SIGNING)?)?,
            certificate,
            v3_identity,
        })
    }

    /// Returns the key files for tor's directory `keys`.
    pub(in super::super) fn files(&self) -> Result<KeyFiles> {
        let mut files = self.relay.files()?;
        files.push((SIGNING, self.signing.to_pem()?.as_bytes().to_vec().into()));
        files.push((CERTIFICATE, self.certificate.clone().into_bytes().into()));
        Ok(files)
    }

    /// Returns the certificate with which the identity key vouches for the
    /// signing key, in the form of directory documents.
    pub(in super::super) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Returns the fingerprint of the identity key, which identifies the
    /// authority's votes and signatures.
    pub(in super::super) fn v3_identity(&self) -> Fingerprint {
        self.v3_identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::network::keys::write_files;

    /// Returns the keywords of a document's lines and the borders of its PEM
    /// objects. Documents with different keys and times can then be compared.
    fn form(document: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let mut is_object = false;
        for line in document.lines() {
            let is_border = line.starts_with("-----");
            let keyword = line.split(' ').next().unwrap_or_default();
            match (is_border, is_object) {
                (true, _) => is_object = !is_object,
                (false, true) => continue,
                (false, false) => {}
            }
            lines.push(if is_border { line.to_owned() } else { keyword.to_owned() });
        }
        lines
    }

    #[test]
    fn certificates_have_the_form_of_tor_gencerts() {
        let keys = AuthorityKeys::generate().unwrap();
        let of_tor = include_str!("../../../../tests/data/keys/authority_certificate");
        let mut expected = form(of_tor);
        // `generate` explains why this line is missing.
        expected.retain(|line| line != "dir-address");
        assert_eq!(form(keys.certificate()), expected);
        assert_eq!(keys.certificate().lines().next(), of_tor.lines().next());
        let fingerprint = format!("\nfingerprint {}\n", keys.v3_identity());
        assert!(keys.certificate().contains(&fingerprint));
    }

    #[test]
    fn damaged_keys_are_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let keys = AuthorityKeys::generate().unwrap();
        write_files(directory.path(), &keys.files().unwrap()).unwrap();
        assert!(AuthorityKeys::read(directory.path()).is_some());
        for name in [CERTIFICATE, SIGNING] {
            let path = directory.path().join(name);
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            assert!(AuthorityKeys::read(directory.path()).is_none(), "{name}");
            std::fs::write(&path, whole).unwrap();
        }
    }
}
