//! [`DocumentReader`]: an iterator over the documents of many files.

use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scape_proto::netdoc::DocumentKind;

use super::error::{ReadError, ReadProblem};
use super::file::{OpenFile, Settings, Step};
use super::found::FoundDocument;
use super::place::Place;
use super::progress::Progress;
use super::seen::{SeenFiles, Stamp};
use super::trace::{Stream, Trace};
use super::walk::{Unreadable, Walk, Walked};
use crate::error::{Cancelled, Error, Phase, Result};
use crate::io::cancel::CancelToken;
use crate::io::regular_file::RegularFile;

/// An iterator over the directory documents in files, directories, archives and
/// streams.
///
/// The methods add files, directories and streams, and set how they are read.
/// The iterator reads them in the order in which they were added. Archives and
/// compressed files are recognized by their content. They may be nested up to 8
/// deep: for example, a gzip file in a tar archive that is compressed with xz.
///
/// If a file can't be read, the iterator yields a [`ReadError`], and continues
/// with the next member of the archive or the next file. Invalid documents are
/// no errors here: the parsers report them.
///
/// Files are read from front to back, in parts. The reader keeps only the next
/// document in memory, so an archive may have any size. Decoders take up to 128
/// MiB of memory in addition, but usually much less.
///
/// ```
/// use scape::documents::DocumentReader;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("descriptors");
/// # std::fs::write(&path, "router a 127.0.0.1 1 0 0\nextra-info a 00\n")?;
/// for found in DocumentReader::new().path(&path) {
///     match found {
///         Ok(found) => println!("{:?}: {} bytes", found.kind(), found.text().len()),
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # assert_eq!(DocumentReader::new().path(&path).count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "DescriptorReader")]
#[doc(alias = "parse_file")]
pub struct DocumentReader {
    inputs: VecDeque<Input>,
    is_recursive: bool,
    settings: Settings,
    seen: Option<SeenFiles>,
    cancel: Option<CancelToken>,
    on_progress: Option<ProgressCallback>,
    /// The walk over the file or directory that is being read. `None` before
    /// the first one.
    walk: Option<Walk>,
    open: Option<OpenFile>,
    /// The path and the [`Stamp`] of the open file, if the file is to be
    /// recorded in `seen`.
    unrecorded: Option<(PathBuf, Stamp)>,
    /// The buffer for parts of files. It is empty until reading begins.
    chunk: Vec<u8>,
    /// The number of bytes of all files before the open file.
    bytes_before: u64,
    total_bytes: Option<u64>,
    documents: u64,
    is_over: bool,
}

enum Input {
    Path(PathBuf),
    Stream(PathBuf, Stream),
}

type ProgressCallback = Box<dyn FnMut(Progress<'_>) + Send>;

/// The maximum number of decompressed bytes that one read returns.
const CHUNK: usize = 64 << 10;

impl Default for DocumentReader {
    fn default() -> Self {
        DocumentReader {
            inputs: VecDeque::new(),
            is_recursive: true,
            settings: Settings { longest: 64 << 20, kind: None },
            seen: None,
            cancel: None,
            on_progress: None,
            walk: None,
            open: None,
            unrecorded: None,
            chunk: Vec::new(),
            bytes_before: 0,
            total_bytes: None,
            documents: 0,
            is_over: false,
        }
    }
}

impl DocumentReader {
    /// Creates a reader without files.
    ///
    /// ```
    /// assert!(scape::documents::DocumentReader::new().next().is_none());
    /// ```
    pub fn new() -> Self {
        DocumentReader::default()
    }

    /// Adds a file or a directory.
    ///
    /// In a directory, all regular files are read, sorted by their names.
    /// Symbolic links in a directory aren't followed, so nothing outside of the
    /// directory is read. Files that are named like tor's private keys and
    /// cookies aren't read, neither in directories nor in archives. For pipes
    /// and devices, use [`stream`](Self::stream).
    ///
    /// ```
    /// use scape::documents::DocumentReader;
    ///
    /// let mut reader = DocumentReader::new().path("/nowhere/archive.tar.xz").path("/nowhere");
    /// let error = reader.next().expect("an item").unwrap_err();
    /// assert_eq!(error.to_string(), "cannot read /nowhere/archive.tar.xz");
    /// assert_eq!(reader.count(), 1);
    /// ```
    #[must_use]
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.inputs.push_back(Input::Path(path.into()));
        self
    }

    /// Adds a stream of bytes, which may be an archive or compressed, like a
    /// file. `name` is the path that documents and errors of the stream have.
    ///
    /// ```
    /// use scape::documents::DocumentReader;
    ///
    /// let stream = &b"router a 127.0.0.1 1 0 0\n"[..]; // for example std::io::stdin()
    /// let found = DocumentReader::new().stream("standard input", stream).next();
    /// assert_eq!(found.expect("a document")?.path(), "standard input".as_ref() as &std::path::Path);
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[must_use]
    pub fn stream(mut self, name: impl Into<PathBuf>, stream: impl Read + Send + 'static) -> Self {
        self.inputs.push_back(Input::Stream(name.into(), Box::new(stream)));
        self
    }

    /// Sets whether directories inside of directories are read. Default: true.
    ///
    /// ```
    /// use scape::documents::DocumentReader;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # std::fs::create_dir(directory.path().join("2026"))?;
    /// # std::fs::write(directory.path().join("2026/a"), "router a 127.0.0.1 1 0 0\n")?;
    /// let reader = || DocumentReader::new().path(directory.path());
    /// assert_eq!((reader().count(), reader().recursive(false).count()), (1, 0));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn recursive(mut self, is_recursive: bool) -> Self {
        self.is_recursive = is_recursive;
        self
    }

    /// Sets the kind of documents that have no annotation `@type`. By default,
    /// that kind follows from the file's name or from the first lines of the
    /// document.
    ///
    /// ```
    /// use scape::documents::DocumentReader;
    /// use scape::netdoc::DocumentKind;
    ///
    /// let mut reader = DocumentReader::new()
    ///     .kind(DocumentKind::OnionSecondLayer)
    ///     .stream("decrypted", &b"create2-formats 2\n"[..]);
    /// let found = reader.next().expect("a document")?;
    /// assert_eq!(found.kind(), Some(DocumentKind::OnionSecondLayer));
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[must_use]
    pub fn kind(mut self, kind: DocumentKind) -> Self {
        self.settings.kind = Some(kind);
        self
    }

    /// Sets the maximum size of a document with its annotations, in bytes.
    /// Default: 64 MiB. A longer document is an error, and the rest of its file
    /// or member is skipped.
    ///
    /// ```
    /// use scape::documents::{DocumentReader, ReadError, ReadProblem};
    ///
    /// let text = &b"router a 127.0.0.1 1 0 0\n"[..];
    /// let mut reader = DocumentReader::new().longest(10).stream("text", text);
    /// let error = reader.next().expect("an item").unwrap_err();
    /// let error: &ReadError = error.get().expect("an error of reading");
    /// assert!(matches!(error.problem(), ReadProblem::TooLong(_)));
    /// ```
    #[must_use]
    pub fn longest(mut self, bytes: usize) -> Self {
        self.settings.longest = bytes;
        self
    }

    /// Sets a function that is called after each part that was read: 64 KiB of
    /// decompressed data, or the end of a file or member. The function runs on
    /// the thread that uses the iterator.
    ///
    /// ```
    /// use scape::documents::DocumentReader;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("descriptors");
    /// # std::fs::write(&path, "router a 127.0.0.1 1 0 0\n")?;
    /// let reader = DocumentReader::new().path(&path).on_progress(|progress| {
    ///     if let Some(total) = progress.total_bytes().filter(|total| *total > 0) {
    ///         eprint!("\r{:3} %", progress.bytes_read() * 100 / total);
    ///     }
    /// });
    /// println!("{} documents", reader.count());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn on_progress(mut self, callback: impl FnMut(Progress<'_>) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Sets a token that ends the reading. The iterator then yields an error
    /// for which [`Error::is_cancelled`] is true, and ends. A read that waits
    /// for a stream's data isn't interrupted.
    ///
    /// ```
    /// use scape::CancelToken;
    /// use scape::documents::DocumentReader;
    ///
    /// let token = CancelToken::new();
    /// let mut reader = DocumentReader::new().path(".").cancel_with(&token);
    /// token.cancel(); // for example in a callback of a window
    /// assert!(reader.next().is_some_and(|item| item.unwrap_err().is_cancelled()));
    /// assert!(reader.next().is_none());
    /// ```
    #[must_use]
    pub fn cancel_with(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    /// Skips the files in the record `seen` that haven't changed since they
    /// were read. Files that this reader reads to their end without an error
    /// are added to the record. A file with an error is read again by the next
    /// run, including the documents before the error. Streams are always read.
    ///
    /// See the example of [`SeenFiles`].
    #[must_use]
    pub fn skip_seen(mut self, seen: SeenFiles) -> Self {
        self.seen = Some(seen);
        self
    }

    /// Returns the record that was given to [`skip_seen`](Self::skip_seen),
    /// with the files that were read since then. Returns an empty record if
    /// none was given.
    pub fn into_seen(self) -> SeenFiles {
        self.seen.unwrap_or_default()
    }

    /// Adds up the lengths of the files. Returns `None` if there are streams,
    /// or if the reading was cancelled meanwhile.
    fn count_bytes(&self) -> Option<u64> {
        let mut total = 0;
        for input in &self.inputs {
            let Input::Path(path) = input else { return None };
            for Walked { path: file, .. } in Walk::new(path, self.is_recursive).flatten() {
                if self.is_cancelled() {
                    return None;
                }
                let Ok(metadata) = file.metadata() else { continue };
                if metadata.is_file() && !self.has_seen(&file, Stamp::of(&metadata)) {
                    total += metadata.len();
                }
            }
        }
        Some(total)
    }

    fn has_seen(&self, path: &Path, stamp: Stamp) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.has(path, stamp))
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(CancelToken::is_cancelled)
    }

    /// Opens the next file or stream, or begins the walk over the next path.
    /// Returns false if nothing is left to read.
    fn open_next(&mut self) -> Result<bool> {
        let trace = Trace::new(self.cancel.clone());
        if let Some(next) = self.walk.as_mut().and_then(Walk::next) {
            match next {
                Ok(file) => self.open_file(file, trace)?,
                Err(Unreadable { path, error }) => return Err(unreadable(&path, error)),
            }
            return Ok(true);
        }
        match self.inputs.pop_front() {
            Some(Input::Path(path)) => {
                self.walk = Some(Walk::new(&path, self.is_recursive));
            }
            Some(Input::Stream(name, stream)) => {
                let place = Place::file(name);
                self.open = Some(OpenFile::new(stream, place, trace, self.settings));
            }
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Opens a file, unless the record `seen` contains it and it hasn't
    /// changed.
    fn open_file(&mut self, file: Walked, trace: Trace) -> Result<()> {
        let Walked { path, is_start } = file;
        // A file in a directory was no symbolic link when the directory was
        // listed. It must not have become one.
        let opened = match is_start {
            true => RegularFile::open(&path),
            false => RegularFile::open_without_following(&path),
        };
        let file = opened.map_err(|error| unreadable(&path, error))?;
        let stamp = Stamp::new(file.modified(), file.length());
        if self.has_seen(&path, stamp) {
            return Ok(());
        }
        self.unrecorded = self.seen.is_some().then(|| (path.clone(), stamp));
        let place = Place::file(path);
        self.open = Some(OpenFile::new(file.into_reader(), place, trace, self.settings));
        Ok(())
    }

    /// Closes the open file. Records it as read, unless reading it failed.
    fn end_file(&mut self) {
        self.report();
        if let Some(open) = self.open.take() {
            self.bytes_before += open.bytes();
        }
        if let Some((seen, (path, stamp))) = self.seen.as_mut().zip(self.unrecorded.take()) {
            seen.add(&path, stamp);
        }
    }

    fn report(&mut self) {
        let (Some(callback), Some(open)) = (&mut self.on_progress, &self.open) else { return };
        callback(Progress {
            path: open.place().path(),
            bytes_read: self.bytes_before + open.bytes(),
            total_bytes: self.total_bytes,
            documents: self.documents,
        });
    }

    /// Ends the iterator. Returns the error of a cancellation as the last item.
    fn end_cancelled(&mut self) -> Option<Result<FoundDocument>> {
        self.is_over = true;
        self.open = None;
        Some(Err(Cancelled::new(Phase::Read).into()))
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let problem = ReadProblem::Io(Arc::new(error));
    ReadError::new(Arc::new(Place::file(path)), 0, problem).into()
}

impl Iterator for DocumentReader {
    type Item = Result<FoundDocument>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        if self.chunk.is_empty() {
            self.chunk = vec![0; CHUNK];
            self.total_bytes = self.on_progress.as_ref().and_then(|_| self.count_bytes());
        }
        loop {
            if self.is_cancelled() {
                return self.end_cancelled();
            }
            let Some(open) = &mut self.open else {
                match self.open_next() {
                    Ok(true) => continue,
                    Ok(false) => {
                        self.is_over = true;
                        return None;
                    }
                    Err(error) => return Some(Err(error)),
                }
            };
            match open.step(&mut self.chunk) {
                Step::Document(found) => {
                    self.documents += 1;
                    return Some(Ok(found));
                }
                Step::Further => self.report(),
                Step::End => self.end_file(),
                Step::Failed(error) if error.is_cancelled() => return self.end_cancelled(),
                Step::Failed(error) => {
                    // The file isn't recorded, so the next run reads it again.
                    self.unrecorded = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl std::iter::FusedIterator for DocumentReader {}

impl fmt::Debug for DocumentReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs: Vec<&Path> = self.inputs.iter().map(Input::path).collect();
        f.debug_struct("DocumentReader")
            .field("inputs", &inputs)
            .field("open", &self.open.as_ref().map(OpenFile::place))
            .field("documents", &self.documents)
            .finish_non_exhaustive()
    }
}

impl Input {
    fn path(&self) -> &Path {
        match self {
            Input::Path(path) | Input::Stream(path, _) => path,
        }
    }
}
