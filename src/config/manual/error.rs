//! tor's manual page that could not be read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Cause, ErrorKind};

/// tor's manual page is not there, or can't be read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ManualError {
    /// The page `tor.1` is not on this machine.
    NotInstalled {
        /// The directories of manual pages that were looked at.
        looked_at: Vec<PathBuf>,
    },
    /// The page's file cannot be read or unpacked.
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The operating system's answer, or what is wrong with the packed
        /// file.
        source: Arc<io::Error>,
    },
    /// The page is compressed in a way that can't be read.
    Compression {
        /// The path.
        path: PathBuf,
        /// The compression: `xz`, `zstd`, `bzip2` or `lzip`.
        compression: &'static str,
    },
    /// The file is far larger than tor's page, packed or unpacked.
    TooLarge {
        /// The path.
        path: PathBuf,
        /// The largest number of bytes that is read.
        limit: u64,
    },
    /// The file describes none of tor's options.
    NoOptions {
        /// The path.
        path: PathBuf,
    },
}

impl ManualError {
    /// Returns the file that this error is about, if there is one.
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
                    "tor's manual page (man1/tor.1, man1/tor.1.gz) is not installed. Looked in: ",
                )?;
                for (number, place) in looked_at.iter().enumerate() {
                    let comma = if number == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", place.display())?;
                }
                f.write_str(
                    ". Install tor's package (apt install tor, brew install tor; on Alpine tor-doc), set MANPATH, or name the file",
                )
            }
            ManualError::Unreadable { path, .. } => {
                write!(f, "tor's manual page {} cannot be read", path.display())
            }
            ManualError::Compression { path, compression } => write!(
                f,
                "tor's manual page {} is packed with {compression}, which is not known here: unpack it, and name that file",
                path.display()
            ),
            ManualError::TooLarge { path, limit } => write!(
                f,
                "{} is larger than any manual page of tor's (more than {limit} bytes, unpacked)",
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

impl Cause for ManualError {
    fn kind(&self) -> ErrorKind {
        match self {
            ManualError::NotInstalled { .. } => ErrorKind::NotFound,
            ManualError::Unreadable { .. } => ErrorKind::Io,
            ManualError::Compression { .. }
            | ManualError::TooLarge { .. }
            | ManualError::NoOptions { .. } => ErrorKind::Malformed,
        }
    }

    fn io_kind(&self) -> io::ErrorKind {
        match self {
            ManualError::Unreadable { source, .. } => source.kind(),
            _ => self.kind().io_kind(),
        }
    }
}
