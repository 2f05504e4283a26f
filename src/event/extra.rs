//! What an event has beyond what this version of the library knows.

use super::field;
use crate::protocol::{Value, Word, Words};

/// Reads what follows an event's words without keys. `take` has each pair, and
/// gives `None` where it does not know the key, or the value has not its form.
/// What is left over, in order: the pairs, and the words without a key.
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
