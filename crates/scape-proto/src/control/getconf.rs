//! The answer to GETCONF.

use super::keyword::Words;
use super::quote::unquote;
use super::reply::Reply;
use crate::control::ConfLine;

/// Parses the answer to GETCONF: all lines, in tor's order and spelling.
///
/// `names` is the number of options in the command. If `names` is 0, the result
/// is empty. tor answers a GETCONF without options only with `250 OK`, which
/// isn't a line of the configuration.
///
/// ```
/// use scape_proto::control::{Decoder, parse_getconf};
///
/// let mut decoder = Decoder::default();
/// decoder.feed(b"250-ContactInfo\r\n250 Nickname=relay01\r\n");
/// let reply = decoder.next_reply()?.expect("the reply is complete");
/// let lines = parse_getconf(&reply, 2);
/// assert_eq!(lines[0].value, None);
/// assert_eq!(lines[1].value.as_deref(), Some("relay01"));
/// # Ok::<(), scape_proto::control::DecodeError>(())
/// ```
#[doc(alias = "GetConfResponse")]
pub fn parse_getconf(reply: &Reply, names: usize) -> Vec<ConfLine> {
    if names == 0 {
        return Vec::new();
    }
    reply.lines().map(|line| parse_conf_line(line.text)).collect()
}

/// Parses `Name=value` or `Name`, a line of GETCONF or CONF_CHANGED. The value
/// is unquoted as a C string if it begins with a quote. Bytes that aren't UTF-8
/// become U+FFFD.
///
/// ```
/// use scape_proto::control::parse_conf_line;
///
/// let line = parse_conf_line(b"Log=\"notice file /a#b\"");
/// assert_eq!(line.name, "Log");
/// assert_eq!(line.value.as_deref(), Some("notice file /a#b"));
/// ```
pub fn parse_conf_line(line: &[u8]) -> ConfLine {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match memchr::memchr(b'=', line) {
        Some(at) => {
            let value = line.get(at + 1..).unwrap_or_default();
            let value =
                if value.starts_with(b"\"") { Words::new(value).next_value().raw() } else { value };
            ConfLine::new(text(&line[..at]), Some(text(&unquote(value))))
        }
        None => ConfLine::new(text(line), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Decoder;

    fn parse(text: &str) -> Vec<(String, Option<String>)> {
        let mut decoder = Decoder::default();
        decoder.feed(text.as_bytes());
        let reply = decoder.next_reply().unwrap().unwrap();
        parse_getconf(&reply, 1).into_iter().map(|l| (l.name, l.value)).collect()
    }

    #[test]
    fn unset_empty_list_and_quoted_values() {
        let lines = parse(
            "250-SocksPort=9050 IsolateDestAddr\r\n250-ContactInfo\r\n250-ExitNodes=\r\n\
             250-Log=\"notice \\\"x\\\" # y\"\r\n250 Nickname=a=b\"c\r\n",
        );
        let expected = [
            ("SocksPort", Some("9050 IsolateDestAddr")),
            ("ContactInfo", None),
            ("ExitNodes", Some("")),
            ("Log", Some("notice \"x\" # y")),
            ("Nickname", Some("a=b\"c")),
        ];
        assert_eq!(lines.len(), expected.len());
        for (line, (name, value)) in lines.iter().zip(expected) {
            assert_eq!((line.0.as_str(), line.1.as_deref()), (name, value));
        }
    }
}
