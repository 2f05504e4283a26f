//! The formats of archives and compressed files, and how they are recognized.

use std::fmt;

/// The format of an archive or a compressed file. Formats are recognized by the
/// content of a file, never by its name.
///
/// `Display` writes the usual name, such as `gzip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A tar archive, in any of the usual variants.
    Tar,
    /// A file compressed with gzip.
    Gzip,
    /// zlib's format, which tor calls `deflate` in its directory `diff-cache`.
    /// The format has no magic bytes, so such a file is recognized only by the
    /// labels that tor writes at its start.
    Zlib,
    /// A file compressed with bzip2.
    Bzip2,
    /// A file compressed with xz.
    Xz,
    /// The older format of xz, which has the extension `.lzma`. tor calls it
    /// `x-tor-lzma`.
    Lzma,
    /// A file compressed with zstd.
    Zstd,
}

/// The length of a block of a tar archive in bytes.
pub(super) const TAR_BLOCK: usize = 512;

impl Format {
    /// Returns the feature of this crate that reads the format, such as `xz`.
    ///
    /// ```
    /// use scape::documents::Format;
    ///
    /// assert_eq!(Format::Lzma.feature(), "xz");
    /// ```
    pub fn feature(self) -> &'static str {
        match self {
            Format::Tar => "tar",
            Format::Gzip | Format::Zlib => "gzip",
            Format::Bzip2 => "bzip2",
            Format::Xz | Format::Lzma => "xz",
            Format::Zstd => "zstd",
        }
    }

    /// Recognizes the format of a file that begins with these bytes. Returns
    /// `None` if the file is neither an archive nor compressed.
    pub(super) fn of(head: &[u8]) -> Option<Format> {
        if head.starts_with(&[0x1f, 0x8b, 8]) {
            Some(Format::Gzip)
        } else if is_bzip2(head) {
            Some(Format::Bzip2)
        } else if head.starts_with(b"\xfd7zXZ\0") {
            Some(Format::Xz)
        } else if is_zstd(head) {
            Some(Format::Zstd)
        } else if is_lzma(head) {
            Some(Format::Lzma)
        } else if is_tar(head) {
            Some(Format::Tar)
        } else {
            None
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Tar => "tar",
            Format::Gzip => "gzip",
            Format::Zlib => "zlib",
            Format::Bzip2 => "bzip2",
            Format::Xz => "xz",
            Format::Lzma => "lzma",
            Format::Zstd => "zstd",
        })
    }
}

/// Returns true if a bzip2 file may begin with these bytes: the letters `BZh`,
/// the block size, and then a block or the end of an empty file.
fn is_bzip2(head: &[u8]) -> bool {
    const BLOCK: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
    const END: &[u8] = &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90];
    let Some([size, rest @ ..]) = head.strip_prefix(b"BZh") else { return false };
    (b'1'..=b'9').contains(size) && (rest.starts_with(BLOCK) || rest.starts_with(END))
}

/// Returns true if a zstd file may begin with these bytes. The first frame may
/// be a skippable frame, which has one of 16 magic numbers.
fn is_zstd(head: &[u8]) -> bool {
    match head {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => true,
        [kind, 0x2a, 0x4d, 0x18, ..] => kind & 0xf0 == 0x50,
        _ => false,
    }
}

/// Returns true if these bytes look like the header of an `.lzma` file. The
/// format has no magic bytes, so this function makes the same checks as xz: the
/// properties and the size of the dictionary must be common values, and the
/// length must be unknown or plausible.
fn is_lzma(head: &[u8]) -> bool {
    let Some((header, _)) = head.split_first_chunk::<13>() else { return false };
    let [properties, d0, d1, d2, d3, length @ ..] = *header;
    let dictionary = u32::from_le_bytes([d0, d1, d2, d3]);
    let length = u64::from_le_bytes(length);
    // Usual sizes are powers of two, and sums of two neighboring powers.
    let top = dictionary.checked_ilog2().map_or(0, |bit| 1_u32 << bit);
    let is_usual = dictionary >= 4096 && (dictionary == top || dictionary == top | (top >> 1));
    let is_possible = length == u64::MAX || length < 1 << 38;
    // The usual properties are lc=3, lp=0, pb=2.
    properties == 0x5d && is_usual && is_possible
}

/// Returns true if a tar archive may begin with these bytes. Old archives have
/// no magic bytes, but every header has a checksum. An archive without members
/// consists of zeros.
fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.get(..TAR_BLOCK) else { return false };
    if block.get(257..262) == Some(b"ustar") || block.iter().all(|byte| *byte == 0) {
        return true;
    }
    let Some(checksum) = block.get(148..156).and_then(octal) else { return false };
    let others = block.iter().enumerate().filter(|(at, _)| !(148..156).contains(at));
    let sum: u32 = others.map(|(_, byte)| u32::from(*byte)).sum();
    // The checksum itself counts as eight spaces.
    checksum == sum + 8 * 32
}

/// Parses an octal number in a tar header. Spaces and NUL bytes around the
/// number are ignored.
fn octal(field: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(field).ok()?;
    u32::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a tar header with this checksum and no magic bytes.
    fn old_header(checksum: &[u8; 8]) -> Vec<u8> {
        let mut header = vec![0; TAR_BLOCK];
        header[..4].copy_from_slice(b"file");
        header[148..156].copy_from_slice(checksum);
        header
    }

    #[test]
    fn formats_are_recognized_by_their_first_bytes() {
        for (head, format) in [
            (&b"\x1f\x8b\x08\x00"[..], Some(Format::Gzip)),
            (b"BZh91AY&SY", Some(Format::Bzip2)),
            (b"BZh9\x17\x72\x45\x38\x50\x90", Some(Format::Bzip2)),
            (b"\xfd7zXZ\0\0\x04", Some(Format::Xz)),
            (b"\x28\xb5\x2f\xfd\x00", Some(Format::Zstd)),
            (b"\x5a\x2a\x4d\x18\x00", Some(Format::Zstd)),
            (b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff", Some(Format::Lzma)),
            (b"\x5d\0\0\x80\0\x10\0\0\0\0\0\0\0", Some(Format::Lzma)),
            (b"\x5d\0\0\x80\0\x10\0\0\0\0\0\0\x01", None),
            (b"\x5d\x01\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"\x5d\0\0\x80\0", None),
            (b"\x6a\x2a\x4d\x18\x00", None),
            (b"BZh91 is no compressed text", None),
            (b"router a 127.0.0.1 1 0 0", None),
            (b"", None),
        ] {
            assert_eq!(Format::of(head), format, "{head:?}");
        }
    }

    #[test]
    fn tar_is_recognized_by_its_checksum() {
        let sum = b"file".iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        let checksum: [u8; 8] = format!("{sum:06o}\0 ").into_bytes().try_into().unwrap();
        assert_eq!(Format::of(&old_header(&checksum)), Some(Format::Tar));
        assert_eq!(Format::of(&old_header(b"001234\0 ")), None);
        assert_eq!(Format::of(&old_header(b"        ")), None);
        assert_eq!(Format::of(&vec![0; TAR_BLOCK]), Some(Format::Tar));
        assert_eq!(Format::of(&vec![0; TAR_BLOCK - 1]), None);
    }
}
