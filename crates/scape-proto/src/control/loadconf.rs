//! Parses the data of LOADCONF in the same way as tor.

use zeroize::Zeroizing;

use super::torrc_line::{is_space, line_end, read_line};
use crate::control::is_secret_option;

/// An option and its value in the data of LOADCONF.
pub(super) struct Entry {
    /// The option's name, without the prefix `+` or `/`.
    pub(super) name: String,
    /// The value as it is written, with quotes, continuations and comments.
    written: Zeroizing<Vec<u8>>,
    /// The value as tor reads it. It is empty if the line clears the option.
    pub(super) value: Zeroizing<Vec<u8>>,
    /// True if the name is written with the prefix `/`, which clears the
    /// option.
    is_cleared: bool,
}

/// The effect of a configuration text on an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The text doesn't contain the option.
    Nothing,
    /// The text sets the option.
    Set,
    /// The text clears the option.
    Cleared,
}

/// Returns the options of a configuration text. tor rejects the whole text if a
/// line is malformed. This function accepts malformed lines, and takes
/// everything after the name for the value.
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

/// Returns the effect of a configuration text on an option. If several lines
/// set or clear the option, the last one counts. `is_meant` must return true
/// for each name by which tor knows the option.
///
/// A line without a value clears the option. If the option is a list
/// (`is_list`), tor ignores such a line, and only a line with the prefix `/`
/// clears the list.
///
/// ```
/// use scape_proto::control::loadconf::{Said, last_said};
///
/// let is_meant = |name: &str| name.eq_ignore_ascii_case("ControlPort");
/// assert_eq!(last_said(b"ControlPort 9051\n/ControlPort\n", true, is_meant), Said::Cleared);
/// assert_eq!(last_said(b"SocksPort 9050\n", true, is_meant), Said::Nothing);
/// ```
pub fn last_said(data: &[u8], is_list: bool, is_meant: impl Fn(&str) -> bool) -> Said {
    let meant = entries(data).into_iter().filter(|entry| is_meant(&entry.name));
    meant.fold(Said::Nothing, |said, entry| match entry.value.trim_ascii() {
        [] if is_list && !entry.is_cleared => said,
        [] => Said::Cleared,
        _ => Said::Set,
    })
}

/// Returns the values of the secret options in a text, as they are written. For
/// a value that continues on other lines, returns the part on each line, and
/// the value as tor reads it.
pub(super) fn secrets(data: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut secrets = Vec::new();
    for entry in entries(data) {
        if !is_secret_option(&entry.name) || entry.written.is_empty() {
            continue;
        }
        // Don't use memchr here: it leaves the bytes that it examines in wide
        // registers, and unoptimized builds write these to the stack.
        if !entry.written.contains(&b'\n') {
            secrets.push(entry.written);
            continue;
        }
        // A peer may send back a single line of the value.
        for line in entry.written.split(|byte| *byte == b'\n') {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let part = line.strip_suffix(b"\\").unwrap_or(line).trim_ascii();
            secrets.push(Zeroizing::new(part.to_vec()));
        }
        secrets.push(entry.value);
    }
    secrets
}

/// Returns the text that tor receives, in which every line ends with LF,
/// including the last one.
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
    fn loadconf_entries_match_tor() {
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
    fn malformed_line_does_not_swallow_the_next_line() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs(" A \"b\nC d\n"), [pair("A", "\"b"), pair("C", "d")]);
    }

    #[test]
    fn loadconf_secrets_are_found_in_each_form() {
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
