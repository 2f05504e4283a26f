//! Opening a file: decoders and archives, as the file's first bytes say.

use std::io::{self, Cursor, Read};

use scape_proto::netdoc::DocumentKind;

use super::archive::Archive;
use super::format::Format;
use super::labels::Labels;
use super::trace::{Decoder, Fault, Stream, Trace};

/// The most bytes of memory that a decoder may use. The usual levels of xz and
/// zstd need less than 70 MiB.
#[cfg(any(feature = "xz", feature = "zstd"))]
pub(super) const MEMORY_LIMIT: u64 = 128 << 20;

/// The number of bytes at a file's start that are looked at. The labels of
/// tor's `diff-cache` have about one kilobyte.
const HEAD: u64 = 8192;

/// The most archives and compressed files inside each other.
const MOST_LAYERS: usize = 8;

/// A file whose format was found out.
pub(super) enum Opened {
    /// Documents in a row, with their kind if the file's labels say it.
    Documents(Stream, Option<DocumentKind>),
    /// An archive, with the number of formats around its members.
    Archive(Archive, usize),
}

/// Opens a stream that is inside of `layers` archives and compressed files.
///
/// # Errors
///
/// Returns an error if the stream can't be read or decoded. The cause is in the
/// trace.
pub(super) fn open(mut stream: Stream, mut layers: usize, trace: &Trace) -> io::Result<Opened> {
    let mut labelled_kind = None;
    loop {
        let mut head = Vec::new();
        (&mut stream).take(HEAD).read_to_end(&mut head)?;
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

/// Returns a stream of the decompressed bytes.
fn decode(stream: Stream, format: Format, trace: &Trace) -> io::Result<Stream> {
    let decoder: Stream = match format {
        #[cfg(feature = "gzip")]
        Format::Gzip => Box::new(flate2::read::MultiGzDecoder::new(stream)),
        #[cfg(feature = "gzip")]
        Format::Zlib => Box::new(flate2::read::ZlibDecoder::new(stream)),
        #[cfg(feature = "bzip2")]
        Format::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(stream)),
        #[cfg(feature = "xz")]
        Format::Xz => {
            let buffered = io::BufReader::new(stream);
            Box::new(lzma_rust2::XzReader::new_mem_limit(buffered, true, LIMIT_IN_KIB))
        }
        #[cfg(feature = "xz")]
        Format::Lzma => {
            let buffered = io::BufReader::new(stream);
            let reader = lzma_rust2::LzmaReader::new_mem_limit(buffered, LIMIT_IN_KIB, None);
            Box::new(reader.map_err(|error| {
                trace.record(Fault::Broken(format, error));
                io::Error::other("the decoder failed")
            })?)
        }
        #[cfg(feature = "zstd")]
        Format::Zstd => Box::new(super::zstd::ZstdReader::new(io::BufReader::new(stream))),
        // Archives have no decoder.
        _ => {
            trace.record(Fault::NoFeature(format));
            return Err(io::ErrorKind::Unsupported.into());
        }
    };
    Ok(Box::new(Decoder::new(decoder, format, trace.clone())))
}

#[cfg(feature = "xz")]
const LIMIT_IN_KIB: u32 = (MEMORY_LIMIT >> 10) as u32;
