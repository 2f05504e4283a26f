//! The head of an HTTP request: the request line and the headers.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// The maximum length of a head in bytes.
const LONGEST: usize = 32 * 1024;
/// The maximum number of headers.
const MOST_HEADERS: usize = 100;
/// The time in which a head must arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    /// The path, URL or authority that is requested.
    pub(crate) target: String,
    /// The names and values of the headers, in their order.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

/// The result of reading a head.
#[derive(Debug)]
pub(crate) enum Received {
    /// A head, and the bytes that were read after it.
    Head(RequestHead, Vec<u8>),
    /// The bytes aren't a head of HTTP/1, or the head is too long.
    Bad,
    /// The peer has closed the connection before it sent anything.
    Nothing,
}

impl RequestHead {
    /// Reads a head. The read timeout of the connection, which must be set,
    /// limits the time for each part.
    pub(crate) fn read(connection: &mut impl Read) -> io::Result<Received> {
        let begun = Instant::now();
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match RequestHead::parse(&bytes) {
                Some(Ok((head, length))) => {
                    return Ok(Received::Head(head, bytes.split_off(length)));
                }
                Some(Err(_)) => return Ok(Received::Bad),
                None if bytes.len() > LONGEST => return Ok(Received::Bad),
                None if begun.elapsed() > PATIENCE => return Err(io::ErrorKind::TimedOut.into()),
                None => {}
            }
            match connection.read(&mut buffer)? {
                0 if bytes.is_empty() => return Ok(Received::Nothing),
                0 => return Ok(Received::Bad),
                count => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Returns the head and its length, or `None` if the head isn't complete.
    fn parse(bytes: &[u8]) -> Option<Result<(RequestHead, usize), httparse::Error>> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return None,
            Err(error) => return Some(Err(error)),
        };
        let headers = request.headers.iter();
        let head = RequestHead {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            headers: headers.map(|it| (it.name.to_owned(), it.value.to_owned())).collect(),
        };
        Some(Ok((head, length)))
    }

    /// Returns the values of a header. The case of its name doesn't matter.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(move |(it, _)| it.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice())
    }

    /// Returns the value of a header as text, if there is exactly one.
    pub(crate) fn text<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut values = self.values(name);
        let value = values.next()?;
        values.next().is_none().then(|| std::str::from_utf8(value).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_read_and_the_rest_is_kept() {
        let mut bytes = &b"POST /a HTTP/1.1\r\nHost: x\r\nA: 1\r\na: 2\r\n\r\nbody"[..];
        let Received::Head(head, rest) = RequestHead::read(&mut bytes).unwrap() else { panic!() };
        assert_eq!((head.method.as_str(), head.target.as_str()), ("POST", "/a"));
        assert_eq!(head.text("HOST"), Some("x"));
        assert_eq!(head.values("a").count(), 2);
        assert_eq!((head.text("a"), head.text("b")), (None, None));
        assert_eq!(rest, b"body");
    }

    #[test]
    fn bad_heads_are_recognized() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(2 * LONGEST));
        for bad in ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET /", &long] {
            let received = RequestHead::read(&mut bad.as_bytes()).unwrap();
            assert!(matches!(received, Received::Bad), "{bad}");
        }
        assert!(matches!(RequestHead::read(&mut &b""[..]).unwrap(), Received::Nothing));
    }
}
