//! [`ReadError`]: a file or an archive that can't be read.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use scape_proto::netdoc::DocumentTooLong;

use super::format::Format;
use super::place::Place;
use crate::error::{Cause, ErrorKind};

/// The error for a file, a stream or a member of an archive that can't be read.
///
/// A [`DocumentReader`](super::DocumentReader) yields this error as an item,
/// and continues with the next member or file.
#[derive(Debug, Clone)]
pub struct ReadError {
    place: Arc<Place>,
    position: u64,
    problem: ReadProblem,
}

/// The reason for a [`ReadError`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ReadProblem {
    /// The operating system or the stream reported an error.
    Io(Arc<io::Error>),
    /// The file has a format that this build of the crate can't read. The
    /// feature [`Format::feature`] is missing.
    NoFeature(Format),
    /// The data isn't valid in its format, is cut off, or needs more than 128
    /// MiB of memory to be decompressed.
    Broken {
        /// The format of the data.
        format: Format,
        /// The error of the decoder.
        source: Arc<io::Error>,
    },
    /// A document is longer than [`longest`](super::DocumentReader::longest)
    /// allows.
    TooLong(DocumentTooLong),
    /// Archives and compressed files are nested more than 8 deep.
    TooDeep,
}

impl ReadError {
    pub(super) fn new(place: Arc<Place>, position: u64, problem: ReadProblem) -> Self {
        ReadError { place, position, problem }
    }

    /// Returns the path of the file or directory, or the name of the stream.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Returns the path of the archive member with the error, or `None` if the
    /// error isn't in a member.
    pub fn member(&self) -> Option<&Path> {
        self.place.member()
    }

    /// Returns the number of bytes that had been read when the error happened.
    /// They are counted from the start of the decompressed file or member.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Returns the reason why the data can't be read.
    pub fn problem(&self) -> &ReadProblem {
        &self.problem
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}", self.place)?;
        if self.position > 0 {
            write!(f, " after byte {}", self.position)?;
        }
        match &self.problem {
            ReadProblem::Io(_) => Ok(()),
            ReadProblem::NoFeature(format) => {
                let feature = format.feature();
                write!(f, ": it has the format {format}: build scape with the feature `{feature}`")
            }
            ReadProblem::Broken { format, .. } => write!(f, ": the {format} data is broken"),
            ReadProblem::TooLong(error) => write!(f, ": {error}"),
            ReadProblem::TooDeep => {
                write!(f, ": more than 8 archives and compressed files are inside each other")
            }
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            ReadProblem::Io(source) | ReadProblem::Broken { source, .. } => Some(&**source),
            ReadProblem::NoFeature(_) | ReadProblem::TooLong(_) | ReadProblem::TooDeep => None,
        }
    }
}

impl Cause for ReadError {
    fn kind(&self) -> ErrorKind {
        match self.problem {
            ReadProblem::Io(_) => ErrorKind::Io,
            _ => ErrorKind::Malformed,
        }
    }

    fn io_kind(&self) -> io::ErrorKind {
        match &self.problem {
            ReadProblem::Io(source) => source.kind(),
            _ => io::ErrorKind::InvalidData,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn error(place: Place, position: u64, problem: ReadProblem) -> Error {
        ReadError::new(Arc::new(place), position, problem).into()
    }

    #[test]
    fn error_says_place_reason_and_remedy() {
        let place = Place::file("a.tar").inside(Path::new("b/c.xz"));
        let missing = error(place.clone(), 0, ReadProblem::NoFeature(Format::Lzma));
        assert_eq!(
            missing.to_string(),
            "cannot read b/c.xz in a.tar: it has the format lzma: build scape with the feature `xz`"
        );
        assert_eq!(missing.kind(), ErrorKind::Malformed);
        let source = Arc::new(io::Error::other("wrong checksum"));
        let broken = error(place, 7, ReadProblem::Broken { format: Format::Xz, source });
        assert_eq!(
            format!("{broken:?}"),
            "cannot read b/c.xz in a.tar after byte 7: the xz data is broken\n\
            caused by: wrong checksum"
        );
        let denied = ReadProblem::Io(Arc::new(io::ErrorKind::PermissionDenied.into()));
        let denied = error(Place::file("a"), 0, denied);
        assert_eq!(format!("{denied:?}"), "cannot read a\ncaused by: permission denied");
        assert_eq!(denied.kind(), ErrorKind::Io);
    }
}
