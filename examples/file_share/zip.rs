//! A writer of zip archives without compression.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use flate2::Crc;

use crate::Result;
use crate::share::Entry;

/// The part of each file's header that is always the same: version 2.0 of the
/// format, names in UTF-8, no compression, and the date 1 January 1980, which
/// hides the real times of the files.
const SETTINGS: [u8; 10] = [20, 0, 0, 8, 0, 0, 0, 0, 33, 0];

/// Writes a zip archive of the files `entries` to the file `archive`.
pub(crate) fn write(archive: &mut File, entries: &[Entry]) -> Result<()> {
    const TOO_LARGE: &str = "the files are too large or too many for a zip archive";
    let mut index = Vec::new();
    for entry in entries {
        let begin = u32::try_from(archive.stream_position()?).map_err(|_| TOO_LARGE)?;
        let name_length = u16::try_from(entry.name.len()).map_err(|_| TOO_LARGE)?.to_le_bytes();
        // The checksum and the size are known after the content, so write the
        // header again then.
        archive.write_all(&[0; 30])?;
        archive.write_all(entry.name.as_bytes())?;
        let (checksum, length) = copy(&mut File::open(&entry.path)?, archive)?;
        let length = u32::try_from(length).map_err(|_| TOO_LARGE)?.to_le_bytes();
        let end = archive.stream_position()?;
        let common =
            [&SETTINGS[..], &checksum.to_le_bytes(), &length, &length, &name_length].concat();
        archive.seek(SeekFrom::Start(begin.into()))?;
        archive.write_all(&[&b"PK\x03\x04"[..], &common, &[0; 2]].concat())?;
        archive.seek(SeekFrom::Start(end))?;
        let offset = begin.to_le_bytes();
        index.extend([&b"PK\x01\x02"[..], &[20, 0], &common, &[0; 12], &offset].concat());
        index.extend(entry.name.as_bytes());
    }
    let begin = u32::try_from(archive.stream_position()?).map_err(|_| TOO_LARGE)?;
    let size = u32::try_from(index.len()).map_err(|_| TOO_LARGE)?;
    let count = u16::try_from(entries.len()).map_err(|_| TOO_LARGE)?.to_le_bytes();
    archive.write_all(&index)?;
    let (size, begin) = (size.to_le_bytes(), begin.to_le_bytes());
    let end = [&b"PK\x05\x06"[..], &[0; 4], &count, &count, &size, &begin, &[0; 2]].concat();
    archive.write_all(&end)?;
    Ok(())
}

/// Copies a file. Returns the CRC-32 checksum and the length that the archive's
/// headers need.
fn copy(from: &mut File, to: &mut File) -> io::Result<(u32, u64)> {
    let (mut crc, mut length) = (Crc::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Ok((crc.sum(), length));
        }
        crc.update(bytes);
        to.write_all(bytes)?;
        length += bytes.len() as u64;
    }
}
