//! SOCKS credentials, which tor uses for stream isolation.

use std::fmt;
use std::hash::{Hash, Hasher};

#[cfg(feature = "rand")]
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::control::{ArgumentError, ArgumentProblem};
use crate::word::Secret;

/// The prefix of tor's reserved user names (socks-extensions, "Extended
/// authentication").
const RESERVED: &[u8] = b"<torS0X>";
/// The only reserved user name that tor 0.4.9 accepts. If a client sends this
/// name, tor takes the password as the isolation token.
const RESERVED_KNOWN: &[u8] = b"<torS0X>0";

/// A SOCKS user name and password for stream isolation. On a port with the flag
/// `IsolateSOCKSAuth`, which is tor's default, streams with different
/// credentials never share a circuit.
///
/// The credentials don't belong to any account. Any values are valid, except
/// for names that tor reserves (see [`Isolation::new`]). Use the same
/// credentials for all streams of one identity or task, and for nothing else.
///
/// ```
/// use scape_proto::socks::Isolation;
///
/// let alice = Isolation::new("alice", "mail")?;
/// assert_ne!(alice, Isolation::new("alice", "web")?);
/// assert!(Isolation::new("", "mail").is_err());
/// # Ok::<(), scape_proto::control::ArgumentError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Isolation {
    user: Secret,
    password: Secret,
}

impl Isolation {
    /// Creates new credentials that nobody else has: a user name of 32 random
    /// hexadecimal digits, and the password `0`.
    ///
    /// ```
    /// use scape_proto::socks::Isolation;
    ///
    /// let isolation = Isolation::random();
    /// assert_eq!(isolation.user().len(), 32);
    /// assert_ne!(isolation, Isolation::random());
    /// ```
    #[cfg(feature = "rand")]
    pub fn random() -> Self {
        let user = Zeroizing::new(HEXLOWER.encode(&rand::random::<[u8; 16]>()));
        Isolation { user: Secret::from(user.as_str()), password: Secret::from("0") }
    }

    /// Creates credentials from a user name and a password. Each must have 1 to
    /// 255 bytes (RFC 1929). All byte values are allowed.
    ///
    /// ```
    /// use scape_proto::socks::Isolation;
    ///
    /// let isolation = Isolation::new("alice", "mail")?;
    /// assert_eq!(isolation.user(), b"alice");
    /// assert_ne!(isolation, Isolation::new("alice", "chat")?);
    /// assert!(Isolation::new("<torS0X>alice", "mail").is_err());
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the user name or the password is empty or longer
    /// than 255 bytes. Also returns an error for a user name that starts with
    /// `<torS0X>` but isn't `<torS0X>0`, because tor reserves such names. If a
    /// client sends such a name, tor closes the connection without answering.
    pub fn new(user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Result<Self, ArgumentError> {
        let (user, password) = (user.as_ref(), password.as_ref());
        for (name, bytes) in [("user name", user), ("password", password)] {
            if bytes.is_empty() {
                return Err(ArgumentError::new("Isolation", name, ArgumentProblem::Empty));
            }
            if bytes.len() > 255 {
                let why = format!("has {} bytes, but may have at most 255", bytes.len());
                return Err(ArgumentError::invalid("Isolation", name, why));
            }
        }
        if user.starts_with(RESERVED) && user != RESERVED_KNOWN {
            let why = "starts with <torS0X>, which tor reserves: it would close the connection";
            return Err(ArgumentError::invalid("Isolation", "user name", why));
        }
        Ok(Isolation { user: Secret::new(user), password: Secret::new(password) })
    }

    /// Returns the user name. tor reports the user name of a stream in STREAM
    /// events (`SOCKS_USERNAME`).
    pub fn user(&self) -> &[u8] {
        self.user.expose()
    }

    /// Returns the message of RFC 1929 that contains the user name and the
    /// password.
    pub(super) fn message(&self) -> Zeroizing<Vec<u8>> {
        let mut message = Zeroizing::new(Vec::with_capacity(3 + 2 * 255));
        message.push(1);
        for part in [&self.user, &self.password] {
            // `new` has checked that the length fits into a byte.
            message.push(part.expose().len() as u8);
            message.extend_from_slice(part.expose());
        }
        message
    }
}

impl Hash for Isolation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.user.expose().hash(state);
        self.password.expose().hash(state);
    }
}

impl fmt::Debug for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Isolation([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_message_is_that_of_rfc_1929() {
        let isolation = Isolation::new("ab", [0, 255, 10]).unwrap();
        assert_eq!(isolation.message().as_slice(), b"\x01\x02ab\x03\x00\xff\x0a");
        let long = Isolation::new([b'u'; 255], [b'p'; 255]).unwrap();
        assert_eq!(long.message().len(), 3 + 255 + 255);
    }

    #[test]
    fn invalid_credentials_are_rejected() {
        let long = [b'x'; 256];
        let bad: [(&[u8], &[u8]); 7] = [
            (b"", b"p"),
            (b"u", b""),
            (&long, b"p"),
            (b"u", &long),
            (b"<torS0X>", b"p"),
            (b"<torS0X>1", b"p"),
            (b"<torS0X>0abc", b"p"),
        ];
        for (user, password) in bad {
            assert!(Isolation::new(user, password).is_err(), "{user:?}");
        }
        for user in ["<torS0X>0", "<torS0x>", "x<torS0X>1", "<tor"] {
            assert!(Isolation::new(user, "p").is_ok(), "{user}");
        }
    }

    #[test]
    #[cfg(feature = "rand")]
    fn random_credentials_differ_and_are_not_shown() {
        let (a, b) = (Isolation::random(), Isolation::random());
        assert!(a != b && a == a.clone());
        assert_eq!(a.user().len(), 32);
        assert_eq!(format!("{a:?}"), "Isolation([redacted])");
        let error = Isolation::new("<torS0X>sesame", "open").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sesame"));
    }
}
