//! The user names that streams are isolated by.

use std::fmt;
use std::ops::Deref;

/// A SOCKS user name, as tor repeats it in what it says of streams and
/// circuits.
///
/// Of an HTTP tunnel port it is the whole `Proxy-Authorization` header,
/// password included. That has a space in it, so `Debug` shows no user name
/// with a space.
///
/// ```
/// use scape::event::SocksUsername;
///
/// assert_eq!(format!("{:?}", SocksUsername::from("bob")), r#"SocksUsername("bob")"#);
/// assert_eq!(format!("{:?}", SocksUsername::from("Basic Ym9iOnNlc2FtZQ==")), "SocksUsername([redacted])");
/// assert_eq!(&*SocksUsername::from("bob"), "bob");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SocksUsername(Box<str>);

impl SocksUsername {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for SocksUsername {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SocksUsername {
    fn from(text: &str) -> Self {
        SocksUsername(text.into())
    }
}

impl fmt::Debug for SocksUsername {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.contains(' ') {
            true => f.write_str("SocksUsername([redacted])"),
            false => write!(f, "SocksUsername({:?})", self.0),
        }
    }
}
