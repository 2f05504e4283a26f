//! Parses the requests to the proxy.

use data_encoding::BASE64;
use scape::socks::Target;

use crate::base::failure::in_words_of_the_command;
use crate::commands::traffic::head::RequestHead;

/// The answer to a request that the proxy refuses: the HTTP status and the
/// reason for the user.
pub(super) type Refusal = (&'static str, String);

const BAD: &str = "400 Bad Request";

/// A request that the proxy passes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) target: Target,
    /// The head to send to the server, and the length of the body after it.
    /// `None` for CONNECT: nothing is sent, because the program talks to the
    /// server itself.
    pub(super) head: Option<(Vec<u8>, Length)>,
}

/// The length of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Bytes(u64),
    Chunked,
}

/// The headers that aren't passed on, because they are about the connection to
/// the proxy. `host` is among them because it is replaced by a new header.
const DROPPED: [&str; 7] = [
    "connection",
    "keep-alive",
    "te",
    "upgrade",
    "host",
    "proxy-connection",
    "proxy-authorization",
];

fn parse_target(text: &str) -> Result<Target, Refusal> {
    text.parse::<Target>().map_err(|error| (BAD, in_words_of_the_command(error.to_string())))
}

impl Request {
    /// Converts a request to the proxy into the request for the server. Returns
    /// a refusal if the proxy can't pass it on.
    pub(super) fn new(head: &RequestHead) -> Result<Self, Refusal> {
        let bad = |why: &str| (BAD, why.to_owned());
        if head.method == "CONNECT" {
            let target = parse_target(&head.target)?;
            return Ok(Request { target, head: None });
        }
        let Some(rest) = strip_scheme(&head.target) else {
            return Err(bad(
                "this is an HTTP proxy for Tor: it needs an http:// URL, or CONNECT for others",
            ));
        };
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        if authority.contains('@') {
            return Err(bad("the URL contains a user name, which isn't passed on: remove it"));
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let port = if has_port { "" } else { ":80" };
        let target = parse_target(&format!("{authority}{port}"))?;
        let length = length(head)?;
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        // The version is that of the program, because a server may answer
        // HTTP/1.1 in a way that an older program can't read, such as in
        // chunks.
        let mut text = format!(
            "{} {slash}{path} HTTP/1.{}\r\nHost: {authority}\r\n",
            head.method, head.minor_version
        );
        // Headers whose names are in `Connection` are about this connection,
        // too, so they are dropped.
        let named: Vec<String> = head
            .values("connection")
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
            .collect();
        let mut bytes = std::mem::take(&mut text).into_bytes();
        for (name, value) in &head.headers {
            let lower = name.to_ascii_lowercase();
            let frames = matches!(lower.as_str(), "content-length" | "transfer-encoding");
            if DROPPED.contains(&lower.as_str()) || (named.contains(&lower) && !frames) {
                continue;
            }
            bytes.extend_from_slice(format!("{name}: ").as_bytes());
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        // The proxy passes on one request per connection.
        bytes.extend_from_slice(b"Connection: close\r\n\r\n");
        Ok(Request { target, head: Some((bytes, length)) })
    }
}

fn strip_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    scheme.eq_ignore_ascii_case("http").then_some(rest)
}

/// Returns the length of the body. Refuses a request if its headers allow two
/// interpretations of the length, because the server could choose the other
/// one.
fn length(head: &RequestHead) -> Result<Length, Refusal> {
    let unclear = || (BAD, "the length of the body is unclear".to_owned());
    let encodings = head.values("transfer-encoding").count();
    let lengths = head.values("content-length").count();
    match (encodings, lengths) {
        (0, 0) => Ok(Length::Bytes(0)),
        (0, 1) => {
            let text = head.text("content-length").ok_or_else(unclear)?;
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            let count = is_number.then(|| text.parse().ok()).flatten();
            count.map(Length::Bytes).ok_or_else(unclear)
        }
        // HTTP/1.0 has no transfer encodings, so a server may not recognize the
        // end of the body.
        (1, 0) if head.minor_version > 0 => match head.text("transfer-encoding") {
            Some(encoding) if encoding.eq_ignore_ascii_case("chunked") => Ok(Length::Chunked),
            _ => Err(unclear()),
        },
        _ => Err(unclear()),
    }
}

/// Returns the user name and password from the header `Proxy-Authorization`.
/// Returns `None` if the header is missing or malformed, or if the name is
/// empty.
pub(super) fn credentials(head: &RequestHead) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = head.text("proxy-authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64.decode(encoded.trim().as_bytes()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let (user, password) = decoded.split_at(colon);
    let password = password.get(1..).unwrap_or_default();
    (!user.is_empty()).then(|| (user.to_vec(), password.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::traffic::head::Received;

    fn head(text: &str) -> RequestHead {
        let text = text.replace('\n', "\r\n");
        let limit = std::time::Duration::from_secs(60);
        let mut text = text.as_bytes();
        match RequestHead::read(&mut text, &mut Vec::new(), limit, |_| Ok(())).unwrap() {
            Received::Head(head) => head,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn url_becomes_a_path_and_headers_for_the_proxy_are_left_out() {
        let request = Request::new(&head(
            "GET http://a.test:81?q#f HTTP/1.1\nHost: b.test\nAccept: x\nConnection: X-A\nX-A: 1\n\
             Proxy-Authorization: Basic eDp5\n\n",
        ))
        .unwrap();
        assert_eq!(request.target.to_string(), "a.test:81");
        let (text, length) = request.head.unwrap();
        let expected =
            "GET /?q HTTP/1.1\r\nHost: a.test:81\r\nAccept: x\r\nConnection: close\r\n\r\n";
        assert_eq!(
            (String::from_utf8(text).unwrap().as_str(), length),
            (expected, Length::Bytes(0))
        );
        let old = Request::new(&head("GET http://a.test/ HTTP/1.0\n\n")).unwrap();
        let text = String::from_utf8(old.head.unwrap().0).unwrap();
        assert!(text.starts_with("GET / HTTP/1.0\r\nHost: a.test\r\n"), "{text}");
        let request = Request::new(&head("CONNECT [2001:db8::1]:443 HTTP/1.1\n\n")).unwrap();
        assert_eq!((request.target.port(), request.head), (443, None));
    }

    #[test]
    fn unclear_requests_are_refused() {
        for text in [
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET https://a.test/ HTTP/1.1\n\n",
            "GET http://user@a.test/ HTTP/1.1\n\n",
            "CONNECT a.test HTTP/1.1\n\n",
            "POST http://a.test/ HTTP/1.1\nContent-Length: 1\nContent-Length: 2\n\n",
            "POST http://a.test/ HTTP/1.1\nContent-Length: +1\n\n",
            "POST http://a.test/ HTTP/1.1\nContent-Length: 1\nTransfer-Encoding: chunked\n\n",
            "POST http://a.test/ HTTP/1.1\nTransfer-Encoding: gzip\n\n",
            "POST http://a.test/ HTTP/1.0\nTransfer-Encoding: chunked\n\n",
        ] {
            let (status, why) = Request::new(&head(text)).unwrap_err();
            assert_eq!(status, BAD, "{text}");
            assert!(!why.contains("or (\""), "{why}");
        }
    }

    #[test]
    fn credentials_are_decoded() {
        let of = |value: &str| {
            credentials(&head(&format!("GET / HTTP/1.1\nProxy-Authorization: {value}\n\n")))
        };
        assert_eq!(of("basic YTpiOmM="), Some((b"a".to_vec(), b"b:c".to_vec())));
        assert_eq!((of("Bearer x"), of("Basic OmI="), of("Basic ?")), (None, None, None));
    }
}
