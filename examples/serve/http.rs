//! The parts of HTTP/1.1 that a small server needs.

use std::io::{self, BufRead, Read as _, Write};

/// The maximum length of a request's head in bytes.
const LONGEST_HEAD: u64 = 16 * 1024;

/// The request line and headers of a request.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// The header lines as one text, without the request line.
    headers: String,
}

impl Request {
    /// Reads the request line and headers, up to the empty line. Returns `None`
    /// if they are malformed.
    pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut reader = reader.take(LONGEST_HEAD);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if reader.read_until(b'\n', &mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let Some((first, headers)) =
            std::str::from_utf8(&head).ok().and_then(|head| head.split_once("\r\n"))
        else {
            return Ok(None);
        };
        let mut words = first.split(' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) => {
                let (method, target) = (method.to_owned(), target.to_owned());
                Ok(Some(Request { method, target, headers: headers.to_owned() }))
            }
            _ => Ok(None),
        }
    }

    /// Returns the value of a header, or `None` if the request doesn't have it.
    /// The case of the name doesn't matter.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }
}

/// Sends the status line and headers of an answer. `more` contains further
/// header lines.
pub(crate) fn send_head(
    mut visitor: impl Write,
    status: &str,
    length: u64,
    more: &str,
) -> io::Result<()> {
    write!(
        visitor,
        "HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
}

/// Sends an HTML page that contains only the status. `more` contains further
/// header lines. If `with_body` is false, only the headers are sent, as the
/// answer to HEAD.
pub(crate) fn page(
    mut visitor: impl Write,
    status: &str,
    more: &str,
    with_body: bool,
) -> io::Result<()> {
    let body = format!("{status}\n");
    let headers = format!("Content-Type: text/plain\r\n{more}");
    send_head(&mut visitor, status, body.len() as u64, &headers)?;
    if with_body { visitor.write_all(body.as_bytes()) } else { Ok(()) }
}

/// Encodes a name for a URL: all but harmless characters become percent
/// escapes.
pub(crate) fn encode(name: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Escapes the characters that have a special meaning in HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
