//! Opens a file with the decoders and the archive reader that the file's first
//! bytes call for.

use std::io::{self, Cursor, Read};

use scape_proto::netdoc::DocumentKind;

use super::archive::Archive;
use super::format::Format;
use super::labels::Labels;
use super::trace::{Decoder, Fault, Stream, Trace};
#[cfg(feature = "zstd")]
use super::zstd::ZstdReader;

/// The maximum number of bytes of memory that a decoder may use. The usual
/// compression levels of xz and zstd need less than 70 MiB.
#[cfg(any(feature = "xz", feature = "zstd"))]
const MEMORY_LIMIT: u64 = 128 << 20;

/// The number of bytes at a file's start that are searched for a format's magic
/// bytes and for the labels of a file in tor's `diff-cache`. Such labels have
/// about 1 KB.
const HEAD: u64 = 8192;

/// The maximum nesting depth of archives and compressed files.
const MOST_LAYERS: usize = 8;

/// The content of a file whose format was recognized.
pub(super) enum Opened {
    /// Documents, one after the other. The kind is `None` unless the file is
    /// from tor's `diff-cache` and its labels name the kind.
    Documents(Stream, Option<DocumentKind>),
    /// An archive, and the number of archives and compressed files around its
    /// members.
    Archive(Archive, usize),
}

/// Recognizes the format of a stream and decompresses it, until the content is
/// plain documents or an archive. `layers` is the number of archives and
/// compressed files around the stream.
///
/// # Errors
///
/// Returns an error if the stream can't be read or decoded. `trace` contains
/// the cause.
pub(super) fn open(mut stream: Stream, mut layers: usize, trace: &Trace) -> io::Result<Opened> {
    let mut labelled_kind = None;
    loop {
        let (head, failure) = read_head(&mut stream);
        if let Some(error) = failure {
            if head.is_empty() {
                return Err(error);
            }
            // There may be documents before the failure. They must not get the
            // fault, so it is recorded again when the rest is read.
            stream = Box::new(Failed { fault: trace.take(), trace: trace.clone() });
        }
        let labels = Labels::parse(&head);
        let format = match &labels {
            Some(labels) => labels.is_zlib.then_some(Format::Zlib),
            None => Format::of(&head),
        };
        let mut head = Cursor::new(head);
        if let Some(labels) = &labels {
            head.set_position(labels.length as u64);
            labelled_kind = Some(labels.kind);
        }
        stream = Box::new(head.chain(stream));
        if labels.is_none() && format.is_none() {
            return Ok(Opened::Documents(stream, labelled_kind));
        }
        // Labels count too, so that no file can nest them without an end.
        layers += 1;
        if layers > MOST_LAYERS {
            trace.record(Fault::TooDeep);
            return Err(io::Error::other("nested too deeply"));
        }
        stream = match format {
            None => stream,
            Some(Format::Tar) if cfg!(feature = "tar") => {
                return Ok(Opened::Archive(Archive::new(stream, trace.clone()), layers));
            }
            Some(format) => decode(stream, format, trace)?,
        };
    }
}

/// Reads the first bytes of a stream. If reading fails, returns the bytes
/// before the failure together with the error.
fn read_head(stream: &mut Stream) -> (Vec<u8>, Option<io::Error>) {
    let mut head = Vec::new();
    // Bytes before a failure are kept.
    let failure = stream.take(HEAD).read_to_end(&mut head).err();
    (head, failure)
}

/// The rest of a stream that has failed. Reading it records the failure in the
/// [`Trace`].
struct Failed {
    fault: Option<Fault>,
    trace: Trace,
}

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = self.fault.take() {
            self.trace.record(fault);
        }
        Err(io::Error::other("the stream has failed before"))
    }
}

/// Returns a stream of the decompressed bytes of `stream`.
fn decode(stream: Stream, format: Format, trace: &Trace) -> io::Result<Stream> {
    match decoder(stream, format) {
        Some(Ok(decoder)) => Ok(Box::new(Decoder::new(decoder, format, trace.clone()))),
        Some(Err(error)) => {
            trace.record(Fault::Broken(format, error));
            Err(io::Error::other("the decoder failed"))
        }
        None => {
            trace.record(Fault::NoFeature(format));
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

/// Returns the decoder for a format. Returns `None` if the format needs a cargo
/// feature that isn't enabled, or if the format is an archive.
fn decoder(stream: Stream, format: Format) -> Option<io::Result<Stream>> {
    match format {
        #[cfg(feature = "gzip")]
        Format::Gzip => Some(Ok(Box::new(flate2::read::MultiGzDecoder::new(stream)))),
        #[cfg(feature = "gzip")]
        Format::Zlib => Some(Ok(Box::new(flate2::read::ZlibDecoder::new(stream)))),
        #[cfg(feature = "bzip2")]
        Format::Bzip2 => Some(Ok(Box::new(bzip2::read::MultiBzDecoder::new(stream)))),
        #[cfg(feature = "xz")]
        Format::Xz => {
            let buffered = io::BufReader::new(stream);
            Some(Ok(Box::new(lzma_rust2::XzReader::new_mem_limit(buffered, true, LIMIT_IN_KIB))))
        }
        #[cfg(feature = "xz")]
        Format::Lzma => {
            let buffered = io::BufReader::new(stream);
            let reader = lzma_rust2::LzmaReader::new_mem_limit(buffered, LIMIT_IN_KIB, None);
            Some(reader.map(|reader| -> Stream { Box::new(reader) }))
        }
        #[cfg(feature = "zstd")]
        Format::Zstd => {
            let buffered = io::BufReader::new(stream);
            Some(Ok(Box::new(ZstdReader::new(buffered, MEMORY_LIMIT))))
        }
        // Archives have no decoder.
        _ => {
            drop(stream);
            None
        }
    }
}

#[cfg(feature = "xz")]
const LIMIT_IN_KIB: u32 = (MEMORY_LIMIT >> 10) as u32;

#[cfg(test)]
mod tests {
    use super::super::trace::Source;
    use super::*;

    #[test]
    fn format_without_a_decoder_is_a_fault() {
        let trace = Trace::default();
        assert!(decode(Box::new(io::empty()), Format::Tar, &trace).is_err());
        assert!(matches!(trace.take(), Some(Fault::NoFeature(Format::Tar))));
    }

    /// A stream whose reads all fail.
    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }

    #[test]
    fn bytes_before_a_failure_are_opened() {
        let trace = Trace::default();
        let stream = Source::new(Cursor::new(b"router a").chain(Broken), trace.clone());
        let Ok(Opened::Documents(mut stream, None)) = open(Box::new(stream), 0, &trace) else {
            panic!("the stream has documents");
        };
        assert!(!trace.has_fault());
        let mut text = Vec::new();
        assert!(stream.read_to_end(&mut text).is_err());
        assert_eq!(text, b"router a");
        assert!(matches!(trace.take(), Some(Fault::Io(_))));
        assert!(open(Box::new(Source::new(Broken, trace.clone())), 0, &trace).is_err());
        assert!(trace.has_fault());
    }
}
