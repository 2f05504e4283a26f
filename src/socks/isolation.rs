//! SOCKS credentials, by which tor keeps streams on circuits of their own.

use std::fmt;
use std::hash::{Hash, Hasher};

use zeroize::Zeroizing;

use crate::protocol::{ArgumentError, ArgumentProblem};
use crate::word::Secret;

/// What tor's reserved user names begin with (socks-extensions, "Extended
/// authentication").
const RESERVED: &[u8] = b"<torS0X>";
/// The only reserved user name that tor 0.4.9 takes; the password is then the
/// isolation token.
const RESERVED_KNOWN: &[u8] = b"<torS0X>0";

/// A SOCKS user name and password, which tor takes for stream isolation:
/// streams with different ones never share a circuit (on ports with
/// `IsolateSOCKSAuth`, which is tor's default).
///
/// Neither is an account of anything; any will do, and [`Isolation::random`]
/// makes a fresh one. Streams of one identity or task should have the same, and
/// nothing else should.
#[derive(Clone)]
pub struct Isolation {
    user: Secret,
    password: Secret,
}

impl Isolation {
    /// Fresh credentials, which nobody else has: a user name of 32 random
    /// hexadecimal digits.
    pub fn random() -> Self {
        let user = Zeroizing::new(hex::encode(rand::random::<[u8; 16]>()));
        Isolation { user: Secret::from(user.as_str()), password: Secret::from("0") }
    }

    /// Creates credentials. Each must have 1 to 255 bytes (RFC 1929); any bytes
    /// will do.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) for another length,
    /// and for a user name that starts with `<torS0X>` but is not `<torS0X>0`:
    /// such names are reserved, and tor closes a connection that uses one
    /// without an answer.
    pub fn new(user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Result<Self, ArgumentError> {
        let (user, password) = (user.as_ref(), password.as_ref());
        for (name, bytes) in [("user name", user), ("password", password)] {
            if bytes.is_empty() {
                return Err(ArgumentError::new("Isolation", name, ArgumentProblem::Empty));
            }
            if bytes.len() > 255 {
                let why = format!("has {} bytes, but may have 255", bytes.len());
                return Err(ArgumentError::invalid("Isolation", name, why));
            }
        }
        if user.starts_with(RESERVED) && user != RESERVED_KNOWN {
            let why = "starts with <torS0X>, which tor reserves: it would close the connection";
            return Err(ArgumentError::invalid("Isolation", "user name", why));
        }
        Ok(Isolation { user: Secret::new(user), password: Secret::new(password) })
    }

    /// The user name. tor shows it in stream events (`SOCKS_USERNAME`), by
    /// which a stream can be known again.
    pub fn user(&self) -> &[u8] {
        self.user.expose()
    }

    /// The message of RFC 1929 that holds both.
    pub(super) fn message(&self) -> Zeroizing<Vec<u8>> {
        let mut message = Zeroizing::new(Vec::with_capacity(3 + 2 * 255));
        message.push(1);
        for part in [&self.user, &self.password] {
            // `new` has seen to it that the length is a byte.
            message.push(part.expose().len() as u8);
            message.extend_from_slice(part.expose());
        }
        message
    }
}

impl PartialEq for Isolation {
    fn eq(&self, other: &Self) -> bool {
        self.user.expose() == other.user.expose()
            && self.password.expose() == other.password.expose()
    }
}

impl Eq for Isolation {}

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
    fn the_message_is_that_of_rfc_1929() {
        let isolation = Isolation::new("ab", [0, 255, 10]).unwrap();
        assert_eq!(isolation.message().as_slice(), b"\x01\x02ab\x03\x00\xff\x0a");
        let long = Isolation::new([b'u'; 255], [b'p'; 255]).unwrap();
        assert_eq!(long.message().len(), 3 + 255 + 255);
    }

    #[test]
    fn what_tor_or_the_rfc_refuses_is_refused() {
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
    fn random_ones_differ_and_none_is_shown() {
        let (a, b) = (Isolation::random(), Isolation::random());
        assert!(a != b && a == a.clone());
        assert_eq!(a.user().len(), 32);
        assert_eq!(format!("{a:?}"), "Isolation([redacted])");
        let error = Isolation::new("<torS0X>sesame", "open").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sesame"));
    }
}
