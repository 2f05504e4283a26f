//! Clients that may decrypt a descriptor: rend-spec-v3, "First layer plaintext
//! format".

use curve25519_dalek::MontgomeryPoint;
use zeroize::Zeroizing;

use super::{DescriptorCookie, Subcredential, kdf, stream_cipher};
use crate::word::{ClientKey, ClientPublicKey};

/// The [cookie](DescriptorCookie) of a descriptor, encrypted for one client: a
/// line `auth-client`.
///
/// The client's entry is encrypted with a key that both sides compute: the
/// service from the client's public key and the secret half of an ephemeral
/// key, and the client from its secret key and the public half. The descriptor
/// contains the public half.
///
/// ```
/// use scape_proto::netdoc::onion::{AuthorizedClient, DescriptorCookie, Subcredential};
/// use scape_proto::word::ClientKey;
///
/// let client = ClientKey::from_bytes([1; 32]);
/// let ephemeral = ClientKey::from_bytes([2; 32]);
/// let cookie = DescriptorCookie::from_bytes([3; 16]);
/// let subcredential = Subcredential::from_bytes([4; 32]);
/// let entry = AuthorizedClient::seal(
///     &cookie,
///     &client.public_key(),
///     ephemeral.expose(),
///     &subcredential,
///     [5; 16],
/// )?;
///
/// let public = ephemeral.public_key();
/// let found =
///     AuthorizedClient::find_cookie(&[entry], &client, public.as_bytes(), &subcredential);
/// assert_eq!(found, Some(cookie));
/// # Ok::<(), scape_proto::netdoc::onion::WeakClientKeyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizedClient {
    /// The bytes by which the client finds its entry. They are different in
    /// each descriptor.
    pub id: [u8; 8],
    /// The initial counter of the encryption with AES in counter mode.
    pub iv: [u8; 16],
    /// The encrypted cookie.
    pub encrypted_cookie: [u8; 16],
}

impl AuthorizedClient {
    /// Encrypts a cookie for a client.
    ///
    /// `ephemeral_key` is the secret half of the descriptor's ephemeral x25519
    /// key. `iv` must be random.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::{AuthorizedClient, DescriptorCookie, Subcredential};
    /// use scape_proto::word::ClientPublicKey;
    ///
    /// // Everyone could compute the secret that is shared with this key.
    /// let weak = ClientPublicKey::from_bytes([0; 32]);
    /// let cookie = DescriptorCookie::from_bytes([3; 16]);
    /// let subcredential = Subcredential::from_bytes([4; 32]);
    /// let entry = AuthorizedClient::seal(&cookie, &weak, &[2; 32], &subcredential, [5; 16]);
    /// assert!(entry.is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the client's key is of small order, because then
    /// everyone could decrypt the cookie.
    pub fn seal(
        cookie: &DescriptorCookie,
        client: &ClientPublicKey,
        ephemeral_key: &[u8; 32],
        subcredential: &Subcredential,
        iv: [u8; 16],
    ) -> Result<Self, WeakClientKeyError> {
        let keys = Keys::derive(ephemeral_key, client.as_bytes(), subcredential);
        let Keys { id, cookie_key } = keys.ok_or(WeakClientKeyError)?;
        let mut encrypted_cookie = *cookie.expose();
        stream_cipher::apply(&cookie_key, &iv, &mut encrypted_cookie);
        Ok(AuthorizedClient { id, iv, encrypted_cookie })
    }

    /// Returns the cookie that one of the entries contains for this client.
    /// Returns `None` if no entry is for this client.
    ///
    /// `ephemeral_key` is the public half of the descriptor's ephemeral x25519
    /// key. The cookie isn't authenticated: only decrypting the second layer
    /// shows that it is right.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::{AuthorizedClient, Subcredential};
    /// use scape_proto::word::ClientKey;
    ///
    /// let client = ClientKey::from_bytes([1; 32]);
    /// let subcredential = Subcredential::from_bytes([4; 32]);
    /// assert_eq!(AuthorizedClient::find_cookie(&[], &client, &[9; 32], &subcredential), None);
    /// ```
    pub fn find_cookie(
        entries: &[AuthorizedClient],
        client: &ClientKey,
        ephemeral_key: &[u8; 32],
        subcredential: &Subcredential,
    ) -> Option<DescriptorCookie> {
        let keys = Keys::derive(client.expose(), ephemeral_key, subcredential)?;
        let entry = entries.iter().find(|entry| entry.id == keys.id)?;
        let mut cookie = Zeroizing::new(entry.encrypted_cookie);
        stream_cipher::apply(&keys.cookie_key, &entry.iv, &mut cookie[..]);
        Some(DescriptorCookie::from_bytes(*cookie))
    }
}

/// The values that only a client and a service can derive: the id of the
/// client's entry, and the key that encrypts the cookie.
struct Keys {
    id: [u8; 8],
    cookie_key: Zeroizing<[u8; 32]>,
}

impl Keys {
    /// Derives the values from the secret key of one side and the public key of
    /// the other. Returns `None` if the public key is of small order.
    fn derive(secret: &[u8; 32], public: &[u8; 32], subcredential: &Subcredential) -> Option<Self> {
        let seed = Zeroizing::new(MontgomeryPoint(*public).mul_clamped(*secret).to_bytes());
        if *seed == [0; 32] {
            return None;
        }
        let keys = kdf::derive::<40>(&[subcredential.as_bytes(), &seed[..]]);
        let (id, cookie_key) = keys.split_first_chunk()?;
        Some(Keys { id: *id, cookie_key: Zeroizing::new(cookie_key.try_into().ok()?) })
    }
}

/// Returns true if the Curve25519 key is of small order. The secret that anyone
/// shares with the owner of such a key is zero, so it isn't secret.
pub(super) fn is_small_order(key: &[u8; 32]) -> bool {
    // Clamping makes every scalar a multiple of 8, so a key of small order
    // gives zero.
    MontgomeryPoint(*key).mul_clamped([0; 32]).to_bytes() == [0; 32]
}

/// The error for a client's key of small order, which can't keep the cookie
/// secret.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client's public key is of small order: everyone could decrypt the descriptor")]
pub struct WeakClientKeyError;

error_debug!(WeakClientKeyError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes<const N: usize>(digits: &str) -> [u8; N] {
        hex::decode(digits).unwrap().try_into().unwrap()
    }

    #[test]
    fn authorized_client_matches_the_tests_of_tor() {
        // tor's src/test/test_hs_descriptor.c, test_build_authorized_client.
        let ephemeral = bytes("d023b674d993a5c8446bd2ca97e9961149b3c0e88c7dc14e8777744dd3468d6a");
        let client = bytes("8c1298fa6050e372f8598f6deca32e27b0ad457741422c2629ebb132cf7fae37");
        let entry = AuthorizedClient::seal(
            &DescriptorCookie::from_bytes(bytes("07d087f1d8c68393721f6e70316d3b29")),
            &ClientPublicKey::from_bytes(client),
            &ephemeral,
            &Subcredential::from_bytes([42; 32]),
            [1; 16],
        );
        let expected = AuthorizedClient {
            id: bytes("ec19b7ff4d2dda13"),
            iv: [1; 16],
            encrypted_cookie: bytes("b21222be13f385f355bd07b2381f9f29"),
        };
        assert_eq!(entry, Ok(expected));
    }

    proptest! {
        #[test]
        fn sealed_cookie_is_found_by_its_client_only(
            secrets: [[u8; 32]; 4],
            cookie: [u8; 16],
            iv: [u8; 16],
        ) {
            let [client, other, ephemeral, subcredential] = secrets;
            let (client, other) = (ClientKey::from_bytes(client), ClientKey::from_bytes(other));
            let subcredential = Subcredential::from_bytes(subcredential);
            let cookie = DescriptorCookie::from_bytes(cookie);
            let seal = |key: &ClientKey| {
                let key = key.public_key();
                AuthorizedClient::seal(&cookie, &key, &ephemeral, &subcredential, iv).unwrap()
            };
            let public = ClientKey::from_bytes(ephemeral).public_key();
            let find = |entries: &[AuthorizedClient]| {
                AuthorizedClient::find_cookie(entries, &client, public.as_bytes(), &subcredential)
            };
            prop_assert_eq!(find(&[seal(&other), seal(&client)]), Some(cookie.clone()));
            prop_assert_eq!(find(&[seal(&other)]), None);
        }
    }
}
