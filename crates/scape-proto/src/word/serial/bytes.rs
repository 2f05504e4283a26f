//! Serialized forms of bytes that have no type of their own.

use std::path::PathBuf;

use data_encoding::HEXUPPER;
use serde::{Serialize, Serializer};

/// Bytes that are serialized as hexadecimal digits in upper case, like a
/// fingerprint.
pub(crate) struct Hex<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXUPPER.encode(&self.0))
    }
}

/// Serializes bytes as hexadecimal digits in upper case.
pub(crate) fn bytes<T: AsRef<[u8]>, S: Serializer>(
    bytes: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&HEXUPPER.encode(bytes.as_ref()))
}

/// Serializes optional bytes as hexadecimal digits in upper case.
pub(crate) fn hex<T: AsRef<[u8]>, S: Serializer>(
    bytes: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(|bytes| HEXUPPER.encode(bytes.as_ref())).serialize(serializer)
}

/// Serializes a path as text. The implementation in serde would return an error
/// for a path that isn't UTF-8.
pub(crate) fn path<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}
