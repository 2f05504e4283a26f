//! Makes, reads and writes the long-term keys of a relay.

use std::path::Path;

use data_encoding::BASE64_NOPAD;
use zeroize::Zeroizing;

use super::{KeyFiles, RsaKey, read_text};
use crate::error::Result;
use scape_proto::word::{ClientKey, Fingerprint, OnionKey};

/// The length of relays' RSA keys in bits. tor supports no other length.
const BITS: usize = 1024;

const IDENTITY: &str = "secret_id_key";
const ONION: &str = "secret_onion_key";
const ED25519: &str = "ed25519_master_id_secret_key";
const ED25519_PUBLIC: &str = "ed25519_master_id_public_key";
const NTOR: &str = "secret_onion_key_ntor";

/// The text at the beginning of a binary key file of tor. tor pads this text
/// with NULs to [`TAG_LENGTH`].
const ED25519_TAG: &str = "== ed25519v1-secret: type0 ==";
const ED25519_PUBLIC_TAG: &str = "== ed25519v1-public: type0 ==";
const NTOR_TAG: &str = "== c25519v1: onion ==";
const TAG_LENGTH: usize = 32;

/// The long-term keys of a relay. tor makes the medium-term and short-term keys
/// from them.
#[derive(Clone)]
pub(in super::super) struct RelayKeys {
    identity: RsaKey,
    onion: RsaKey,
    /// The Ed25519 identity key, in the expanded form of an onion service's
    /// key.
    ed25519: OnionKey,
    /// The ntor onion key: a curve25519 key, like that of an onion service's
    /// client.
    ntor: ClientKey,
}

impl RelayKeys {
    /// Makes new random keys, without saving them.
    pub(super) fn generate() -> Result<Self> {
        Ok(RelayKeys {
            identity: RsaKey::generate(BITS)?,
            onion: RsaKey::generate(BITS)?,
            ed25519: OnionKey::random(),
            ntor: ClientKey::random(),
        })
    }

    /// Reads the keys in a directory. Returns `None` if a key is missing or
    /// damaged.
    pub(super) fn read(directory: &Path) -> Option<Self> {
        let binary = |name: &str, tag: &str| {
            let bytes = Zeroizing::new(std::fs::read(directory.join(name)).ok()?);
            let key = bytes.strip_prefix(padded(tag).as_slice())?;
            Some(Zeroizing::new(key.to_vec()))
        };
        let ed25519 = <[u8; 64]>::try_from(binary(ED25519, ED25519_TAG)?.as_slice()).ok()?;
        let ntor = binary(NTOR, NTOR_TAG)?;
        let ntor = ClientKey::from_bytes(*ntor.first_chunk()?);
        Some(RelayKeys {
            identity: RsaKey::from_pem(&read_text(directory, IDENTITY)?)?,
            onion: RsaKey::from_pem(&read_text(directory, ONION)?)?,
            ed25519: OnionKey::from_expanded(ed25519).ok()?,
            ntor,
        })
    }

    /// Returns the key files for tor's directory `keys`.
    pub(in super::super) fn files(&self) -> Result<KeyFiles> {
        let pem =
            |key: &RsaKey| Ok::<_, crate::error::Error>(key.to_pem()?.as_bytes().to_vec().into());
        let mut ed25519 = Zeroizing::new(padded(ED25519_TAG));
        ed25519.extend_from_slice(self.ed25519.expose());
        let mut ed25519_public = Zeroizing::new(padded(ED25519_PUBLIC_TAG));
        ed25519_public.extend_from_slice(&self.ed25519.public_key());
        let mut ntor = Zeroizing::new(padded(NTOR_TAG));
        ntor.extend_from_slice(self.ntor.expose());
        ntor.extend_from_slice(self.ntor.public_key().as_bytes());
        Ok(vec![
            (IDENTITY, pem(&self.identity)?),
            (ONION, pem(&self.onion)?),
            (ED25519, ed25519),
            (ED25519_PUBLIC, ed25519_public),
            (NTOR, ntor),
        ])
    }

    /// Returns the fingerprint of the relay.
    pub(in super::super) fn fingerprint(&self) -> Result<Fingerprint> {
        self.identity.fingerprint()
    }

    /// Returns the public onion key in PEM, the form that descriptors use.
    pub(in super::super) fn onion_key(&self) -> Result<String> {
        self.onion.public_pem()
    }

    /// Returns the public ntor onion key in base64 without padding, the form
    /// that descriptors use.
    pub(in super::super) fn ntor_onion_key(&self) -> String {
        BASE64_NOPAD.encode(self.ntor.public_key().as_bytes())
    }

    /// Returns the public Ed25519 identity key in base64 without padding, the
    /// form that descriptors use.
    pub(in super::super) fn ed25519_identity(&self) -> String {
        BASE64_NOPAD.encode(&self.ed25519.public_key())
    }
}

fn padded(tag: &str) -> Vec<u8> {
    let mut bytes = tag.as_bytes().to_vec();
    bytes.resize(TAG_LENGTH, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::network::keys::write_files;

    #[test]
    fn keys_that_tor_made_are_read_and_written_as_they_were() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/keys");
        let keys = RelayKeys::read(&data).unwrap();
        for (name, content) in keys.files().unwrap() {
            let mut of_tor = std::fs::read(data.join(name)).unwrap();
            if of_tor.starts_with(b"-----BEGIN") {
                assert_eq!(of_tor.pop(), Some(0));
            }
            assert_eq!(content.as_slice(), of_tor, "{name}");
        }
        let fingerprint = std::fs::read_to_string(data.join("fingerprint-ed25519")).unwrap();
        assert_eq!(keys.ed25519_identity(), fingerprint.trim());
    }

    #[test]
    fn damaged_keys_are_not_read() {
        let directory = tempfile::tempdir().unwrap();
        assert!(RelayKeys::read(directory.path()).is_none());
        write_files(directory.path(), &RelayKeys::generate().unwrap().files().unwrap()).unwrap();
        assert!(RelayKeys::read(directory.path()).is_some());
        for name in [IDENTITY, ONION, ED25519, NTOR] {
            let path = directory.path().join(name);
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            assert!(RelayKeys::read(directory.path()).is_none(), "{name}");
            std::fs::write(&path, whole).unwrap();
        }
    }
}
