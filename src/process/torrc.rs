//! Options as the text of a torrc.

use crate::error::{ArgumentError, ArgumentProblem};

/// A torrc in the making: every value arrives in tor exactly as it was given, whatever is in it.
///
/// tor's syntax for a line is a name, white space and a value. An unquoted value ends at the end of
/// the line or at a `#`, loses the white space around it, and a backslash at its end would swallow
/// the next line; so whatever would be changed that way is written as a quoted C string. Line ends
/// and NULs are refused: no option has a use for them.
#[derive(Default)]
pub(super) struct Torrc {
    text: Vec<u8>,
}

impl Torrc {
    /// Adds a line. Lines stay in the order in which they are added.
    pub(super) fn push(&mut self, name: &str, value: &[u8]) -> Result<(), ArgumentError> {
        check(name, value)?;
        self.text.extend_from_slice(name.as_bytes());
        self.text.push(b' ');
        if needs_quotes(value) {
            self.text.push(b'"');
            for &byte in value {
                if matches!(byte, b'"' | b'\\') {
                    self.text.push(b'\\');
                }
                self.text.push(byte);
            }
            self.text.push(b'"');
        } else {
            self.text.extend_from_slice(value);
        }
        self.text.push(b'\n');
        Ok(())
    }

    /// The whole text.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

/// Refuses what cannot be a line of a torrc.
pub(super) fn check(name: &str, value: &[u8]) -> Result<(), ArgumentError> {
    // Also keeps out `%include`, and `+Name` and `/Name`, which only mean something above a
    // defaults file.
    if let Some((position, character)) =
        name.char_indices().find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '_')
    {
        let problem = ArgumentProblem::Character { character, position };
        return Err(ArgumentError::new("Launch::option", "option's name", problem));
    }
    if name.is_empty() {
        return Err(ArgumentError::new("Launch::option", "option's name", ArgumentProblem::Empty));
    }
    if let Some(position) = value.iter().position(|b| matches!(b, b'\r' | b'\n' | 0)) {
        let problem = ArgumentProblem::Character { character: char::from(value[position]), position };
        return Err(ArgumentError::new("Launch::option", &format!("value of {name}"), problem));
    }
    Ok(())
}

/// Whether tor would read the unquoted `value` as something else.
fn needs_quotes(value: &[u8]) -> bool {
    let (Some(first), Some(last)) = (value.first(), value.last()) else { return false };
    *first == b'"' || *last == b'\\' || value.contains(&b'#') || is_space(*first) || is_space(*last)
}

/// White space as tor's parser sees it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: &str) -> String {
        let mut torrc = Torrc::default();
        torrc.push("ContactInfo", value.as_bytes()).unwrap();
        String::from_utf8(torrc.text).unwrap()
    }

    #[test]
    fn a_value_is_quoted_only_where_tor_would_change_it() {
        assert_eq!(line("me <me@example.org>"), "ContactInfo me <me@example.org>\n");
        assert_eq!(line(""), "ContactInfo \n");
        assert_eq!(line(r#"unix:"/a b""#), "ContactInfo unix:\"/a b\"\n");
        assert_eq!(line("a # b"), "ContactInfo \"a # b\"\n");
        assert_eq!(line(r#""a" \ b"#), "ContactInfo \"\\\"a\\\" \\\\ b\"\n");
        assert_eq!(line(" a "), "ContactInfo \" a \"\n");
        assert_eq!(line(r"a\"), "ContactInfo \"a\\\\\"\n");
    }

    #[test]
    fn what_would_make_another_line_is_refused_by_name() {
        for bad in ["a\nb", "a\rb", "a\0b"] {
            let error = Torrc::default().push("ContactInfo", bad.as_bytes()).unwrap_err();
            assert!(matches!(error.problem(), ArgumentProblem::Character { position: 1, .. }), "{error:?}");
            assert!(error.to_string().contains("value of ContactInfo"), "{error}");
        }
        for bad in ["", "%include", "+Log", "/Log", "Log notice", "a\n", "a#", "é"] {
            assert!(Torrc::default().push(bad, b"x").is_err(), "{bad:?}");
        }
    }
}
