//! Options whose values are words of tor, such as the statuses of circuits.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command};

use crate::base::failure::Failure;

/// A parser that accepts any word, because later versions of tor may use new
/// words. The help and the completions list the known words.
#[derive(Debug, Clone)]
pub(crate) struct WordParser(Vec<&'static str>);

/// Returns the parser for an option. `known` contains the known values, and
/// `text` returns the word for a value in tor's spelling.
pub(crate) fn parser<T>(known: &'static [T], text: fn(&'static T) -> &'static str) -> WordParser {
    WordParser(known.iter().map(text).collect())
}

impl TypedValueParser for WordParser {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, option, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|word| PossibleValue::new(*word))))
    }
}

/// Returns a failure if one of the `words` is neither in `known` nor in use by
/// tor. The message calls the words `noun` and `plural`, such as `status` and
/// `statuses`.
pub(crate) fn check(
    noun: &str,
    plural: &str,
    words: impl IntoIterator<Item = impl AsRef<str>>,
    known: &[&str],
    is_in_use: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    for word in words {
        let word = word.as_ref();
        if !known.iter().any(|known| known.eq_ignore_ascii_case(word)) && !is_in_use(word) {
            let known = known.join(", ");
            let message = format!("there is no {noun} {word:?}; the {plural} are {known}");
            return Err(Failure::usage(message));
        }
    }
    Ok(())
}

/// Returns true if `word` is one of the wanted words, or if `wanted` is empty.
/// Case is ignored.
pub(crate) fn fits(wanted: &[String], word: Option<&str>) -> bool {
    let is_wanted = |word: &str| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(word));
    wanted.is_empty() || word.is_some_and(is_wanted)
}

/// Returns true if `text` contains `part`. Case is ignored.
pub(crate) fn contains(text: &str, part: &str) -> bool {
    text.to_ascii_lowercase().contains(&part.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_and_words_in_use_are_accepted() {
        let check = |word| {
            check("status", "statuses", [word], &["NEW", "CLOSED"], |word| word == "SIMMERING")
        };
        assert!(check("new").is_ok() && check("SIMMERING").is_ok());
        let failure = check("old\x1b").unwrap_err();
        let expected = "there is no status \"old\\u{1b}\"; the statuses are NEW, CLOSED";
        assert_eq!(failure.message, expected);
    }

    #[test]
    fn word_fits_if_it_is_wanted_or_if_all_are() {
        let wanted = ["built".to_owned(), "CLOSED".to_owned()];
        assert!(fits(&wanted, Some("BUILT")) && fits(&[], Some("NEW")) && fits(&[], None));
        assert!(!fits(&wanted, Some("NEW")) && !fits(&wanted, None));
    }
}
