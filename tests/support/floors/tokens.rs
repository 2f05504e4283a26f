//! Rust's text as words and signs: comments, strings and characters are left
//! out.

/// A word or a sign, and the line it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// What `text` consists of. `::` is one token, every other sign is one of its
/// own.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let length = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => to_line_end(&bytes[at..]),
            b'/' if bytes[at..].starts_with(b"/*") => block_comment(&bytes[at..]),
            b'"' => string(&bytes[at..]),
            b'\'' => character_or_lifetime(&bytes[at..]),
            byte if is_word(byte) => {
                let length = bytes[at..].iter().take_while(|&&byte| is_word(byte)).count();
                let word = &text[at..at + length];
                match (word, bytes.get(at + length)) {
                    ("r" | "br" | "cr", Some(b'"' | b'#')) => {
                        length + raw_string(&bytes[at + length..])
                    }
                    ("b" | "c", Some(b'"' | b'\'')) => length,
                    _ => {
                        found.push(Token { text: word, line });
                        length
                    }
                }
            }
            b':' if bytes[at..].starts_with(b"::") => {
                found.push(Token { text: "::", line });
                2
            }
            byte if byte.is_ascii_punctuation() => {
                found.push(Token { text: &text[at..=at], line });
                1
            }
            _ => 1,
        };
        let end = (at + length).min(bytes.len());
        line += bytes[at..end].iter().filter(|&&byte| byte == b'\n').count();
        at = end;
    }
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn to_line_end(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len())
}

fn block_comment(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// From the first `#` or the quote on. `r#name` is a raw identifier, whose `r#`
/// alone is left out.
fn raw_string(bytes: &[u8]) -> usize {
    let hashes = bytes.iter().take_while(|&&byte| byte == b'#').count();
    if bytes.get(hashes) != Some(&b'"') {
        return hashes;
    }
    let end = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let inner = &bytes[hashes + 1..];
    inner
        .windows(end.len())
        .position(|window| window == end)
        .map_or(bytes.len(), |at| hashes + 1 + at + end.len())
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn character_or_lifetime(bytes: &[u8]) -> usize {
    if bytes.get(1) == Some(&b'\\') {
        return 3 + bytes.iter().skip(3).position(|&byte| byte == b'\'').map_or(0, |at| at + 1);
    }
    let after_one = 1 + std::str::from_utf8(&bytes[1..bytes.len().min(5)])
        .ok()
        .and_then(|text| text.chars().next())
        .map_or_else(
            || bytes[1..].iter().skip(1).take_while(|&&byte| byte & 0xc0 == 0x80).count() + 1,
            char::len_utf8,
        );
    if bytes.get(after_one) == Some(&b'\'') { after_one + 1 } else { 1 }
}
