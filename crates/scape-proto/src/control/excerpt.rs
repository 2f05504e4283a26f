//! Excerpts of a peer's texts, for error messages.

/// The maximum length in bytes of the part of a peer's text that an error
/// contains. This is about a page. tor's own texts are shorter.
const LONGEST: usize = 2000;

/// Returns a text, or its first 2000 bytes (about a page) and `…` if the text
/// is longer. A peer can send hundreds of megabytes, which shouldn't end up in
/// an error message.
///
/// ```
/// use scape_proto::control::excerpt;
///
/// assert_eq!(excerpt("busy"), "busy");
/// assert!(excerpt(&"x".repeat(1 << 20)).len() < 2100);
/// ```
pub fn excerpt(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_at_a_character() {
        for text in ["", "a", &"é".repeat(LONGEST / 2)] {
            assert_eq!(excerpt(text), text);
        }
        assert_eq!(
            excerpt(&format!("a{}", "é".repeat(LONGEST))),
            format!("a{}…", "é".repeat(LONGEST / 2 - 1))
        );
    }
}
