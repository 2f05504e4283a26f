//! Formats and wraps texts for the columns and lines of the monitor.

use std::time::{Duration, SystemTime};

use crate::base::units;

/// Returns a text with exactly `width` characters: cut, or filled with spaces.
pub(crate) fn cell(text: &str, width: usize) -> String {
    let mut cell: String = text.chars().take(width).collect();
    let missing = width.saturating_sub(cell.chars().count());
    cell.extend(std::iter::repeat_n(' ', missing));
    cell
}

/// Returns a text with exactly `width` characters: cut, or filled with spaces
/// at the left.
pub(crate) fn right(text: &str, width: usize) -> String {
    format!("{:>width$}", cell(text, width.min(text.chars().count())))
}

/// Formats a number of bytes for a cell. Returns an empty text for 0.
pub(crate) fn some_bytes(count: u64) -> String {
    match count {
        0 => String::new(),
        count => units::bytes(count),
    }
}

/// Formats the time from `since` to `now`. Returns `-` if `since` is unknown.
pub(crate) fn age(since: Option<SystemTime>, now: SystemTime) -> String {
    match since {
        Some(since) => units::duration(now.duration_since(since).unwrap_or_default()),
        None => "-".into(),
    }
}

/// Wraps a text to lines of at most `width` characters. Breaks lines between
/// words if possible.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        // The line that is being filled with words.
        let mut line: Option<String> = None;
        for word in paragraph.split(' ') {
            let length = |text: &str| text.chars().count();
            if let Some(full) =
                line.take_if(|line| length(line) + 1 + length(word) > width && !word.is_empty())
            {
                lines.push(full);
            }
            let line = match &mut line {
                Some(line) => {
                    line.push(' ');
                    line
                }
                empty => empty.insert(String::new()),
            };
            // A word that is longer than a line is cut.
            for letter in word.chars() {
                if length(line) == width {
                    lines.push(std::mem::take(line));
                }
                line.push(letter);
            }
        }
        lines.extend(line);
    }
    lines
}

/// Returns true if `text` contains `word`, which must be in lower case. The
/// case of `text` is ignored.
pub(crate) fn contains(text: &str, word: &str) -> bool {
    if word.is_empty() {
        return true;
    }
    if text.is_ascii() {
        let (text, word) = (text.as_bytes(), word.as_bytes());
        return text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    }
    text.to_lowercase().contains(word)
}

/// The time for which a message stays at the bottom of the screen.
pub(crate) const NOTE_SHOWN: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_the_wanted_width() {
        assert_eq!((cell("äbc", 2), cell("ä", 3)), ("äb".into(), "ä  ".into()));
        assert_eq!((right("5", 3), right("12345", 3)), ("  5".into(), "123".into()));
    }

    #[test]
    fn lines_are_wrapped_between_words() {
        assert_eq!(wrap("one two three\n\nfour", 7), ["one two", "three", "", "four"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("  name   value", 12), ["  name  ", "value"]);
    }

    #[test]
    fn words_are_found_in_any_case() {
        assert!(contains("MoriaFour", "iaf") && contains("Ä", "ä") && contains("", ""));
        assert!(!contains("Moria", "x") && !contains("a", "ab"));
    }
}
