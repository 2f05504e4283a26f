//! The head of an HTTP request: the request line and the headers.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// The maximum length of a request's head, in bytes.
const LONGEST: usize = 32 * 1024;
/// The maximum number of headers in a request.
const MOST_HEADERS: usize = 100;

/// The head of an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    /// The target in the request line: a path, a URL, or a host and port.
    pub(crate) target: String,
    /// The names and values of the headers, in the order of the request.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The minor version of HTTP: 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub(crate) minor_version: u8,
}

/// The result of reading the head of an HTTP request.
#[derive(Debug)]
pub(crate) enum Received {
    Head(RequestHead),
    /// The bytes aren't the head of an HTTP/1 request, or the head is
    /// incomplete or too long.
    Bad,
    /// The peer closed the connection before it sent anything.
    Nothing,
}

impl RequestHead {
    /// Reads the head of a request. `bytes` contains what was already read from
    /// the connection. At the end, it contains what follows the head. `limit`
    /// is the time limit for the whole head. `set_timeout` is called before
    /// each read with the time that is left, and must set the read timeout of
    /// the connection. Otherwise, a peer could gain time by sending single
    /// bytes.
    pub(crate) fn read(
        connection: &mut impl Read,
        bytes: &mut Vec<u8>,
        limit: Duration,
        mut set_timeout: impl FnMut(Duration) -> io::Result<()>,
    ) -> io::Result<Received> {
        let begun = Instant::now();
        let mut buffer = [0; 4096];
        loop {
            match RequestHead::parse(bytes) {
                Some(Ok((head, length))) => {
                    bytes.drain(..length);
                    return Ok(Received::Head(head));
                }
                Some(Err(_)) => return Ok(Received::Bad),
                None if bytes.len() > LONGEST => return Ok(Received::Bad),
                None => {}
            }
            let left = limit.checked_sub(begun.elapsed()).filter(|left| !left.is_zero());
            set_timeout(left.ok_or(io::ErrorKind::TimedOut)?)?;
            match connection.read(&mut buffer)? {
                0 if bytes.is_empty() => return Ok(Received::Nothing),
                0 => return Ok(Received::Bad),
                count => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Parses the head at the beginning of `bytes`. Returns the head and its
    /// length, or `None` if the head isn't complete.
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
            minor_version: request.version.unwrap_or_default(),
        };
        Some(Ok((head, length)))
    }

    /// Returns the values of all headers with this name. Case is ignored.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(move |(it, _)| it.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice())
    }

    /// Returns true if the peer may send another request on the connection.
    pub(crate) fn keeps_alive(&self) -> bool {
        let closes = |value: &[u8]| {
            let mut words = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            words.any(|word| word.eq_ignore_ascii_case(b"close"))
        };
        self.minor_version >= 1 && !self.values("connection").any(closes)
    }

    /// Returns true if a request body follows the head.
    pub(crate) fn has_body(&self) -> bool {
        let is_empty = |value: &[u8]| value.trim_ascii() == b"0";
        self.values("transfer-encoding").next().is_some()
            || !self.values("content-length").all(is_empty)
    }

    /// Returns the value of the header with this name as text. Returns `None`
    /// if the header is missing, occurs several times, or isn't UTF-8.
    pub(crate) fn text<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut values = self.values(name);
        let value = values.next()?;
        values.next().is_none().then(|| std::str::from_utf8(value).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn read_from(connection: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<Received> {
        RequestHead::read(connection, bytes, LIMIT, |_| Ok(()))
    }

    fn read(text: &str) -> (Received, Vec<u8>) {
        let mut rest = Vec::new();
        (read_from(&mut text.as_bytes(), &mut rest).unwrap(), rest)
    }

    fn head(text: &str) -> RequestHead {
        match read(text) {
            (Received::Head(head), _) => head,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn head_is_read_and_the_rest_is_kept() {
        let (received, mut rest) =
            read("POST /a HTTP/1.1\r\nHost: x\r\nA: 1\r\na: 2\r\n\r\nGET / HTTP/1.0\r\n\r\n");
        let Received::Head(head) = received else { panic!("{received:?}") };
        assert_eq!((head.method.as_str(), head.target.as_str()), ("POST", "/a"));
        assert_eq!(head.text("HOST"), Some("x"));
        assert_eq!(head.values("a").count(), 2);
        assert_eq!((head.text("a"), head.text("b")), (None, None));
        let received = read_from(&mut io::empty(), &mut rest).unwrap();
        assert!(matches!(received, Received::Head(head) if head.method == "GET"));
        assert_eq!(rest, b"");
    }

    #[test]
    fn bad_heads_are_recognized() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(2 * LONGEST));
        for bad in ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET /", &long] {
            assert!(matches!(read(bad).0, Received::Bad), "{bad}");
        }
        assert!(matches!(read("").0, Received::Nothing));
    }

    /// A connection on which a single byte arrives every millisecond, without
    /// end.
    struct Slow;

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(Duration::from_millis(1));
            buffer[0] = b'a';
            Ok(1)
        }
    }

    #[test]
    fn slow_head_has_one_time_limit() {
        let mut timeouts = Vec::new();
        let limit = Duration::from_millis(50);
        let result = RequestHead::read(&mut Slow, &mut Vec::new(), limit, |left| {
            timeouts.push(left);
            Ok(())
        });
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(timeouts.is_sorted_by(|first, second| first >= second), "{timeouts:?}");
    }

    #[test]
    fn end_of_the_connection_and_body_are_recognized() {
        assert!(head("GET / HTTP/1.1\r\n\r\n").keeps_alive());
        assert!(!head("GET / HTTP/1.0\r\n\r\n").keeps_alive());
        assert!(!head("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n").keeps_alive());
        assert!(!head("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n").has_body());
        assert!(head("GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n").has_body());
        assert!(head("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").has_body());
    }
}
