//! Shortens the messages of errors about temporary files.

use std::io;

/// Returns the text of an error without the name of a temporary file. The crate
/// `tempfile` adds this name at the end, but it doesn't help the user.
pub(crate) fn without_temporary_name(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at path \"") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
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
