//! The parts of a form that a browser sends (`multipart/form-data`, RFC 7578).

use std::io::{self, BufRead, Read as _, Write};
use std::mem;

/// The maximum length of a part's header in bytes.
const LONGEST_HEADER: u64 = 8 * 1024;
/// The maximum length of the boundary in bytes (RFC 2046).
const LONGEST_BOUNDARY: usize = 70;
/// The maximum number of bytes that are read at a time. It matters only for
/// content without line ends.
const CHUNK: u64 = 64 * 1024;

/// The parts of a form, read one after the other.
pub(crate) struct Parts<R> {
    reader: R,
    /// The text that ends a part: a line end, and the beginning of the next
    /// line.
    delimiter: Vec<u8>,
}

impl<R: BufRead> Parts<R> {
    /// Returns the parts of a request body with this `Content-Type`. Returns
    /// `None` if the type isn't that of a form.
    pub(crate) fn new(reader: R, content_type: &str) -> Option<Self> {
        let parameters = content_type.strip_prefix("multipart/form-data;")?;
        let (_, boundary) = parameters.split_once("boundary=")?;
        let boundary = boundary.split(';').next()?.trim().trim_matches('"');
        let is_valid = !boundary.is_empty() && boundary.len() <= LONGEST_BOUNDARY;
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        is_valid.then_some(Parts { reader, delimiter })
    }

    /// Copies the content of the current part to `to`. Before the first part,
    /// this is the text before the first delimiter. Returns true if another
    /// part follows.
    pub(crate) fn copy(&mut self, mut to: impl Write) -> io::Result<bool> {
        // The line end before a delimiter belongs to the delimiter. So each
        // line end is kept until the next line is known.
        let mut line = b"\r\n".to_vec();
        let mut is_first = true;
        loop {
            let held = line.len();
            (&mut self.reader).take(CHUNK).read_until(b'\n', &mut line)?;
            if line.len() == held {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(rest) = line.strip_prefix(self.delimiter.as_slice()) {
                return Ok(!rest.starts_with(b"--"));
            }
            let end = if line.ends_with(b"\r\n") { 2 } else { usize::from(line.ends_with(b"\r")) };
            let next = line.split_off(line.len() - end);
            // The first line end belongs to the header, not to the content.
            let begin = if mem::take(&mut is_first) { 2 } else { 0 };
            to.write_all(line.get(begin..).unwrap_or_default())?;
            line = next;
        }
    }

    /// Reads the header of the next part, and returns the name of its file.
    /// Returns an empty name if the part isn't a file.
    pub(crate) fn file_name(&mut self) -> io::Result<String> {
        let mut header = (&mut self.reader).take(LONGEST_HEADER);
        let mut file_name = String::new();
        loop {
            let mut line = Vec::new();
            if header.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = String::from_utf8_lossy(&line);
            match line.trim_end() {
                "" => return Ok(file_name),
                line if line.to_ascii_lowercase().starts_with("content-disposition:") => {
                    let name = line.split_once("filename=\"").map_or("", |(_, rest)| rest);
                    file_name = name.split('"').next().unwrap_or_default().to_owned();
                }
                _ => {}
            }
        }
    }
}
