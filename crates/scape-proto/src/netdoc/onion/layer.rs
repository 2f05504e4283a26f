//! The encryption of a descriptor's layers: rend-spec-v3, "Deriving hidden
//! service descriptor encryption keys".

use sha3::{Digest, Sha3_256};
use zeroize::Zeroizing;

use super::{BlindedPublicKey, DescriptorCookie, Subcredential, kdf, stream_cipher};
use crate::word::same_bytes;

const SALT: usize = 16;
const MAC: usize = 32;

/// One of the two encrypted layers of a descriptor.
#[derive(Debug, Clone, Copy)]
pub enum Layer<'a> {
    /// The first layer. Everyone who knows the service's address can decrypt
    /// it.
    First,
    /// The second layer. If the service has client authorization, only those
    /// who know the cookie can decrypt it.
    Second {
        /// The cookie, or `None` if the service has no client authorization.
        cookie: Option<&'a DescriptorCookie>,
    },
}

/// The values of a descriptor from which the keys of its layers are derived.
#[derive(Debug, Clone, Copy)]
pub struct LayerSecrets<'a> {
    /// The service's blinded key.
    pub key: &'a BlindedPublicKey,
    /// The service's subcredential.
    pub subcredential: &'a Subcredential,
    /// The descriptor's revision counter.
    pub revision_counter: u64,
}

/// Encrypts a layer. Returns the salt, the encrypted text and the message
/// authentication code, one after another.
///
/// `salt` must be random: no salt may be used twice with the same secrets. The
/// text isn't padded.
///
/// ```
/// use scape_proto::netdoc::onion::{BlindedPublicKey, Layer, LayerSecrets, Subcredential};
/// use scape_proto::netdoc::onion::{open_layer, seal_layer};
///
/// let secrets = LayerSecrets {
///     key: &BlindedPublicKey::from_bytes([1; 32]),
///     subcredential: &Subcredential::from_bytes([2; 32]),
///     revision_counter: 42,
/// };
/// let sealed = seal_layer(Layer::First, secrets, &[3; 16], b"desc-auth-type x25519\n");
/// assert_eq!(open_layer(Layer::First, secrets, &sealed)?, b"desc-auth-type x25519\n");
/// # Ok::<(), scape_proto::netdoc::onion::OpenLayerError>(())
/// ```
pub fn seal_layer(
    layer: Layer<'_>,
    secrets: LayerSecrets<'_>,
    salt: &[u8; SALT],
    text: &[u8],
) -> Vec<u8> {
    let keys = Keys::derive(layer, secrets, salt);
    let mut sealed = Vec::with_capacity(SALT + text.len() + MAC);
    sealed.extend(salt);
    sealed.extend(text);
    if let Some((_, encrypted)) = sealed.split_first_chunk_mut::<SALT>() {
        stream_cipher::apply(&keys.key, &keys.iv, encrypted);
    }
    let mac = keys.mac(&sealed);
    sealed.extend(mac);
    sealed
}

/// Decrypts a layer. Padding is kept: it consists of zeros after the text.
///
/// ```
/// use scape_proto::netdoc::onion::{BlindedPublicKey, Layer, LayerSecrets, Subcredential};
/// use scape_proto::netdoc::onion::{OpenLayerError, open_layer, seal_layer};
///
/// let secrets = LayerSecrets {
///     key: &BlindedPublicKey::from_bytes([1; 32]),
///     subcredential: &Subcredential::from_bytes([2; 32]),
///     revision_counter: 42,
/// };
/// let sealed = seal_layer(Layer::First, secrets, &[3; 16], b"desc-auth-type x25519\n");
/// let others = LayerSecrets { revision_counter: 43, ..secrets };
/// assert_eq!(open_layer(Layer::First, others, &sealed), Err(OpenLayerError::Mac));
/// ```
///
/// # Errors
///
/// Returns [`OpenLayerError::Mac`] if the layer was encrypted with other
/// secrets or has been changed, and [`OpenLayerError::Length`] if it is too
/// short.
pub fn open_layer(
    layer: Layer<'_>,
    secrets: LayerSecrets<'_>,
    sealed: &[u8],
) -> Result<Vec<u8>, OpenLayerError> {
    let too_short = OpenLayerError::Length { length: sealed.len() };
    let (body, mac) = sealed.split_last_chunk::<MAC>().ok_or(too_short)?;
    let (salt, encrypted) = body.split_first_chunk::<SALT>().ok_or(too_short)?;
    if encrypted.is_empty() {
        return Err(too_short);
    }
    let keys = Keys::derive(layer, secrets, salt);
    if !same_bytes(&keys.mac(body), mac) {
        return Err(OpenLayerError::Mac);
    }
    let mut text = encrypted.to_vec();
    stream_cipher::apply(&keys.key, &keys.iv, &mut text);
    Ok(text)
}

/// The keys that encrypt and authenticate a layer.
struct Keys {
    key: Zeroizing<[u8; 32]>,
    iv: Zeroizing<[u8; 16]>,
    mac_key: Zeroizing<[u8; 32]>,
}

impl Keys {
    fn derive(layer: Layer<'_>, secrets: LayerSecrets<'_>, salt: &[u8; SALT]) -> Self {
        let (cookie, name) = match layer {
            Layer::First => (None, "hsdir-superencrypted-data"),
            Layer::Second { cookie } => (cookie, "hsdir-encrypted-data"),
        };
        let keys = kdf::derive::<80>(&[
            secrets.key.as_bytes(),
            cookie.map_or(&[], |cookie| cookie.expose()),
            secrets.subcredential.as_bytes(),
            &secrets.revision_counter.to_be_bytes(),
            salt,
            name.as_bytes(),
        ]);
        let mut parts = Keys {
            key: Zeroizing::new([0; 32]),
            iv: Zeroizing::new([0; 16]),
            mac_key: Zeroizing::new([0; 32]),
        };
        parts.key.copy_from_slice(&keys[..32]);
        parts.iv.copy_from_slice(&keys[32..48]);
        parts.mac_key.copy_from_slice(&keys[48..]);
        parts
    }

    /// Returns the message authentication code of a salt and an encrypted text.
    fn mac(&self, salt_and_text: &[u8]) -> [u8; MAC] {
        let (salt, text) = salt_and_text.split_first_chunk::<SALT>().unwrap_or((&[0; SALT], b""));
        let mut hash = Sha3_256::new();
        hash.update((MAC as u64).to_be_bytes());
        hash.update(&self.mac_key[..]);
        hash.update((SALT as u64).to_be_bytes());
        hash.update(salt);
        hash.update(text);
        hash.finalize().into()
    }
}

/// The error for a layer that can't be decrypted.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenLayerError {
    /// The layer has fewer than 49 bytes: a salt, a code and at least one byte
    /// of text.
    #[error("an encrypted layer has at least 49 bytes, this has {length}")]
    Length {
        /// The length of the layer in bytes.
        length: usize,
    },
    /// The message authentication code is wrong. Either the layer was encrypted
    /// with other secrets, or it has been changed.
    #[error("the layer was encrypted with other keys, or it has been changed")]
    Mac,
}

error_debug!(OpenLayerError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_layer_is_rejected() {
        let secrets = LayerSecrets {
            key: &BlindedPublicKey::from_bytes([1; 32]),
            subcredential: &Subcredential::from_bytes([2; 32]),
            revision_counter: 42,
        };
        let empty = seal_layer(Layer::First, secrets, &[3; 16], b"");
        for sealed in [&empty[..], b"", &[0; 47]] {
            let length = sealed.len();
            assert_eq!(
                open_layer(Layer::First, secrets, sealed),
                Err(OpenLayerError::Length { length })
            );
        }
        assert_eq!(open_layer(Layer::First, secrets, &[0; 49]), Err(OpenLayerError::Mac));
    }

    #[test]
    fn debug_output_of_layers_shows_no_secrets() {
        let cookie = DescriptorCookie::from_bytes([0x5a; 16]);
        let secrets = LayerSecrets {
            key: &BlindedPublicKey::from_bytes([1; 32]),
            subcredential: &Subcredential::from_bytes([0x5a; 32]),
            revision_counter: 42,
        };
        let text = format!("{secrets:?} {:?}", Layer::Second { cookie: Some(&cookie) });
        assert_eq!(text.matches("[redacted]").count(), 2, "{text}");
        assert!(!text.contains("90, 90") && !text.to_lowercase().contains("5a5a"), "{text}");
    }

    proptest! {
        #[test]
        fn sealed_layer_round_trip(
            values: [[u8; 32]; 2],
            cookie: Option<[u8; 16]>,
            revision_counter: u64,
            salt: [u8; 16],
            text in prop::collection::vec(any::<u8>(), 1..200),
            position: prop::sample::Index,
        ) {
            let (key, subcredential) =
                (BlindedPublicKey::from_bytes(values[0]), Subcredential::from_bytes(values[1]));
            let secrets =
                LayerSecrets { key: &key, subcredential: &subcredential, revision_counter };
            let cookie = cookie.map(DescriptorCookie::from_bytes);
            let second = Layer::Second { cookie: cookie.as_ref() };
            let sealed = seal_layer(second, secrets, &salt, &text);
            prop_assert_eq!(open_layer(second, secrets, &sealed), Ok(text));

            // The text can't be opened with other secrets, as another layer, or
            // with a changed byte.
            let other_cookie = DescriptorCookie::from_bytes([0; 16]);
            let other_key = BlindedPublicKey::from_bytes([0; 32]);
            let other_subcredential = Subcredential::from_bytes([0; 32]);
            let others = [
                (Layer::First, secrets),
                (Layer::Second { cookie: Some(&other_cookie) }, secrets),
                (second, LayerSecrets { key: &other_key, ..secrets }),
                (second, LayerSecrets { subcredential: &other_subcredential, ..secrets }),
                (second, LayerSecrets { revision_counter: revision_counter ^ 1, ..secrets }),
            ];
            for (layer, secrets) in others {
                prop_assert_eq!(open_layer(layer, secrets, &sealed), Err(OpenLayerError::Mac));
            }
            let mut changed = sealed.clone();
            changed[position.index(sealed.len())] ^= 1;
            prop_assert_eq!(open_layer(second, secrets, &changed), Err(OpenLayerError::Mac));
        }
    }
}
