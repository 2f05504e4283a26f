//! Collects the unknown arguments of events.

use super::field;
use crate::control::{Value, Word, Words};

/// Parses the arguments after an event's known positional arguments.
///
/// Calls `take` with each keyword argument. `take` returns `None` if it doesn't
/// know the keyword or can't parse the value.
///
/// Returns the keyword arguments for which `take` returned `None`, and the
/// positional arguments. Both lists are in order.
pub(super) fn read_pairs<'a>(
    words: Words<'a>,
    mut take: impl FnMut(&str, Value<'a>) -> Option<()>,
) -> (Vec<(String, String)>, Vec<String>) {
    let (mut extra, mut extra_words) = (Vec::new(), Vec::new());
    for word in words {
        match word {
            Word::Pair(key, value) => {
                if take(key, value).is_none() {
                    extra.push(field::pair(key, value));
                }
            }
            Word::Bare(value) => extra_words.push(value.text().into_owned()),
        }
    }
    (extra, extra_words)
}
