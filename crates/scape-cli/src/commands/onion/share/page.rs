//! Formats the list of a folder's files as an HTML page.

use std::fmt::Write as _;
use std::path::Path;

use crate::base::output::printable;
use crate::base::units;

/// A file or folder in the list that visitors see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// The length of the file in bytes. `None` for a folder.
    length: Option<u64>,
}

impl Entry {
    /// Returns the entry for a file or folder. Returns `None` for anything
    /// else, such as a device.
    pub(super) fn new(name: String, path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        let is_known = metadata.is_dir() || metadata.is_file();
        let length = (!metadata.is_dir()).then_some(metadata.len());
        is_known.then_some(Entry { name, length })
    }
}

/// Returns an HTML page with links to the entries. Folders come before files,
/// and both are sorted by name.
pub(super) fn listing(mut entries: Vec<Entry>) -> String {
    entries.sort_by(|a, b| (a.length.is_some(), &a.name).cmp(&(b.length.is_some(), &b.name)));
    let mut page = "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
        <meta name=\"viewport\" content=\"width=device-width\">\n<title>Files</title>\n\
        <style>body { font-family: sans-serif; margin: 2em } td { padding: 0.2em 1em 0.2em 0 }\
        td + td { text-align: right }</style>\n</head>\n<body>\n<table>\n"
        .to_owned();
    for entry in &entries {
        let slash = if entry.length.is_some() { "" } else { "/" };
        let length = entry.length.map(units::bytes).unwrap_or_default();
        let (link, name) = (encode(&entry.name), escape(&entry.name));
        // Writing to a string can't fail.
        let _ = writeln!(
            page,
            "<tr><td><a href=\"./{link}{slash}\">{name}{slash}</a></td><td>{length}</td></tr>"
        );
    }
    page.push_str("</table>\n</body>\n</html>\n");
    page
}

/// Encodes the name of a file for use in the path of a URL.
pub(super) fn encode(name: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn escape(text: &str) -> String {
    // A name must not pretend to be a different name, for example by changing
    // the direction of text.
    printable(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_folders_come_first() {
        let entry = |name: &str, length| Entry { name: name.into(), length };
        let page = listing(vec![entry("<a & b>", Some(1500)), entry("z", None)]);
        let file = "<a href=\"./%3Ca%20%26%20b%3E\">&lt;a &amp; b&gt;</a></td><td>1.50 kB</td>";
        let folder = "<a href=\"./z/\">z/</a></td><td></td>";
        let (file, folder) = (page.find(file).unwrap(), page.find(folder).unwrap());
        assert!(folder < file, "{page}");
    }

    #[test]
    fn names_cannot_change_the_direction_of_the_page() {
        let entry = Entry { name: "a\u{202e}gpj.exe\n".into(), length: Some(1) };
        let page = listing(vec![entry]);
        assert!(
            page.contains("href=\"./a%E2%80%AEgpj.exe%0A\">a\\u{202e}gpj.exe\\n</a>"),
            "{page}"
        );
    }
}
