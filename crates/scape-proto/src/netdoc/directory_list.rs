//! Lists of directories in tor's source: dir-list-spec.

#[cfg(feature = "serde")]
use std::collections::BTreeMap;

use super::directory_authority::DirectoryAuthority;
use super::directory_server_error::ParseDirectoryServerError;
use super::fallback_directory::FallbackDirectory;
use super::keyed;
use super::{DocumentError, DocumentKind};

/// A list of directory authorities or of fallback directories: tor's files
/// `auth_dirs.inc` and `fallback_dirs.inc`. See dir-list-spec.
///
/// Such a file is a part of a C program: strings, comments and commas. A
/// `DirectoryList` borrows its text. All versions of the format are accepted,
/// also lists without header.
///
/// ```
/// use scape_proto::netdoc::DirectoryList;
///
/// let text = br#"/* type=fallback */
///     /* version=4.0.0 */
///     "142.132.165.154 orport=443 id=6D9E22C1F4F0E99867F98F2546A9B76D5F08B4CF"
///     " ipv6=[2a01:4f8:1c1c:43c::1]:443"
///     /* nickname=libreapp01 */
///     /* extrainfo=0 */
///     /* ===== */
///     ,"#;
/// let list = DirectoryList::parse(text);
/// assert_eq!(list.header("type"), Some("fallback"));
/// let fallbacks = list.fallbacks().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(fallbacks[0].nickname.as_deref(), Some("libreapp01"));
/// assert_eq!(fallbacks[0].caches_extra_info, Some(false));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone)]
pub struct DirectoryList<'a> {
    text: &'a [u8],
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> DirectoryList<'a> {
    /// Parses the header of a list. The entries are parsed by the iterators
    /// that [`authorities`](Self::authorities) and
    /// [`fallbacks`](Self::fallbacks) return.
    ///
    /// ```
    /// use scape_proto::netdoc::DirectoryList;
    ///
    /// let list = DirectoryList::parse(b"/* type=fallback */\n/* version=3.0.0 */\n");
    /// assert_eq!(list.header("version"), Some("3.0.0"));
    /// assert_eq!(list.fallbacks().count(), 0);
    /// ```
    pub fn parse(text: &'a [u8]) -> Self {
        let mut headers = Vec::new();
        for (_, token) in Tokens::new(text) {
            // The header ends with a separator or with the first entry.
            match token {
                Token::Comment([]) => {}
                Token::Comment(comment) => match comment_pair(comment) {
                    Some(pair) => headers.push(pair),
                    None => break,
                },
                Token::Text(_) | Token::Comma => break,
            }
        }
        DirectoryList { text, headers }
    }

    /// Returns a value of the header: `type`, `version`, `timestamp` or
    /// `source`. Returns `None` if the header doesn't contain the name.
    ///
    /// ```
    /// use scape_proto::netdoc::DirectoryList;
    ///
    /// let list = DirectoryList::parse(b"/* timestamp=20210412000000 */\n");
    /// assert_eq!(list.header("timestamp"), Some("20210412000000"));
    /// assert_eq!(list.header("type"), None);
    /// ```
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Returns the names and values of the header, in the order of the list.
    pub fn headers(&self) -> &[(&'a str, &'a str)] {
        &self.headers
    }

    /// Returns an iterator over the entries, parsed as directory authorities.
    /// An entry that can't be parsed is returned as an error.
    ///
    /// ```
    /// use scape_proto::netdoc::DirectoryList;
    ///
    /// let text = br#""dizum orport=443 "
    ///       "v3ident=E8A9C45EDE6D711294FADF8E7951F4DE6CA56B58 "
    ///       "45.66.35.11:80 7EA6 EAD6 FD83 083C 538F 4403 8BBF A077 587D D755","#;
    /// let list = DirectoryList::parse(text);
    /// let authorities = list.authorities().collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(authorities[0].nickname.as_deref(), Some("dizum"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn authorities(
        &self,
    ) -> impl Iterator<Item = Result<DirectoryAuthority, DocumentError>> + use<'a> {
        let entries = Entries { tokens: Tokens::new(self.text) };
        entries.map(|entry| entry.text.parse().map_err(|error| entry.error(&error)))
    }

    /// Returns an iterator over the entries, parsed as fallback directories. An
    /// entry that can't be parsed is returned as an error.
    ///
    /// ```
    /// use scape_proto::netdoc::DirectoryList;
    ///
    /// let list = DirectoryList::parse(b"\"176.10.104.240:80\",");
    /// let error = list.fallbacks().find_map(Result::err).expect("the fingerprint is missing");
    /// assert_eq!((error.line(), error.keyword()), (Some(1), "176.10.104.240:80"));
    /// ```
    pub fn fallbacks(
        &self,
    ) -> impl Iterator<Item = Result<FallbackDirectory, DocumentError>> + use<'a> {
        let entries = Entries { tokens: Tokens::new(self.text) };
        entries.map(|entry| {
            let mut fallback: FallbackDirectory =
                entry.text.parse().map_err(|error| entry.error(&error))?;
            for (name, value) in &entry.comments {
                match *name {
                    "nickname" => fallback.nickname = Some((*value).into()),
                    "extrainfo" => fallback.caches_extra_info = Some(*value == "1"),
                    _ => {}
                }
            }
            // An empty nickname means that it is unknown.
            fallback.nickname = fallback.nickname.filter(|nickname| !nickname.is_empty());
            Ok(fallback)
        })
    }

    /// Returns the text of the whole list.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }
}

/// An entry: the strings before a comma, and the comments between them.
#[derive(Debug, Default)]
struct Entry<'a> {
    line: usize,
    text: String,
    comments: Vec<(&'a str, &'a str)>,
}

impl Entry<'_> {
    fn error(&self, error: &ParseDirectoryServerError) -> DocumentError {
        let word = self.text.split_ascii_whitespace().next().unwrap_or_default();
        let kind = DocumentKind::DirectoryList;
        DocumentError::new(kind, Some(self.line), word.as_bytes(), error.problem())
    }
}

#[derive(Debug, Clone)]
struct Entries<'a> {
    tokens: Tokens<'a>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let mut entry = None::<Entry<'a>>;
        for (line, token) in self.tokens.by_ref() {
            match (token, &mut entry) {
                (Token::Text(text), entry) => {
                    let entry = entry.get_or_insert_with(|| Entry { line, ..Entry::default() });
                    entry.text.push_str(&String::from_utf8_lossy(text));
                }
                (Token::Comment(comment), Some(entry)) => {
                    entry.comments.extend(comment_pair(comment));
                }
                (Token::Comma, Some(_)) => return entry,
                (Token::Comment(_) | Token::Comma, None) => {}
            }
        }
        entry
    }
}

/// Splits a comment that consists of one word `name=value`. Returns `None` for
/// any other comment.
fn comment_pair(comment: &[u8]) -> Option<(&str, &str)> {
    let is_word = comment.iter().all(u8::is_ascii_graphic);
    keyed::pair(comment).filter(|_| is_word)
}

/// A token of the C program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A string without its quotes.
    Text(&'a [u8]),
    /// A comment without its marks and the spaces around it. The text of a
    /// comment that begins with `//` is left out, because it contains no
    /// values.
    Comment(&'a [u8]),
    Comma,
}

/// An iterator over the tokens with their line numbers. All other characters of
/// the C program are left out.
#[derive(Debug, Clone)]
struct Tokens<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a [u8]) -> Self {
        Tokens { rest: text, line: 1 }
    }

    /// Returns the text before `end`. The iterator continues after `end`.
    fn until(&mut self, end: &[u8]) -> &'a [u8] {
        let found = memchr::memmem::find(self.rest, end).unwrap_or(self.rest.len());
        let (inside, after) = self.rest.split_at_checked(found).unwrap_or_default();
        self.rest = after.get(end.len()..).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', inside).count();
        inside
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<(usize, Token<'a>)> {
        loop {
            let line = self.line;
            let (first, rest) = self.rest.split_first()?;
            let starts_with = |next: u8| *first == b'/' && rest.first() == Some(&next);
            if starts_with(b'/') {
                self.until(b"\n");
                self.line += 1;
                return Some((line, Token::Comment(b"")));
            }
            self.rest = rest;
            match first {
                b'"' => return Some((line, Token::Text(self.until(b"\"")))),
                b',' => return Some((line, Token::Comma)),
                b'\n' => self.line += 1,
                b'/' if rest.first() == Some(&b'*') => {
                    self.rest = rest.get(1..).unwrap_or_default();
                    return Some((line, Token::Comment(self.until(b"*/").trim_ascii())));
                }
                _ => {}
            }
        }
    }
}

debug_as_text! { DirectoryList }

#[cfg(feature = "serde")]
fields! { "DirectoryList", |list: DirectoryList<'_>| {
    headers: BTreeMap::from_iter(list.headers().iter().copied()),
    authorities: list.authorities().flatten().collect::<Vec<_>>(),
    fallbacks: list.fallbacks().flatten().collect::<Vec<_>>(),
} }

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FALLBACKS: &str = "/* type=fallback */\n/* version=4.0.0 */\n\
        /* timestamp=20210412000000 */\n/* source=offer-list */\n//\n\
        // Generated on: \"Thu\", a=b\n\n\
        \"1.2.3.4 orport=443 id=6D9E22C1F4F0E99867F98F2546A9B76D5F08B4CF\"\n\
        \" ipv6=[2a01:4f8:1c1c:43c::1]:443\"\n/* nickname=one */\n/* extrainfo=1 */\n\
        /* ===== */\n,\n\"1.2.3.5:80 orport=443\"\n,\n\
        \"1.2.3.6:80 orport=443 id=BF54EE3193751481579BA7CC7D8E1DF0A01AFB30\"\n\
        /* nickname= */\n/* extrainfo=0 */\n/* ===== */\n,\n";

    #[test]
    fn fallbacks_with_header_and_comments() {
        let list = DirectoryList::parse(FALLBACKS.as_bytes());
        assert_eq!(list.headers().len(), 4);
        assert_eq!((list.header("type"), list.header("a")), (Some("fallback"), None));
        let all: Vec<_> = list.fallbacks().collect();
        let one = all[0].as_ref().unwrap();
        assert_eq!((one.nickname.as_deref(), one.caches_extra_info), (Some("one"), Some(true)));
        assert_eq!((one.dir_port, one.ipv6.map(|ipv6| ipv6.port())), (0, Some(443)));
        let error = all[1].as_ref().unwrap_err();
        assert_eq!(
            error.to_string(),
            "malformed list of directories: line 14 (1.2.3.5:80): too few words"
        );
        let last = all[2].as_ref().unwrap();
        assert_eq!((last.nickname.as_deref(), last.caches_extra_info), (None, Some(false)));
        assert_eq!((last.dir_port, all.len()), (80, 3));
    }

    #[test]
    fn header_of_version_2_ends_with_a_separator() {
        let text =
            "/* type=fallback */\n/* version=2.0.0 */\n/* ===== */\n/* a=b */\n/*\nc=d\n*/\n";
        assert_eq!(DirectoryList::parse(text.as_bytes()).headers().len(), 2);
        let generation = "/* type=fallback */\n/* Checked a=b of 7 */\n/* c=d */\n";
        assert_eq!(DirectoryList::parse(generation.as_bytes()).headers().len(), 1);
    }

    #[test]
    fn authorities_are_strings_of_several_lines() {
        let text = "\"Serge orport=9001 bridge \"\n  \"66.111.2.131:9030 BA44 A889 E64B 93FA A2B1 \
            14E0 2C2A 279A 8555 C533\",\n\"odd\",\n";
        let list = DirectoryList::parse(text.as_bytes());
        let all: Vec<_> = list.authorities().collect();
        assert!(all[0].as_ref().unwrap().is_bridge_authority && list.headers().is_empty());
        assert_eq!((all[1].as_ref().unwrap_err().line(), all.len()), (Some(3), 2));
    }

    proptest! {
        #[test]
        fn parsing_lists_never_panics(text in "[\"/*,= a1.:\n\\\\]{0,60}") {
            let list = DirectoryList::parse(text.as_bytes());
            let count = list.fallbacks().count() + list.authorities().count();
            prop_assert!(count <= 2 * text.len());
        }
    }
}
