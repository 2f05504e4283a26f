//! Hashes of control port passwords: tor's manual, `HashedControlPassword`.

use std::fmt;
use std::str::FromStr;

use crate::word::same_bytes;

use data_encoding::{BASE64_NOPAD, HEXUPPER, HEXUPPER_PERMISSIVE};
use sha1::{Digest, Sha1};

/// The text before the hexadecimal digits of a hashed password.
const PREFIX: &str = "16:";
const SALT: usize = 8;
const HASH: usize = 20;
const LENGTH: usize = SALT + 1 + HASH;
/// The number of bytes to hash, in the encoding of OpenPGP: 0x60 stands for
/// 65,536 bytes. tor uses the same number.
const INDICATOR: u8 = 0x60;

/// A hashed password in the form that tor's options `HashedControlPassword` and
/// `__HashedControlSessionPassword` accept. It is the salted and iterated hash
/// of OpenPGP (RFC 4880, 3.7.1.3) with SHA-1. `tor --hash-password` computes
/// the same hash, but this type doesn't need tor.
///
/// `Display` writes `16:` and 58 hexadecimal digits. A hash can be parsed from
/// this text, with digits in upper or lower case. It can also be parsed from
/// the same 29 bytes in base64 without the prefix, because tor accepts that
/// form, too. `Debug` doesn't show the hash, because anyone who has it can try
/// passwords.
///
/// ```
/// use scape_proto::control::HashedPassword;
///
/// let hash = HashedPassword::with_salt("sesame", [1; 8]);
/// let torrc = format!("ControlPort 9051\nHashedControlPassword {hash}\n");
///
/// let read: HashedPassword = hash.to_string().parse()?;
/// assert!(read.verify("sesame") && !read.verify("Sesame"));
/// # let _ = torrc;
/// # Ok::<(), scape_proto::control::ParseHashedPasswordError>(())
/// ```
#[doc(alias = "hash-password")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HashedPassword {
    salt: [u8; SALT],
    indicator: u8,
    hash: [u8; HASH],
}

impl HashedPassword {
    /// Hashes a password with a random salt. The password may contain any
    /// bytes.
    ///
    /// ```
    /// use scape_proto::control::HashedPassword;
    ///
    /// let hash = HashedPassword::new("sesame");
    /// assert!(hash.to_string().starts_with("16:"));
    /// assert_ne!(hash, HashedPassword::new("sesame")); // another salt
    /// ```
    #[cfg(feature = "rand")]
    pub fn new(password: impl AsRef<[u8]>) -> Self {
        HashedPassword::with_salt(password, rand::random())
    }

    /// Hashes a password with this salt. The same password and salt give the
    /// same hash.
    ///
    /// ```
    /// use scape_proto::control::HashedPassword;
    ///
    /// let hash = HashedPassword::with_salt("sesame", [1; 8]);
    /// assert_eq!(hash, HashedPassword::with_salt("sesame", [1; 8]));
    /// assert_ne!(hash, HashedPassword::with_salt("sesame", [2; 8]));
    /// ```
    pub fn with_salt(password: impl AsRef<[u8]>, salt: [u8; 8]) -> Self {
        let hash = salted_and_iterated(&salt, INDICATOR, password.as_ref());
        HashedPassword { salt, indicator: INDICATOR, hash }
    }

    /// Returns true if this is the hash of `password`.
    ///
    /// ```
    /// use scape_proto::control::HashedPassword;
    ///
    /// // From `tor --hash-password sesame`.
    /// let hash = "16:2DAA8EF51DD8A50660802E315B5B4BFAF12F93B1B4211A715D4C9C4AE7";
    /// let hash: HashedPassword = hash.parse()?;
    /// assert!(hash.verify("sesame") && !hash.verify("Sesame"));
    /// # Ok::<(), scape_proto::control::ParseHashedPasswordError>(())
    /// ```
    pub fn verify(&self, password: impl AsRef<[u8]>) -> bool {
        let hash = salted_and_iterated(&self.salt, self.indicator, password.as_ref());
        same_bytes(&hash, &self.hash)
    }
}

/// Computes the SHA-1 of the repeated salt and password, up to the number of
/// bytes that the indicator encodes. Like tor, this function hashes exactly
/// this number of bytes, even if salt and password together are longer. RFC
/// 4880 would hash the whole salt and password at least once.
fn salted_and_iterated(salt: &[u8; SALT], indicator: u8, password: &[u8]) -> [u8; HASH] {
    let mut left = (16 + usize::from(indicator & 15)) << ((indicator >> 4) + 6);
    let mut sha1 = Sha1::new();
    while left > 0 {
        for part in [&salt[..], password] {
            let taken = &part[..part.len().min(left)];
            sha1.update(taken);
            left -= taken.len();
        }
    }
    sha1.finalize().into()
}

impl FromStr for HashedPassword {
    type Err = ParseHashedPasswordError;

    /// Parses `16:` and 58 hexadecimal digits, or 29 bytes in base64.
    /// Surrounding white space is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is anything else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let bytes = match text.strip_prefix(PREFIX) {
            Some(digits) => HEXUPPER_PERMISSIVE.decode(digits.as_bytes()).ok(),
            None => BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok(),
        };
        let bytes = bytes.and_then(|bytes| <[u8; LENGTH]>::try_from(bytes).ok());
        let bytes = bytes.ok_or(ParseHashedPasswordError { _private: () })?;
        let mut hashed =
            HashedPassword { salt: [0; SALT], indicator: bytes[SALT], hash: [0; HASH] };
        hashed.salt.copy_from_slice(&bytes[..SALT]);
        hashed.hash.copy_from_slice(&bytes[SALT + 1..]);
        Ok(hashed)
    }
}

/// Converts a hash to its text, for the options that accept a hashed password.
impl From<HashedPassword> for String {
    fn from(hashed: HashedPassword) -> String {
        hashed.to_string()
    }
}

impl fmt::Display for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.salt[..], &[self.indicator], &self.hash].concat();
        f.pad(&format!("{PREFIX}{}", HEXUPPER.encode(&bytes)))
    }
}

impl fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPassword([redacted])")
    }
}

/// The error for a text that isn't a [`HashedPassword`]. The text isn't
/// repeated in the message, because it may be the password itself.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("a hashed password is 16: and 58 hexadecimal digits, as tor --hash-password prints it")]
pub struct ParseHashedPasswordError {
    _private: (),
}

error_debug!(ParseHashedPasswordError);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The output of `tor --hash-password sesame` of tor 0.4.9.11.
    const SESAME: &str = "16:2DAA8EF51DD8A50660802E315B5B4BFAF12F93B1B4211A715D4C9C4AE7";
    /// The output of `tor --hash-password ""`, for an empty password.
    const NOTHING: &str = "16:322B7E0B33C8A79F6099836CFA3AE6ABDA534D782FFADAB0F2EAC73120";

    #[test]
    fn hash_made_by_tor_is_verified() {
        for (text, password) in [(SESAME, "sesame"), (NOTHING, "")] {
            let hashed: HashedPassword = text.parse().unwrap();
            assert_eq!(hashed.to_string(), text);
            assert!(hashed.verify(password));
            assert!(!hashed.verify("Sesame") && !hashed.verify("sesame "));
            assert_eq!(HashedPassword::with_salt(password, hashed.salt), hashed);
        }
    }

    #[test]
    fn hashed_password_in_every_form() {
        let hashed: HashedPassword = SESAME.parse().unwrap();
        let base64 =
            BASE64_NOPAD.encode(&hex::decode(SESAME.strip_prefix("16:").unwrap()).unwrap());
        for text in
            [SESAME.to_ascii_lowercase(), format!(" {SESAME}\n"), format!("{base64}="), base64]
        {
            assert_eq!(text.parse(), Ok(hashed.clone()), "{text}");
        }
    }

    #[test]
    fn malformed_hash_is_rejected_without_being_repeated() {
        let short = SESAME.strip_suffix("E7").unwrap();
        for text in ["", "16:", "sesame", "16:sesame", short, &format!("{SESAME}00"), "64:AAAA"] {
            let error = text.parse::<HashedPassword>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("sesame"), "{text}");
        }
    }

    #[test]
    fn indicator_limits_the_hashed_bytes() {
        // 1,024 bytes are less than the password, so tor ignores the rest of
        // it.
        let long = [b'x'; 2000];
        let hashed = HashedPassword {
            salt: [1; 8],
            indicator: 0,
            hash: Sha1::digest([&[1; 8][..], &long[..1016]].concat()).into(),
        };
        assert!(hashed.verify(long));
        assert!(hashed.verify(&long[..1016]), "tor accepts either");
        let repeated = [&[1; 8][..], b"abc"].concat().repeat(100);
        let hashed = HashedPassword { hash: Sha1::digest(&repeated[..1024]).into(), ..hashed };
        assert!(hashed.verify("abc"));
    }

    #[test]
    #[cfg(feature = "rand")]
    fn salt_is_random_and_debug_shows_nothing() {
        let (a, b) = (HashedPassword::new("sesame"), HashedPassword::new("sesame"));
        assert_ne!(a, b);
        assert!(a.verify("sesame") && b.verify(b"sesame"));
        assert_eq!(format!("{a:?}"), "HashedPassword([redacted])");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn hashed_password_round_trip(
            salt in any::<[u8; 8]>(),
            indicator in any::<u8>(),
            hash in any::<[u8; 20]>(),
        ) {
            let hashed = HashedPassword { salt, indicator, hash };
            prop_assert_eq!(hashed.to_string().parse(), Ok(hashed));
        }

        #[test]
        fn any_password_is_verified(
            password in any::<Vec<u8>>(),
            salt in any::<[u8; 8]>(),
            other in any::<Vec<u8>>(),
        ) {
            let hashed = HashedPassword::with_salt(&password, salt);
            prop_assert!(hashed.verify(&password));
            prop_assert_eq!(hashed.verify(&other), password == other);
        }

        #[test]
        fn parsed_hash_round_trip(text in any::<String>()) {
            if let Ok(hashed) = text.parse::<HashedPassword>() {
                prop_assert_eq!(hashed.to_string().parse(), Ok(hashed));
            }
        }
    }
}
