//! Splits the text of an endpoint into parts, and handles escapes and names.
//! The module `options` interprets the parts.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::endpoint::{EndpointError, EndpointProblem};

/// A part of an endpoint: the text between two colons, `value` or `name=value`,
/// with its escapes resolved.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The position of the part in bytes from the start of the text.
    pub(super) position: usize,
    pub(super) name: Option<String>,
    /// The value, which may be a secret.
    pub(super) value: Zeroizing<String>,
}

/// Splits `text` into parts at its colons, except for escaped colons and those
/// of an IPv6 address in brackets. The first part is the kind, such as `tor`.
/// Returns an error if a backslash precedes a character that can't be escaped.
pub(super) fn split(text: &str) -> Result<Vec<Part>, EndpointError> {
    // Each string has its full capacity from the beginning, so that growing
    // leaves no copy of a secret in memory.
    let room = || Zeroizing::new(String::with_capacity(text.len()));
    let mut parts = Vec::new();
    let (mut position, mut name, mut value) = (0, None, room());
    let mut at_start = true;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let here = text.len() - rest.len();
        let mut length = first.len_utf8();
        let starts = std::mem::take(&mut at_start);
        match first {
            ':' => {
                parts.push(Part {
                    position,
                    name: name.take(),
                    value: std::mem::replace(&mut value, room()),
                });
                position = here + 1;
                at_start = true;
            }
            '=' if name.is_none() => {
                name = Some(String::clone(&value));
                value = room();
                at_start = true;
            }
            '\\' => match rest.chars().nth(1) {
                Some(escaped @ (':' | '=' | '\\')) => {
                    value.push(escaped);
                    length = 2;
                }
                _ => return Err(EndpointError::new(EndpointProblem::Escape).at(here)),
            },
            _ => match literal(rest).filter(|_| starts) {
                Some(literal) => {
                    value.push_str(literal);
                    length = literal.len();
                }
                None => value.push(first),
            },
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    parts.push(Part { position, name, value });
    Ok(parts)
}

/// Returns the IPv6 address, with its brackets, at the beginning of `text`.
/// Colons in such an address need no escapes. Returns `None` if `text` doesn't
/// begin with such an address.
fn literal(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?.split(']').next()?;
    let is_address = inner.contains(':')
        && inner.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'%'));
    text.get(..inner.len() + 2).filter(|literal| is_address && literal.ends_with(']'))
}

/// Escapes a value, so that [`split`] returns the same value.
pub(super) fn escape(value: &str) -> Cow<'_, str> {
    let special = [':', '=', '\\'];
    let literal = literal(value).unwrap_or_default();
    let rest = value.get(literal.len()..).unwrap_or_default();
    if !rest.contains(special) {
        return Cow::Borrowed(value);
    }
    let mut escaped = String::with_capacity(2 * value.len());
    escaped.push_str(literal);
    for c in rest.chars() {
        if special.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the name and the value of each part.
    fn parts(text: &str) -> Vec<(Option<String>, String)> {
        split(text).unwrap().into_iter().map(|part| (part.name, part.value.to_string())).collect()
    }

    fn bare(value: &str) -> (Option<String>, String) {
        (None, value.into())
    }

    fn named(name: &str, value: &str) -> (Option<String>, String) {
        (Some(name.into()), value.into())
    }

    #[test]
    fn colons_separate_parts_and_equals_signs_end_names() {
        assert_eq!(
            parts("tor:example.com:80:timeout=5"),
            [bare("tor"), bare("example.com"), bare("80"), named("timeout", "5")]
        );
        assert_eq!(parts(""), [bare("")]);
        assert_eq!(parts("a::b:"), [bare("a"), bare(""), bare("b"), bare("")]);
        // Only the first equals sign separates, because base64 keys may end
        // with equals signs.
        assert_eq!(parts("a=b=c==:=x"), [named("a", "b=c=="), named("", "x")]);
    }

    #[test]
    fn backslash_escapes_special_characters_only() {
        assert_eq!(
            parts(r"controlPort=unix\:/run/tor/control"),
            [named("controlPort", "unix:/run/tor/control")]
        );
        assert_eq!(parts(r"a\=b:c=d\=e\\:f"), [bare("a=b"), named("c", r"d=e\"), bare("f")]);
        for (text, position) in [(r"tor:\", 4), (r"tor:C\d", 5), (r"a=\ü", 2), ("\\\n", 0)] {
            let error = split(text).unwrap_err();
            assert_eq!(
                (error.problem(), error.position()),
                (&EndpointProblem::Escape, Some(position)),
                "{text}"
            );
        }
    }

    #[test]
    fn ipv6_address_in_brackets_is_not_split() {
        assert_eq!(parts("tor:[2001:db8::1]:80"), [bare("tor"), bare("[2001:db8::1]"), bare("80")]);
        assert_eq!(parts(r"socksPort=[::1]\:9050"), [named("socksPort", "[::1]:9050")]);
        assert_eq!(parts("[fe80::1%3]"), [bare("[fe80::1%3]")]);
        // A text that isn't an address, or isn't at the beginning, is split at
        // its colons.
        assert_eq!(parts("[a:b"), [bare("[a"), bare("b")]);
        assert_eq!(parts("[x:1]"), [bare("[x"), bare("1]")]);
        assert_eq!(parts("a[::1]"), [bare("a["), bare(""), bare("1]")]);
        assert_eq!(parts("[]:[ü]"), [bare("[]"), bare("[ü]")]);
    }

    #[test]
    fn parts_have_their_byte_positions() {
        let positions: Vec<usize> =
            split("tör:a=b:[::1]:c").unwrap().iter().map(|part| part.position).collect();
        assert_eq!(positions, [0, 5, 9, 15]);
    }

    proptest! {
        #[test]
        fn escaped_values_are_parsed_back(
            values in prop::collection::vec(any::<(bool, String)>(), 1..5),
        ) {
            let texts: Vec<String> = values
                .iter()
                .map(|(named, value)| format!("{}{}", if *named { "x=" } else { "" }, escape(value)))
                .collect();
            let expected: Vec<_> = values
                .into_iter()
                .map(|(named, value)| (named.then(|| "x".to_owned()), value))
                .collect();
            prop_assert_eq!(parts(&texts.join(":")), expected);
        }

        #[test]
        fn escaped_special_characters_are_parsed_back(value in r"[\[\]:=\\a1%.]{0,12}") {
            prop_assert_eq!(parts(&escape(&value)), [bare(&value)]);
        }

        #[test]
        fn splitting_any_text_does_not_panic(text in r"([\[\]:=\\a1]|\PC){0,20}") {
            if let Ok(parts) = split(&text) {
                prop_assert!(parts.iter().all(|part| text.is_char_boundary(part.position)));
            }
        }
    }
}
