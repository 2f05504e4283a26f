//! Lists of words in the form `name=value`, which several lines have.

use super::document_error::LineProblem;
use super::item::Arguments;
use super::value::fraction;

const FORM: &str = "the words must have the form name=value";

/// Splits a word such as `Bandwidth=4000` into name and value. The value may
/// contain `=`. Returns `None` if there is no `=`, if the name is empty, or if
/// the word isn't UTF-8.
pub(super) fn pair(word: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(word).ok()?.split_once('=').filter(|(name, _)| !name.is_empty())
}

/// Reads the remaining words as names and values, and adds them to `pairs`. A
/// word in another form isn't added.
///
/// # Errors
///
/// Returns an error if at least one word doesn't have the form `name=value`.
/// Words in this form are added anyway.
pub(super) fn pairs<'a>(
    words: &mut Arguments<'a>,
    pairs: &mut Vec<(&'a str, &'a str)>,
) -> Result<(), LineProblem> {
    let mut result = Ok(());
    while let Ok(word) = words.word() {
        match pair(word) {
            Some(pair) => pairs.push(pair),
            None => result = Err(LineProblem::Value(FORM)),
        }
    }
    result
}

/// Reads the remaining words as names and numbers, and adds them to `numbers`.
/// A number is digits with an optional fraction. A number with a percent sign
/// is divided by 100. A word in another form isn't added.
///
/// # Errors
///
/// Returns an error if at least one word has another form. Words in the right
/// form are added anyway.
pub(super) fn numbers<'a>(
    words: &mut Arguments<'a>,
    numbers: &mut Vec<(&'a str, f64)>,
) -> Result<(), LineProblem> {
    const FORM: &str = "the words must have the form name=number";
    let mut result = Ok(());
    while let Ok(word) = words.word() {
        let number = |text: &str| match text.strip_suffix('%') {
            // This rounds only once, unlike a division.
            Some(percent) => fraction(percent).and_then(|_| format!("{percent}e-2").parse().ok()),
            None => fraction(text),
        };
        match pair(word).and_then(|(name, value)| Some((name, number(value)?))) {
            Some(pair) => numbers.push(pair),
            None => result = Err(LineProblem::Value(FORM)),
        }
    }
    result
}

/// Reads the remaining words as names and integers of 32 bits, and adds them to
/// `params`. A word in another form isn't added.
///
/// # Errors
///
/// Returns an error if at least one word has another form. Words in the right
/// form are added anyway.
pub(super) fn params(
    words: &mut Arguments<'_>,
    params: &mut Vec<(Box<str>, i32)>,
) -> Result<(), LineProblem> {
    const FORM: &str = "the words must have the form name=integer";
    let mut result = Ok(());
    while let Ok(word) = words.word() {
        // `parse` would allow the sign `+`.
        let number = |text: &str| text.parse().ok().filter(|_| !text.starts_with('+'));
        match pair(word).and_then(|(name, value)| Some((name.into(), number(value)?))) {
            Some(param) => params.push(param),
            None => result = Err(LineProblem::Value(FORM)),
        }
    }
    result
}

/// Checks that the names are in ascending order and none is repeated.
pub(super) fn check_sorted<T>(pairs: &[(Box<str>, T)]) -> Result<(), LineProblem> {
    match pairs.is_sorted_by(|(one, _), (next, _)| one < next) {
        true => Ok(()),
        false => Err(LineProblem::Value("the names must be sorted and unique")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netdoc::Item;

    fn words(line: &str) -> Arguments<'_> {
        Item::parse_all(line.as_bytes()).next().unwrap().arguments_reader()
    }

    #[test]
    fn malformed_words_are_left_out_and_reported() {
        let mut found = Vec::new();
        assert_eq!(pairs(&mut words("k a=1 b= c=d=e"), &mut found), Ok(()));
        assert_eq!(found, [("a", "1"), ("b", ""), ("c", "d=e")]);
        assert!(pairs(&mut words("k odd f=6 =7"), &mut found).is_err());
        assert_eq!(found.last(), Some(&("f", "6")));

        let mut found = Vec::new();
        assert_eq!(numbers(&mut words("k fast=40960 wfu=94.669%"), &mut found), Ok(()));
        assert_eq!(found, [("fast", 40960.0), ("wfu", 0.94669)]);
        for bad in ["a=x", "a=", "a=1%%", "a=-1", "a=1.", "a=.5", "a=1e5", "a=inf", "a"] {
            let line = format!("k {bad}");
            assert!(numbers(&mut words(&line), &mut Vec::new()).is_err(), "{bad}");
        }
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn params_are_integers_of_32_bits() {
        let mut found = Vec::new();
        let line = "k b=-2147483648 c=2147483647 a=0";
        assert_eq!(params(&mut words(line), &mut found), Ok(()));
        assert_eq!(
            found.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            [i32::MIN, i32::MAX, 0]
        );
        assert!(check_sorted(&found).is_err() && check_sorted(&found[..2]).is_ok());
        for bad in ["a=", "a=x", "a=+1", "a=2147483648", "a=1.0", "a", "=1"] {
            assert!(params(&mut words(&format!("k {bad}")), &mut found).is_err(), "{bad}");
        }
        assert_eq!(found.len(), 3);
    }
}
