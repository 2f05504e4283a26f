//! Patterns after `%include`, as tor expands them with the C library's `glob`.

/// Returns true if tor treats a path as a pattern. Such a path has a `*` or a
/// `?` without a backslash before it. In any other path, every character stands
/// for itself.
pub(super) fn is_pattern(path: &[u8]) -> bool {
    path.iter().enumerate().any(|(at, byte)| {
        matches!(byte, b'*' | b'?')
            && at.checked_sub(1).and_then(|before| path.get(before)) != Some(&b'\\')
    })
}

/// A part of a pattern, between slashes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Exactly this name.
    Name(Vec<u8>),
    /// Names that match this pattern.
    Pattern(Vec<u8>),
}

/// Splits a pattern at its slashes. The result doesn't say whether the pattern
/// begins or ends with a slash.
pub(super) fn parts(pattern: &[u8]) -> Vec<Part> {
    let parts = pattern.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let is_wild = |byte: &u8| matches!(byte, b'*' | b'?' | b'[');
            if part.iter().any(is_wild) {
                Part::Pattern(part.to_vec())
            } else {
                Part::Name(unescape(part))
            }
        })
        .collect()
}

fn unescape(part: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(part.len());
    let mut bytes = part.iter();
    while let Some(byte) = bytes.next() {
        let meant = if *byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte };
        name.push(*meant);
    }
    name
}

/// Returns true if a name matches a part of a pattern. Special are `*`, `?`,
/// `[a-z]`, `[!a]`, and a backslash, after which any character stands for
/// itself. A dot at the beginning of a name is only matched by a dot.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let hidden = name.first() == Some(&b'.');
    let says_so = pattern.starts_with(b".") || pattern.starts_with(b"\\.");
    (!hidden || says_so) && matches_rest(pattern, name)
}

fn matches_rest(mut pattern: &[u8], mut name: &[u8]) -> bool {
    // The place to go back to when the text after a `*` doesn't match: the `*`
    // takes one more byte. Only the last `*` counts.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some((b'*', rest)) = pattern.split_first() {
            star = Some((rest, name));
            pattern = rest;
            continue;
        }
        match (name.split_first(), one(pattern, name)) {
            (None, _) if pattern.is_empty() => return true,
            (Some((_, name_rest)), Some(pattern_rest)) => {
                (pattern, name) = (pattern_rest, name_rest);
            }
            _ => {
                let Some((rest, taken)) = star else { return false };
                let Some((_, after)) = taken.split_first() else { return false };
                star = Some((rest, after));
                (pattern, name) = (rest, after);
            }
        }
    }
}

/// Matches the first byte of a name with the beginning of a pattern. Returns
/// the rest of the pattern, or `None` if the byte doesn't match.
fn one<'a>(pattern: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let byte = *name.first()?;
    let (first, rest) = pattern.split_first()?;
    match first {
        b'?' => Some(rest),
        b'[' => match set(rest, byte) {
            Some((is_in, rest)) => is_in.then_some(rest),
            // A `[` without a `]` stands for itself.
            None => (byte == b'[').then_some(rest),
        },
        b'\\' => {
            let (meant, rest) = rest.split_first().unwrap_or((first, rest));
            (*meant == byte).then_some(rest)
        }
        _ => (*first == byte).then_some(rest),
    }
}

/// Looks up a byte in a set such as `[a-z]`. `text` is the pattern after the
/// `[`. Returns true if the byte is in the set, together with the text after
/// the `]`. Returns `None` if there is no `]`.
fn set(text: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let negated = matches!(text.first(), Some(b'!' | b'^'));
    let mut rest = if negated { text.get(1..)? } else { text };
    let (mut is_in, mut first) = (false, true);
    loop {
        match rest {
            [b']', after @ ..] if !first => return Some((is_in != negated, after)),
            [b'[', b':', ..] => {
                let end = rest.windows(2).position(|two| two == b":]")?;
                is_in |= is_of_class(rest.get(2..end)?, byte);
                rest = rest.get(end + 2..)?;
            }
            _ => {
                let (low, after) = member(rest)?;
                rest = after;
                let high = match rest {
                    [b'-', b']', ..] => low,
                    [b'-', upto @ ..] => {
                        let (high, after) = member(upto)?;
                        rest = after;
                        high
                    }
                    _ => low,
                };
                is_in |= (low..=high).contains(&byte);
            }
        }
        first = false;
    }
}

/// Reads one byte of a set. Skips a backslash before the byte. Returns the byte
/// and the rest of the text.
fn member(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'\\', byte, rest @ ..] | [byte, rest @ ..] => Some((*byte, rest)),
        [] => None,
    }
}

/// Returns true if an ASCII byte is in a class such as `[:alpha:]`.
fn is_of_class(class: &[u8], byte: u8) -> bool {
    match class {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_told_from_paths_and_split() {
        for pattern in ["*", "a?", "/etc/*/x", "\\a*", "\\\\*x?"] {
            assert!(is_pattern(pattern.as_bytes()), "{pattern:?}");
        }
        for path in ["", "/etc/tor", "a\\*", "[ab]", "\\?"] {
            assert!(!is_pattern(path.as_bytes()), "{path:?}");
        }
        let name = |text: &str| Part::Name(text.into());
        assert_eq!(
            parts(b"/a//b\\*/*.d/"),
            [name("a"), Part::Pattern(b"b\\*".to_vec()), Part::Pattern(b"*.d".to_vec())]
        );
        assert_eq!(parts(b"a\\b/\\"), [name("ab"), name("\\")]);
    }

    #[test]
    fn names_match_patterns_like_glob() {
        let yes = [
            ("*", "a"),
            ("*", ""),
            ("a*", "a"),
            ("*.conf", "10.conf"),
            ("a*b*c", "aXbbYc"),
            ("?", "x"),
            ("a?c", "abc"),
            ("[ab]x", "bx"),
            ("[a-c]", "b"),
            ("[!a-c]", "d"),
            ("[^a]", "b"),
            ("[]]", "]"),
            ("[a-]", "-"),
            ("[", "["),
            ("[a", "[a"),
            ("\\*", "*"),
            ("a\\", "a\\"),
            (".*", ".x"),
            ("[[:digit:]]*", "1a"),
            ("[[:alpha:]_]", "_"),
            ("[\\]]", "]"),
            ("*a*", "bab"),
        ];
        for (pattern, name) in yes {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern:?} {name:?}");
        }
        let no = [
            ("", "a"),
            ("a", ""),
            ("?", ""),
            ("*", ".hidden"),
            ("?x", ".x"),
            ("[.]x", ".x"),
            ("[ab]", "c"),
            ("[!a]", "a"),
            ("*.conf", "conf"),
            ("a*b", "ac"),
            ("\\*", "x"),
            ("A", "a"),
            ("[[:upper:]]", "a"),
            ("**a", "b"),
        ];
        for (pattern, name) in no {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern:?} {name:?}");
        }
    }
}
