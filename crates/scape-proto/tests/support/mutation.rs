//! Random changes to valid bytes.

use proptest::prelude::*;
use proptest::sample::Index;

/// A change to a byte string. Each [`Index`] selects a byte or a word.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    Flip(Index, u8),
    Cut(Index, usize),
    Insert(Index, Vec<u8>),
    DuplicateWord(Index),
    SwapWords(Index, Index),
    SwapKeys(Index, Index),
}

/// Generates up to four changes.
pub(crate) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    proptest::collection::vec(mutation(), 0..5)
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = any::<Index>;
    prop_oneof![
        (place(), 1_u8..).prop_map(|(at, bits)| Mutation::Flip(at, bits)),
        (place(), 1_usize..12).prop_map(|(at, length)| Mutation::Cut(at, length)),
        (place(), piece()).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        place().prop_map(Mutation::DuplicateWord),
        (place(), place()).prop_map(|(one, other)| Mutation::SwapWords(one, other)),
        (place(), place()).prop_map(|(one, other)| Mutation::SwapKeys(one, other)),
    ]
}

/// Generates bytes to insert: characters and words that have a special meaning
/// in events, or random bytes.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 20] = [
        b"\"",
        b"\\",
        b"=",
        b" ",
        b"  ",
        b",",
        b":",
        b"$",
        b"~",
        b"-",
        b"+",
        b"\"\"",
        b"\\\"",
        b"=\"",
        b"\\377",
        b"NaN",
        b"18446744073709551616",
        b"-1",
        b"\xff\xfe",
        b"\x00\x1b[31m",
    ];
    let chosen = proptest::sample::select(pieces.to_vec()).prop_map(<[u8]>::to_vec);
    prop_oneof![3 => chosen, 1 => proptest::collection::vec(any::<u8>(), 1..6)]
}

impl Mutation {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Mutation::Insert(at, piece) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, piece.iter().copied());
            }
            _ if bytes.is_empty() => {}
            Mutation::Flip(at, bits) => {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            Mutation::Cut(at, length) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Mutation::DuplicateWord(at) => change_words(bytes, |words| {
                let at = at.index(words.len());
                words.insert(at, words[at].clone());
            }),
            Mutation::SwapWords(one, other) => change_words(bytes, |words| {
                let (one, other) = (one.index(words.len()), other.index(words.len()));
                words.swap(one, other);
            }),
            Mutation::SwapKeys(one, other) => change_words(bytes, |words| {
                let (one, other) = (one.index(words.len()), other.index(words.len()));
                let (key, other_key) = (key(&words[one]), key(&words[other]));
                if let (Some(key), Some(other_key), true) = (key, other_key, one != other) {
                    words[one].splice(..key.len(), other_key.iter().copied());
                    words[other].splice(..other_key.len(), key);
                }
            }),
        }
    }
}

fn change_words(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut words: Vec<Vec<u8>> = bytes.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
    change(&mut words);
    *bytes = words.join(&b' ');
}

/// Returns the key of a `KEY=value` word, or `None` if the word contains no
/// `=`.
fn key(word: &[u8]) -> Option<Vec<u8>> {
    word.iter().position(|byte| *byte == b'=').map(|end| word[..end].to_vec())
}
