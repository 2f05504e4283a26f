//! White space as tor defines it.

/// Returns true for the characters of C's `isspace`, which tor skips before
/// numbers and around the elements of lists.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

/// Returns the text after the spaces, tabs, line ends and comments at its
/// beginning. tor skips comments even inside of values: before a unit, and
/// after the address of a port.
pub(crate) fn skip_spaces_and_comments(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        if !rest.starts_with('#') {
            return rest;
        }
        rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comment_ends_with_its_line() {
        for (text, rest) in [
            ("", ""),
            (" \t\r\nx y", "x y"),
            ("# a\n # b\n c # d", "c # d"),
            ("#", ""),
            ("\x0bx", "\x0bx"),
        ] {
            assert_eq!(skip_spaces_and_comments(text), rest, "{text:?}");
        }
    }
}
