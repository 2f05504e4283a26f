//! The errors of finding and reading a manual page.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An error of finding or reading tor's manual page.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ManualError {
    /// The page `tor.1` isn't installed on this machine.
    NotInstalled {
        /// The directories of manual pages that were searched.
        looked_at: Vec<PathBuf>,
    },
    /// The page's file can't be read or decompressed.
    Unreadable {
        /// The path of the page's file.
        path: PathBuf,
        /// The operating system's error, or the problem with the compressed
        /// file.
        source: Arc<io::Error>,
    },
    /// The page is compressed in an unsupported way.
    Compression {
        /// The path of the page's file.
        path: PathBuf,
        /// The compression: `xz`, `zstd`, `bzip2` or `lzip`.
        compression: &'static str,
    },
    /// The file is larger than `limit`, before or after decompression. tor's
    /// page is far smaller.
    TooLarge {
        /// The path of the page's file.
        path: PathBuf,
        /// The maximum size in bytes.
        limit: u64,
    },
    /// The file doesn't describe any of tor's options.
    NoOptions {
        /// The path of the page's file.
        path: PathBuf,
    },
}

impl ManualError {
    /// Returns the path of the file that this error is about. Returns `None`
    /// for [`NotInstalled`](Self::NotInstalled).
    ///
    /// ```
    /// use std::path::Path;
    /// use scape_manual::Manual;
    ///
    /// let error = Manual::read("/no/such/tor.1").expect_err("there is no such file");
    /// assert_eq!(error.path(), Some(Path::new("/no/such/tor.1")));
    /// ```
    pub fn path(&self) -> Option<&Path> {
        match self {
            ManualError::NotInstalled { .. } => None,
            ManualError::Unreadable { path, .. }
            | ManualError::Compression { path, .. }
            | ManualError::TooLarge { path, .. }
            | ManualError::NoOptions { path } => Some(path),
        }
    }
}

impl fmt::Display for ManualError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ManualError::NotInstalled { looked_at } => {
                f.write_str(
                    "tor's manual page (man1/tor.1, man1/tor.1.gz) is not installed: searched ",
                )?;
                for (number, place) in looked_at.iter().enumerate() {
                    let comma = if number == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", place.display())?;
                }
                f.write_str(
                    "; install tor's package (apt install tor, brew install tor; on Alpine tor-doc), set MANPATH, or name the file",
                )
            }
            ManualError::Unreadable { path, .. } => {
                write!(f, "tor's manual page {} cannot be read", path.display())
            }
            ManualError::Compression { path, compression } => write!(
                f,
                "tor's manual page {} is compressed with {compression}, which is not supported: decompress it, and name that file",
                path.display()
            ),
            ManualError::TooLarge { path, limit } => write!(
                f,
                "{} is larger than any manual page of tor (more than {limit} bytes after decompression)",
                path.display()
            ),
            ManualError::NoOptions { path } => {
                write!(f, "{} describes no options: is it tor's manual page?", path.display())
            }
        }
    }
}

impl std::error::Error for ManualError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ManualError::Unreadable { source, .. } => Some(&**source),
            _ => None,
        }
    }
}
