//! Converts file paths that tor reports to paths of this system.

use std::path::PathBuf;

/// Converts the bytes of a path that tor wrote to a [`PathBuf`]. On Unix, the
/// bytes aren't changed, even if they aren't UTF-8. On other systems, bytes
/// that aren't UTF-8 are replaced by U+FFFD.
///
/// ```
/// use std::path::Path;
/// use scape_proto::word::path_of;
///
/// assert_eq!(path_of(b"/run/tor/control"), Path::new("/run/tor/control"));
/// ```
#[cfg(unix)]
pub fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

/// Converts the bytes of a path that tor wrote to a [`PathBuf`]. On Unix, the
/// bytes aren't changed. On other systems, bytes that aren't UTF-8 are replaced
/// by U+FFFD.
///
/// ```
/// use std::path::Path;
/// use scape_proto::word::path_of;
///
/// assert_eq!(path_of(b"/run/tor/control"), Path::new("/run/tor/control"));
/// ```
#[cfg(not(unix))]
pub fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}
