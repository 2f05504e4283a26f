//! Reads the text that LOADCONF has as its data, as tor reads it.

use zeroize::Zeroizing;

use super::torrc_line::{is_space, line_end, read_line};
use crate::protocol::is_secret_option;

/// An option with its value.
pub(super) struct Entry {
    /// The name, without `+` or `/`.
    pub(super) name: String,
    /// The value as it is written, with quotes, continuations and comments.
    written: Zeroizing<Vec<u8>>,
    /// The value that tor takes. A line that clears its option has none.
    pub(super) value: Zeroizing<Vec<u8>>,
    /// True if `/` stands before the name.
    is_cleared: bool,
}

/// The last thing that a text says of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Set,
    Cleared,
}

/// Returns the options of a text. tor refuses a text with a malformed line as a
/// whole. Such a line has everything behind its name as its value here.
pub(super) fn entries(data: &[u8]) -> Vec<Entry> {
    let text = as_received(data);
    let mut entries = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (name, written, value, end) = match read_line(&text, at) {
            Ok(None) => {
                at = line_end(&text, at);
                continue;
            }
            Ok(Some(line)) => (line.name, line.value, Zeroizing::new(line.says), line.end),
            Err(_) => {
                let end = line_end(&text, at);
                let line = text.get(at..end).unwrap_or_default();
                let start = at + line.iter().take_while(|byte| is_space(**byte)).count();
                let rest = text.get(start..end).unwrap_or_default();
                let length = rest.iter().take_while(|byte| !is_space(**byte)).count();
                let value = rest.get(length..).unwrap_or_default().trim_ascii();
                (start..start + length, start + length..end, Zeroizing::new(value.to_vec()), end)
            }
        };
        let name = text.get(name).unwrap_or_default();
        let (name, value, is_cleared) = match name.split_first() {
            Some((b'+', name)) => (name, value, false),
            Some((b'/', name)) => (name, Zeroizing::default(), true),
            _ => (name, value, false),
        };
        entries.push(Entry {
            name: String::from_utf8_lossy(name).into_owned(),
            written: Zeroizing::new(text.get(written).unwrap_or_default().trim_ascii().to_vec()),
            value,
            is_cleared,
        });
        at = end;
    }
    entries
}

/// Returns the last thing that a text says of the option for whose name
/// `is_meant` is true. A line without a value clears an option, but tor skips
/// it if the option is a list: only `/` clears that.
pub(crate) fn last_said(data: &[u8], is_list: bool, is_meant: impl Fn(&str) -> bool) -> Said {
    let meant = entries(data).into_iter().filter(|entry| is_meant(&entry.name));
    meant.fold(Said::Nothing, |said, entry| match entry.value.trim_ascii() {
        [] if is_list && !entry.is_cleared => said,
        [] => Said::Cleared,
        _ => Said::Set,
    })
}

/// Returns the secrets in a text: values as they are written, and as tor takes
/// them if they are continued on other lines.
pub(super) fn secrets(data: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut secrets = Vec::new();
    for entry in entries(data) {
        if !is_secret_option(&entry.name) || entry.written.is_empty() {
            continue;
        }
        // Not memchr: it leaves what it looks at in wide registers, and an
        // unoptimized build puts these on the stack.
        if !entry.written.contains(&b'\n') {
            secrets.push(entry.written);
            continue;
        }
        // A peer may repeat one of the lines.
        for line in entry.written.split(|byte| *byte == b'\n') {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let part = line.strip_suffix(b"\\").unwrap_or(line).trim_ascii();
            secrets.push(Zeroizing::new(part.to_vec()));
        }
        secrets.push(entry.value);
    }
    secrets
}

/// Returns the text that tor gets: each line ends with LF, the last one, too.
fn as_received(data: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(data.len() + 1));
    for line in data.strip_suffix(b"\n").unwrap_or(data).split(|byte| *byte == b'\n') {
        text.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let pair = |entry: Entry| (entry.name, String::from_utf8_lossy(&entry.value).into_owned());
        entries(text.as_bytes()).into_iter().map(pair).collect()
    }

    #[test]
    fn entries_are_those_that_tor_reads() {
        let text =
            "A \\\r\n# x\r\nb\r\n\nC\\\nd\n  +E \"f\\\"\" # g\n/H i\n# J \\\nK l#m\nN\n O\r\r\n\"";
        let expected = [
            ("A", "b"),
            ("C", "d"),
            ("E", "f\""),
            ("H", ""),
            ("K", "l"),
            ("N", ""),
            ("O", ""),
            ("\"", ""),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs(text), expected);
        assert_eq!(pairs(""), []);
    }

    #[test]
    fn malformed_line_ends_where_it_ends() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs(" A \"b\nC d\n"), [pair("A", "\"b"), pair("C", "d")]);
    }

    #[test]
    fn secrets_are_found_in_each_form() {
        let found = |text: &str| -> Vec<String> {
            let secrets = secrets(text.as_bytes());
            secrets.iter().map(|secret| String::from_utf8_lossy(secret).into_owned()).collect()
        };
        assert_eq!(
            found("Nickname x\n+Socks5ProxyPass hunter22 # x\nBridgePassword"),
            ["hunter22"]
        );
        assert_eq!(found("Socks5ProxyPass \"hunter 22\""), ["\"hunter 22\""]);
        assert_eq!(found("/Socks5ProxyPass hunter22"), ["hunter22"]);
        assert_eq!(found("Socks5ProxyPass \\\n# x\nhunter22"), ["", "", "hunter22", "hunter22"]);
        assert_eq!(found("Socks5ProxyPass\\\nhun\\\nter22"), ["", "hun", "ter22", "hunter22"]);
        assert_eq!(found("Socks5ProxyPass \"hunter22"), ["\"hunter22"]);
    }
}
