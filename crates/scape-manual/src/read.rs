//! Reads the page's file. Only this module uses the decompression crate.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use crate::{Manual, ManualError};

/// The maximum size of a page after decompression. tor's page has about 200 kB.
const LARGEST: u64 = 4 << 20;

/// The first bytes of files that are compressed with gzip.
const GZIP: &[u8] = b"\x1f\x8b";
/// The first bytes of compressed files that aren't supported, and the name of
/// each compression.
const OTHERS: [(&[u8], &str); 4] =
    [(b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"), (b"LZIP", "lzip")];

/// Reads a page from a file.
pub(super) fn read(path: &Path) -> Result<Manual, ManualError> {
    let unreadable =
        |error| ManualError::Unreadable { path: path.to_path_buf(), source: Arc::new(error) };
    let too_large = || ManualError::TooLarge { path: path.to_path_buf(), limit: LARGEST };
    let file = open(path).map_err(unreadable)?;
    let bytes = limited(file).map_err(unreadable)?.ok_or_else(too_large)?;
    if let Some((_, compression)) = OTHERS.into_iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(ManualError::Compression { path: path.to_path_buf(), compression });
    }
    let manual = if bytes.starts_with(GZIP) {
        let page = limited(MultiGzDecoder::new(bytes.as_slice())).map_err(unreadable)?;
        Manual::parse(&page.ok_or_else(too_large)?)
    } else {
        Manual::parse(&bytes)
    };
    if manual.is_empty() {
        return Err(ManualError::NoOptions { path: path.to_path_buf() });
    }
    Ok(manual)
}

/// Opens a regular file for reading, up to the size that the file has now.
///
/// Returns an error for a pipe or a device, because opening it could block.
/// Some files in `/proc` claim to be empty, but reading them could block. Such
/// files are read as empty.
fn open(path: &Path) -> io::Result<impl Read> {
    let not_regular = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
    if !path.metadata()?.is_file() {
        return Err(not_regular());
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_regular());
    }
    Ok(file.take(metadata.len()))
}

/// Reads all of `source`. Returns `None` if `source` has more than [`LARGEST`]
/// bytes.
fn limited(source: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    source.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= LARGEST).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::fs;
    use std::io::Write as _;

    const PAGE: &[u8] = b".SH OPTIONS\n.PP\n\\fBPot\\fR \\fIN\\fR\n.RS 4\nHot\\&.\n.RE\n";

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Reads a temporary file that contains these bytes, and returns the
    /// result.
    fn reading(bytes: &[u8]) -> Result<Manual, ManualError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        fs::write(&path, bytes).unwrap();
        read(&path)
    }

    #[test]
    fn compressed_and_uncompressed_pages_are_read() {
        let plain = reading(PAGE).unwrap();
        assert_eq!(plain, Manual::parse(PAGE));
        assert_eq!(reading(&packed(PAGE)).unwrap(), plain);
        // A file may consist of several gzip members.
        let (one, two) = PAGE.split_at(20);
        assert_eq!(reading(&[packed(one), packed(two)].concat()).unwrap(), plain);
    }

    #[test]
    fn unreadable_page_is_rejected() {
        let packed_page = packed(PAGE);
        let cut = &packed_page[..packed_page.len() - 12];
        assert!(matches!(reading(cut), Err(ManualError::Unreadable { .. })));
        assert!(matches!(reading(GZIP), Err(ManualError::Unreadable { .. })));
        assert!(matches!(reading(b""), Err(ManualError::NoOptions { .. })));
        assert!(matches!(reading(b"Dear tor"), Err(ManualError::NoOptions { .. })));
        for (begin, name) in OTHERS {
            let error = reading(&[begin, PAGE].concat()).unwrap_err();
            let ManualError::Compression { compression, .. } = error else { panic!("{error}") };
            assert_eq!(compression, name);
        }
        assert!(matches!(
            read(Path::new("/nonexistent/tor.1")),
            Err(ManualError::Unreadable { .. })
        ));
        assert!(matches!(read(&std::env::temp_dir()), Err(ManualError::Unreadable { .. })));
    }

    #[test]
    fn small_file_with_huge_content_is_rejected() {
        let zeros = vec![0; 5 << 20];
        assert!(matches!(
            reading(&packed(&zeros)),
            Err(ManualError::TooLarge { limit: LARGEST, .. })
        ));
        assert!(matches!(reading(&zeros), Err(ManualError::TooLarge { .. })));
    }
}
