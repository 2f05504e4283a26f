//! The `Debug` output of an [`Error`], which many programs show to their users.

use std::error::Error as StdError;
use std::fmt;

use super::Error;

impl fmt::Debug for Error {
    /// Writes the error's message and its causes, one per line. A `main`
    /// function that returns an error prints this text. The message is that of
    /// `{:#}`, which has a line for each address that was tried. `{:#?}` writes
    /// the `Debug` output of the specific error instead, most often its fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.alternate() {
            true => fmt::Debug::fmt(&**self.0, f),
            false => write_chain(f, format!("{self:#}"), self),
        }
    }
}

/// Writes an error and its causes on one line.
pub(crate) fn write_with_sources(f: &mut fmt::Formatter<'_>, error: &Error) -> fmt::Result {
    match f.alternate() {
        true => write!(f, "{error:#}")?,
        false => write!(f, "{error}")?,
    }
    let mut source = error.source();
    while let Some(error) = source {
        write!(f, ": {error}")?;
        source = error.source();
    }
    Ok(())
}

/// Writes the message of `error`, then each of its causes on a line of its own.
/// A cause is left out if the line before it already ends with its text.
fn write_chain(f: &mut fmt::Formatter<'_>, message: String, error: &dyn StdError) -> fmt::Result {
    let mut shown = message;
    f.write_str(&shown)?;
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !shown.ends_with(&text) {
            write!(f, "\ncaused by: {text}")?;
            shown = text;
        }
        source = cause.source();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::Timeout;

    fn io_error() -> Error {
        Error::io("read the cookie file", io::Error::from(io::ErrorKind::PermissionDenied))
    }

    #[test]
    fn debug_of_an_error_is_its_message_and_causes() {
        let error = io_error();
        assert_eq!(
            format!("{error:?}"),
            "cannot read the cookie file\ncaused by: permission denied"
        );
        let error = Error::answer("GETINFO version", "no value");
        assert_eq!(format!("{error:?}"), error.to_string());
    }

    #[test]
    fn debug_of_an_error_does_not_repeat_a_cause() {
        let error = Error::io("start: permission denied", io::ErrorKind::PermissionDenied.into());
        assert_eq!(format!("{error:?}"), "cannot start: permission denied");
    }

    #[test]
    fn alternate_debug_of_an_error_shows_the_structure() {
        let timeout = Timeout::new(crate::error::Phase::Reply, std::time::Duration::from_secs(1));
        let shown = format!("{:#?}", Error::from(timeout));
        assert!(shown.starts_with("Timeout {") && shown.contains("phase"), "{shown}");
        assert!(!format!("{:?}", Error::from(timeout)).contains('{'));
    }

    #[test]
    fn main_that_returns_an_error_prints_few_characters() {
        let error = crate::Connect::to("127.0.0.1:1").and_then(|to| to.connect()).unwrap_err();
        let shown = format!("{error:?}");
        assert!(shown.len() < 300 && !shown.contains("{ "), "{shown}");
    }
}
