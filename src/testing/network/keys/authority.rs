//! The keys of a directory authority. dir-spec, "Creating key certificates".

use std::path::Path;

use sha1::{Digest, Sha1};

use super::{KeyFiles, RelayKeys, RsaKey, read_text};
use crate::error::Result;
use crate::types::Fingerprint;

/// The length of an authority's keys, in bits.
const BITS: usize = 2048;

const CERTIFICATE: &str = "authority_certificate";
const SIGNING: &str = "authority_signing_key";

/// The time for which certificates hold: kept keys must not expire while they
/// are of use, and a clock may be wrong.
const PUBLISHED: &str = "2025-01-01 00:00:00";
const EXPIRES: &str = "2037-12-31 00:00:00";

/// The keys of an authority, which is a relay, too. Its identity key isn't kept,
/// because tor doesn't need it: the certificate is signed by it.
#[derive(Clone)]
pub(in super::super) struct AuthorityKeys {
    pub(in super::super) relay: RelayKeys,
    pub(in super::super) signing: RsaKey,
    certificate: String,
    v3_identity: Fingerprint,
}

impl AuthorityKeys {
    /// Makes new keys, and a certificate without an address: tor would take it
    /// for the authority's, whatever the `DirAuthority` line says.
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

    /// Reads the keys in a directory. `None` if one is missing or damaged.
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

    /// Returns the files as tor reads them from its directory `keys`.
    pub(in super::super) fn files(&self) -> Result<KeyFiles> {
        let mut files = self.relay.files()?;
        files.push((SIGNING, self.signing.to_pem()?.as_bytes().to_vec().into()));
        files.push((CERTIFICATE, self.certificate.clone().into_bytes().into()));
        Ok(files)
    }

    /// Returns the certificate of the signing key.
    pub(in super::super) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Returns the fingerprint of the identity key, by which the authority's
    /// votes and signatures are known.
    pub(in super::super) fn v3_identity(&self) -> Fingerprint {
        self.v3_identity
    }
}
