//! [`Trace`]: counts the bytes that a chain of readers has read, and stores the
//! chain's first failure and the token that cancels the reading.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::format::Format;
use crate::io::cancel::CancelToken;

/// A stream of bytes: a file, or the output of a decoder.
pub(super) type Stream = Box<dyn Read + Send>;

/// A failure of one reader in a chain.
#[derive(Debug)]
pub(super) enum Fault {
    /// The token that can end the reading was cancelled.
    Cancelled,
    /// The file or the stream at the start of the chain failed.
    Io(io::Error),
    /// Data of this format is invalid.
    Broken(Format, io::Error),
    /// This build of the crate can't read the format.
    NoFeature(Format),
    /// Archives and compressed files are nested too deeply.
    TooDeep,
}

/// A record of a chain of readers, such as a file, a decoder and an archive. It
/// counts the bytes that were read, and keeps the first failure and the token
/// that ends the reading.
///
/// Some decoders replace an error of the reader below them by an error of their
/// own. The trace keeps the first error, which is the error of the reader that
/// failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    shared: Arc<Shared>,
    cancel: Option<CancelToken>,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicU64,
    fault: Mutex<Option<Fault>>,
}

impl Trace {
    pub(super) fn new(cancel: Option<CancelToken>) -> Self {
        Trace { shared: Arc::default(), cancel }
    }

    /// Returns the number of bytes that were read at the start of the chain.
    pub(super) fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Records a fault, unless an earlier fault is already recorded.
    pub(super) fn record(&self, fault: Fault) {
        self.shared.fault.lock().get_or_insert(fault);
    }

    /// Returns true if a fault is recorded.
    pub(super) fn has_fault(&self) -> bool {
        self.shared.fault.lock().is_some()
    }

    /// Takes the recorded fault. Returns `None` if no fault is recorded.
    pub(super) fn take(&self) -> Option<Fault> {
        self.shared.fault.lock().take()
    }

    /// Records [`Fault::Cancelled`] if the token was cancelled.
    ///
    /// # Errors
    ///
    /// Returns an error if the token was cancelled.
    pub(super) fn check_cancelled(&self) -> io::Result<()> {
        if self.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            self.record(Fault::Cancelled);
            return Err(io::Error::other("cancelled"));
        }
        Ok(())
    }
}

/// The first reader of a chain, which reads the file or the stream itself.
pub(super) struct Source<R> {
    inner: R,
    trace: Trace,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R, trace: Trace) -> Self {
        Source { inner, trace }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.trace.check_cancelled()?;
            match self.inner.read(buffer) {
                Ok(count) => {
                    self.trace.shared.bytes.fetch_add(count as u64, Ordering::Relaxed);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let passed_on = io::Error::other("the source failed");
                    self.trace.record(Fault::Io(error));
                    return Err(passed_on);
                }
            }
        }
    }
}

/// A decoder in a chain of readers. The inner decoder is dropped after an
/// error, because a decoder need not work after an error.
pub(super) struct Decoder {
    inner: Option<Stream>,
    format: Format,
    trace: Trace,
}

impl Decoder {
    pub(super) fn new(inner: Stream, format: Format, trace: Trace) -> Self {
        Decoder { inner: Some(inner), format, trace }
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(inner) = &mut self.inner else {
            return Err(io::Error::other("the decoder has failed before"));
        };
        match inner.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.inner = None;
                self.trace.record(Fault::Broken(self.format, error));
                Err(io::Error::other("the decoder failed"))
            }
            result => result,
        }
    }
}
