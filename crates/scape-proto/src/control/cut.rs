//! Cuts texts between characters.

/// Returns the beginning of a text, at most `length` bytes of it. The result
/// never ends within a character, because a part of a character would become
/// U+FFFD.
///
/// The cut can also be within a secret. To hide the beginning of that secret,
/// callers compare it with the end of the result. With U+FFFD at the end, this
/// comparison would fail.
pub(super) fn beginning_of(text: &[u8], length: usize) -> &[u8] {
    let Some(beginning) = text.get(..length).filter(|beginning| beginning.len() < text.len())
    else {
        return text;
    };
    // If a character is cut, its first byte is among the last three.
    let back = beginning.iter().rev().take(3).position(|byte| *byte >= 0xC0);
    let start = back.map(|back| length - 1 - back);
    let is_cut = |start: &usize| {
        let wanted = match text.get(*start) {
            Some(0xF0..) => 4,
            Some(0xE0..) => 3,
            _ => 2,
        };
        start + wanted > length
    };
    start.filter(is_cut).and_then(|start| text.get(..start)).unwrap_or(beginning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_two_characters() {
        for (text, length, expected) in [
            ("pässwörd", 2, "p"),
            ("pässwörd", 3, "pä"),
            ("a€", 2, "a"),
            ("a€", 3, "a"),
            ("a€", 4, "a€"),
            ("a€b", 4, "a€"),
            ("🦀🦀", 7, "🦀"),
            ("abc", 2, "ab"),
            ("abc", 9, "abc"),
            ("é", 0, ""),
        ] {
            assert_eq!(
                beginning_of(text.as_bytes(), length),
                expected.as_bytes(),
                "{text} {length}"
            );
        }
        // Bytes that aren't UTF-8 contain no characters, so they can be cut
        // anywhere.
        assert_eq!(beginning_of(b"\x80\x80\x80\x80", 3), b"\x80\x80\x80");
    }
}
