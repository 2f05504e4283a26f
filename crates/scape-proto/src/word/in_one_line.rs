//! Keeps text that comes from tor on one line, by escaping control characters.

use std::fmt::{self, Write};

/// A writer that keeps everything on one line. Control characters are escaped
/// as in Rust strings.
///
/// The `Display` implementations of events, and of answers that resemble
/// events, use this writer for text that comes from tor.
pub(crate) struct InOneLine<'a, 'b>(pub(crate) &'a mut fmt::Formatter<'b>);

impl InOneLine<'_, '_> {
    /// Writes formatted text. `write!` calls this method, so modules that use
    /// `write!` with this type needn't import the trait `Write`.
    pub(crate) fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> fmt::Result {
        Write::write_fmt(self, arguments)
    }
}

impl Write for InOneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !text.contains(char::is_control) {
            return self.0.write_str(text);
        }
        for c in text.chars() {
            if c.is_control() {
                write!(self.0, "{}", c.escape_default())?;
            } else {
                self.0.write_char(c)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shown(&'static str, char);

    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(InOneLine(f), "a {}\n{:>3}", self.0, self.1)
        }
    }

    #[test]
    fn control_characters_are_escaped_wherever_they_come_from() {
        assert_eq!(Shown("é✓", 'z').to_string(), "a é✓\\n  z");
        assert_eq!(
            Shown("\r\n\t\0\u{7f}\u{85}", 'z').to_string(),
            "a \\r\\n\\t\\u{0}\\u{7f}\\u{85}\\n  z"
        );
    }
}
