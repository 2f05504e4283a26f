//! Words of the form `name=value`.

use crate::netdoc::document_error::LineProblem;
use crate::netdoc::line::words;

/// Words of the form `name=value`, separated by spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pairs<'a> {
    text: &'a str,
}

impl<'a> Pairs<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, LineProblem> {
        const FORM: &str = "the words must have the form name=value";
        let is_pair = |word: &[u8]| split(word).is_some();
        let text = std::str::from_utf8(text).ok().filter(|_| words(text).all(is_pair));
        text.map(|text| Pairs { text }).ok_or(LineProblem::Value(FORM))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        words(self.text.as_bytes()).filter_map(split)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

/// Splits a word at its first `=`. Returns `None` if there is no `=`, if the
/// name or the value is empty, or if the word isn't UTF-8.
fn split(word: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = std::str::from_utf8(word).ok()?.split_once('=')?;
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}

#[cfg(feature = "serde")]
impl serde::Serialize for Pairs<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::word::serial::table(self.iter(), serializer)
    }
}
