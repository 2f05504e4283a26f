//! [`OpenFile`]: reads the documents of one file or stream. In an archive,
//! these are the documents of the members.

use std::io::{self, Read};
use std::sync::Arc;

use scape_proto::netdoc::{DocumentKind, DocumentSplitter};

use super::archive::Archive;
use super::decoders::{Opened, open};
use super::error::{ReadError, ReadProblem};
use super::found::FoundDocument;
use super::names;
use super::place::Place;
use super::trace::{Fault, Source, Stream, Trace};
use crate::error::{Cancelled, Error, Phase};

/// A file or a stream that is being read.
///
/// Archives can contain archives, so `archives` is a stack with the innermost
/// archive at the end. `content` is a member of the innermost archive. If an
/// archive fails, the archives inside it are dropped, and reading continues
/// with the next member of the archive around it.
pub(super) struct OpenFile {
    trace: Trace,
    place: Arc<Place>,
    settings: Settings,
    /// The file's bytes. `None` after the first step, which recognizes the
    /// format.
    start: Option<Stream>,
    archives: Vec<Level>,
    content: Option<Content>,
}

/// The settings of a `DocumentReader` that apply to each of its files: the
/// maximum size of a document in bytes, and the kind of documents that have no
/// annotation `@type`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) longest: usize,
    pub(super) kind: Option<DocumentKind>,
}

/// An archive whose members are being read.
struct Level {
    archive: Archive,
    place: Arc<Place>,
    /// The number of archives and compressed files around the members.
    layers: usize,
}

/// A file or an archive member that contains plain documents.
struct Content {
    stream: Stream,
    place: Arc<Place>,
    splitter: DocumentSplitter,
    /// The number of bytes that were read from `stream`.
    position: u64,
    is_finished: bool,
}

/// The result of one step of reading.
pub(super) enum Step {
    Document(FoundDocument),
    /// Bytes were read, but no further document is complete yet.
    Further,
    /// The file has no more documents.
    End,
    Failed(Error),
}

impl OpenFile {
    pub(super) fn new(
        stream: impl Read + Send + 'static,
        place: Place,
        trace: Trace,
        settings: Settings,
    ) -> Self {
        let start: Stream = Box::new(Source::new(stream, trace.clone()));
        OpenFile {
            trace,
            place: Arc::new(place),
            settings,
            start: Some(start),
            archives: Vec::new(),
            content: None,
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the number of bytes that were read from the file, before
    /// decompression.
    pub(super) fn bytes(&self) -> u64 {
        self.trace.bytes()
    }

    /// Makes one step of reading: opens the file or its next member, reads
    /// bytes, or returns a document. One step reads at most as many bytes as
    /// fit in `chunk`.
    pub(super) fn step(&mut self, chunk: &mut [u8]) -> Step {
        // A decoder may produce many bytes from few bytes of the file. So
        // cancellation isn't only checked when the file is read.
        if self.trace.check_cancelled().is_err() {
            return self.fail(self.place.clone(), 0);
        }
        if let Some(stream) = self.start.take() {
            self.open(stream, self.place.clone(), 0)
        } else if let Some(content) = self.content.take() {
            self.read_content(content, chunk)
        } else if self.archives.is_empty() {
            Step::End
        } else {
            self.next_member()
        }
    }

    fn open(&mut self, stream: Stream, place: Arc<Place>, layers: usize) -> Step {
        match open(stream, layers, &self.trace) {
            Ok(Opened::Archive(archive, layers)) => {
                self.archives.push(Level { archive, place, layers });
            }
            Ok(Opened::Documents(stream, labelled)) => {
                let by_name = names::kind_of_file(place.innermost());
                let splitter = DocumentSplitter::new(self.settings.longest);
                let splitter = match self.settings.kind.or(labelled).or(by_name) {
                    Some(kind) => splitter.kind(kind),
                    None => splitter,
                };
                let content = Content { stream, place, splitter, position: 0, is_finished: false };
                self.content = Some(content);
            }
            Err(_) => return self.fail(place, 0),
        }
        Step::Further
    }

    /// Returns the next document of the content. If no document is complete,
    /// reads the next bytes instead. The content is put back into `self` unless
    /// it has ended or failed.
    fn read_content(&mut self, mut content: Content, chunk: &mut [u8]) -> Step {
        match content.splitter.next_document() {
            Ok(Some(document)) => {
                let found = FoundDocument::new(content.place.clone(), document);
                self.content = Some(content);
                return Step::Document(found);
            }
            Ok(None) if content.is_finished => return Step::Further,
            Ok(None) => {}
            Err(error) => {
                let problem = ReadProblem::TooLong(error);
                let error = ReadError::new(content.place, content.position, problem);
                return Step::Failed(error.into());
            }
        }
        match content.stream.read(chunk) {
            // A decoder may take a failure to read for the end of the data. The
            // trace still has the failure.
            Ok(0) if self.trace.has_fault() => return self.fail(content.place, content.position),
            Ok(0) => {
                content.splitter.finish();
                content.is_finished = true;
            }
            Ok(count) => {
                content.splitter.feed(chunk.get(..count).unwrap_or_default());
                content.position += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return self.fail(content.place, content.position),
        }
        self.content = Some(content);
        Step::Further
    }

    fn next_member(&mut self) -> Step {
        let Some(level) = self.archives.last() else { return Step::End };
        let (place, layers) = (level.place.clone(), level.layers);
        match level.archive.next_member() {
            Ok(Some(member)) if names::is_secret(&member.path) => Step::Further,
            Ok(Some(member)) => {
                self.open(member.stream, Arc::new(place.inside(&member.path)), layers)
            }
            Ok(None) => {
                self.archives.pop();
                Step::Further
            }
            Err(_) => {
                let position = level.archive.position();
                self.archives.pop();
                self.fail(place, position)
            }
        }
    }

    /// Returns the failed step for the fault that the trace has recorded. The
    /// error reports that reading failed in `place` after `position` bytes.
    fn fail(&self, place: Arc<Place>, position: u64) -> Step {
        let problem = match self.trace.take() {
            Some(Fault::Cancelled) => return Step::Failed(Cancelled::new(Phase::Read).into()),
            Some(Fault::Io(error)) => ReadProblem::Io(Arc::new(error)),
            Some(Fault::Broken(format, error)) => {
                ReadProblem::Broken { format, source: Arc::new(error) }
            }
            Some(Fault::NoFeature(format)) => ReadProblem::NoFeature(format),
            Some(Fault::TooDeep) => ReadProblem::TooDeep,
            None => ReadProblem::Io(Arc::new(io::Error::other("reading failed"))),
        };
        Step::Failed(ReadError::new(place, position, problem).into())
    }
}
