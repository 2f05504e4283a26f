//! Shortens the messages of errors about temporary files.

use std::io;

/// Returns the message of an error from the crate `tempfile` without the name
/// of the temporary file, which the crate adds at the end. The name doesn't
/// help the user.
pub(crate) fn without_temporary_name(error: &io::Error) -> String {
    before_temporary_name(&error.to_string()).to_owned()
}

/// Returns the part of a message before the name of a temporary file, or the
/// whole message if it contains no such name.
pub(crate) fn before_temporary_name(message: &str) -> &str {
    message.split_once(" at path \"").map_or(message, |(reason, _)| reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_temporary_files_have_no_name() {
        let error = tempfile::NamedTempFile::new_in("/nowhere/folder").unwrap_err();
        assert!(error.to_string().contains("/nowhere/folder/"), "{error}");
        let text = without_temporary_name(&error);
        assert!(!text.is_empty() && !text.contains("folder"), "{text}");
        assert_eq!(without_temporary_name(&io::Error::other("x")), "x");
    }
}
