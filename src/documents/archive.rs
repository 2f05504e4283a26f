//! Reading the members of a tar archive from a stream.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::format::{Format, TAR_BLOCK};
use super::trace::{Fault, Stream, Trace};

/// The maximum size of the headers of one member, in bytes. The headers include
/// long paths and extended attributes, and the decoder keeps them in memory.
#[cfg(feature = "tar")]
const LONGEST_HEADER: u64 = 1 << 20;

/// A tar archive that is read from front to back.
///
/// The archive and the readers of its members share the stream, so that a
/// decoder for a member needn't borrow the archive. Only one member is read at
/// a time.
pub(super) struct Archive {
    shared: Arc<Mutex<Shared>>,
    trace: Trace,
}

struct Shared {
    stream: Stream,
    /// The number of bytes that were taken from the stream.
    position: u64,
    /// The number of bytes of the current member that are not yet read.
    left: u64,
    /// The number of bytes between the current member and the next header.
    padding: u64,
    /// True after the end of the archive or an error, because nothing more can
    /// be read then.
    is_over: bool,
}

/// A regular file in an archive.
pub(super) struct Member {
    pub(super) path: PathBuf,
    pub(super) stream: Stream,
}

/// The fields of a member's headers that the reader needs.
struct Header {
    path: PathBuf,
    /// The number of bytes that the member takes in the archive.
    size: u64,
    is_file: bool,
}

impl Archive {
    pub(super) fn new(stream: Stream, trace: Trace) -> Self {
        let shared = Shared { stream, position: 0, left: 0, padding: 0, is_over: false };
        Archive { shared: Arc::new(Mutex::new(shared)), trace }
    }

    /// Returns the number of bytes that were read from the archive.
    pub(super) fn position(&self) -> u64 {
        self.shared.lock().position
    }

    /// Returns the next regular file, or `None` at the end of the archive.
    /// Skips directories, links and devices, and also the unread rest of the
    /// previous member.
    ///
    /// # Errors
    ///
    /// Returns an error if the archive is broken. No other member can be read
    /// then. The archive's [`Trace`] contains the cause.
    pub(super) fn next_member(&self) -> io::Result<Option<Member>> {
        let mut shared = self.shared.lock();
        let found = shared.find_file(&self.trace);
        shared.is_over |= !matches!(found, Ok(Some(_)));
        let path = found?;
        Ok(path.map(|path| {
            let reader = MemberReader { shared: self.shared.clone(), trace: self.trace.clone() };
            Member { path, stream: Box::new(reader) }
        }))
    }
}

impl Shared {
    fn find_file(&mut self, trace: &Trace) -> io::Result<Option<PathBuf>> {
        let broken = |error: io::Error| {
            let passed_on = io::Error::from(error.kind());
            trace.record(Fault::Broken(Format::Tar, error));
            passed_on
        };
        while !self.is_over {
            // Padding may be missing after the last member, so only missing
            // content is an error.
            let rest = self.left;
            if self.skip(rest, trace).map_err(broken)? < rest {
                return Err(broken(ends_inside()));
            }
            self.left = 0;
            self.skip(self.padding, trace).map_err(broken)?;
            let Some(header) = self.read_header().map_err(broken)? else {
                // Decoders check their checksums at the end of the data. So
                // read to the end.
                self.skip(u64::MAX, trace).map_err(broken)?;
                return Ok(None);
            };
            self.left = header.size;
            let block = TAR_BLOCK as u64;
            self.padding = (block - header.size % block) % block;
            if header.is_file {
                return Ok(Some(header.path));
            }
        }
        Ok(None)
    }

    /// Skips `count` bytes and returns the number of bytes that were skipped.
    /// That number is smaller than `count` if the archive ends first.
    fn skip(&mut self, count: u64, trace: &Trace) -> io::Result<u64> {
        let mut chunk = [0; 8192];
        let mut skipped = 0;
        while skipped < count {
            trace.check_cancelled()?;
            let most = usize::try_from(count - skipped).unwrap_or(usize::MAX).min(chunk.len());
            let read = self.stream.read(chunk.get_mut(..most).unwrap_or_default())? as u64;
            if read == 0 {
                break;
            }
            skipped += read;
            self.position += read;
        }
        Ok(skipped)
    }

    /// Reads all headers of the next member. Returns `None` at the end of the
    /// archive.
    #[cfg(feature = "tar")]
    fn read_header(&mut self) -> io::Result<Option<Header>> {
        // The crate's own iterator would borrow the archive, and would keep
        // headers of any length. So each member begins an archive of its own
        // for the crate.
        let mut limited = (&mut self.stream).take(LONGEST_HEADER);
        let header = first_header(&mut limited);
        self.position += LONGEST_HEADER - limited.limit();
        header
    }

    #[cfg(not(feature = "tar"))]
    fn read_header(&mut self) -> io::Result<Option<Header>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(feature = "tar")]
fn first_header(stream: impl Read) -> io::Result<Option<Header>> {
    use tar::EntryType;

    let mut archive = tar::Archive::new(stream);
    let Some(entry) = archive.entries()?.next() else { return Ok(None) };
    let entry = entry?;
    let kind = entry.header().entry_type();
    let path = match entry.path() {
        Ok(path) => path.into_owned(),
        Err(_) => String::from_utf8_lossy(&entry.path_bytes()).into_owned().into(),
    };
    let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous)
        && !entry.path_bytes().ends_with(b"/");
    // Of a sparse file, only the parts with data are in the archive.
    let is_sparse = kind == EntryType::GNUSparse;
    let size = if is_sparse { entry.header().entry_size()? } else { entry.size() };
    Ok(Some(Header { path, size, is_file }))
}

/// A reader of a member's content.
struct MemberReader {
    shared: Arc<Mutex<Shared>>,
    trace: Trace,
}

impl Read for MemberReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut shared = self.shared.lock();
        let most = usize::try_from(shared.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let result = match shared.stream.read(buffer.get_mut(..most).unwrap_or_default()) {
            Ok(0) => {
                self.trace.record(Fault::Broken(Format::Tar, ends_inside()));
                Err(ends_inside())
            }
            result => result,
        };
        match &result {
            Ok(count) => {
                shared.left -= *count as u64;
                shared.position += *count as u64;
            }
            Err(error) => shared.is_over |= error.kind() != io::ErrorKind::Interrupted,
        }
        result
    }
}

fn ends_inside() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends inside a member")
}
