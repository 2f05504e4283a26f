//! Values of options.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The value of an option, in tor's own form.
///
/// `bool` becomes `0` or `1`; numbers, addresses and paths are written as tor reads them; text is taken as it is, in
/// the form of tor's manual (`"10 minutes"`, `"9052 IsolateDestAddr"`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionValue(Vec<u8>);

impl OptionValue {
    /// The bytes that go into the torrc, before quoting.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for OptionValue {
    fn from(text: &str) -> Self {
        OptionValue(text.into())
    }
}

impl From<String> for OptionValue {
    fn from(text: String) -> Self {
        OptionValue(text.into())
    }
}

impl From<&String> for OptionValue {
    fn from(text: &String) -> Self {
        OptionValue(text.as_str().into())
    }
}

impl From<bool> for OptionValue {
    fn from(on: bool) -> Self {
        OptionValue(if on { "1".into() } else { "0".into() })
    }
}

impl From<SocketAddr> for OptionValue {
    fn from(address: SocketAddr) -> Self {
        OptionValue(address.to_string().into())
    }
}

/// A path need not be UTF-8.
impl From<&Path> for OptionValue {
    fn from(path: &Path) -> Self {
        OptionValue(path.as_os_str().as_encoded_bytes().to_vec())
    }
}

impl From<PathBuf> for OptionValue {
    fn from(path: PathBuf) -> Self {
        path.as_path().into()
    }
}

macro_rules! from_number {
    ($($number:ty),*) => {$(
        impl From<$number> for OptionValue {
            fn from(number: $number) -> Self {
                OptionValue(number.to_string().into())
            }
        }
    )*};
}

from_number!(u8, u16, u32, u64, usize, i32, i64);
