//! SOCKS user names, which isolate streams.

use std::fmt;
use std::ops::Deref;

/// The SOCKS user name of a stream or a circuit, as tor reports it.
///
/// For a stream from an HTTP tunnel port, the user name is the whole
/// `Proxy-Authorization` header, including the password. Such a header contains
/// a space. Therefore `Debug` redacts every user name that contains a space.
///
/// ```
/// use scape_proto::event::SocksUsername;
///
/// assert_eq!(format!("{:?}", SocksUsername::from("bob")), r#"SocksUsername("bob")"#);
/// assert_eq!(format!("{:?}", SocksUsername::from("Basic Ym9iOnNlc2FtZQ==")), "SocksUsername([redacted])");
/// assert_eq!(&*SocksUsername::from("bob"), "bob");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SocksUsername(Box<str>);

impl SocksUsername {
    /// Returns the user name as text.
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
