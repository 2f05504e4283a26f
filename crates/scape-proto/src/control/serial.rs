//! Serialized forms of the types in `control`, and of texts that may contain
//! secrets.

use serde::{Serialize, Serializer};

use super::redact::{is_secret_pair, redact_line};
use crate::control::{ConfLine, HashedPassword, REDACTED, Refusal, shown_name};
use crate::word::serial::table;

as_redacted! { HashedPassword }

fields! { "ConfLine", |line: ConfLine| { name: shown_name(&line.name), value: line.shown() } }

fields! { "Refusal", |refusal: Refusal| {
    command: refusal.command(),
    code: refusal.code(),
    text: refusal.text(),
    log: refusal.log(),
} }

/// Serializes keywords with values as an object. Secret values are replaced by
/// `[redacted]`.
pub(crate) fn keywords<S: Serializer>(
    pairs: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let shown = |value: &str, key: &str| match is_secret_pair(key, value) {
        true => REDACTED.to_owned(),
        false => redact_line(value.as_bytes()),
    };
    table(pairs.iter().map(|(key, value)| (key, shown(value, key))), serializer)
}

/// Serializes positional words, which have no keyword, as an array. Secrets in
/// the words are replaced by `[redacted]`.
pub(crate) fn words<S: Serializer>(words: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(words.iter().map(|word| redact_line(word.as_bytes())))
}

/// Serializes a text, or null for `None`. Secrets in the text are replaced by
/// `[redacted]`.
pub(crate) fn optional_text<S: Serializer>(
    text: &Option<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    text.as_ref().map(|text| redact_line(text.as_bytes())).serialize(serializer)
}

/// Serializes a text. Secrets in the text are replaced by `[redacted]`.
pub(crate) fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    redact_line(text.as_bytes()).serialize(serializer)
}
