//! Serialized forms of lists of names and values.

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// Serializes pairs of a name and a value as an object, in order. If a name has
/// several values, only the first value is written. Methods that look up a name
/// return the first value, too.
pub(crate) fn table<K, V, S>(
    pairs: impl IntoIterator<Item = (K, V)>,
    serializer: S,
) -> Result<S::Ok, S::Error>
where
    K: Serialize + Eq + Hash + Copy,
    V: Serialize,
    S: Serializer,
{
    let mut seen = HashSet::new();
    let mut map = serializer.serialize_map(None)?;
    for (name, value) in pairs {
        if seen.insert(name) {
            map.serialize_entry(&name, &value)?;
        }
    }
    map.end()
}

/// Serializes a list of names and numbers as a [`table`].
pub(crate) fn counts<K, V, S>(pairs: &[(K, V)], serializer: S) -> Result<S::Ok, S::Error>
where
    K: Serialize + Eq + Hash,
    V: Serialize,
    S: Serializer,
{
    table(pairs.iter().map(|(name, value)| (name, value)), serializer)
}

/// Serializes a list of names and durations as a [`table`] of seconds.
pub(crate) fn durations<K, S>(pairs: &[(K, Duration)], serializer: S) -> Result<S::Ok, S::Error>
where
    K: Serialize + Eq + Hash,
    S: Serializer,
{
    table(pairs.iter().map(|(name, time)| (name, time.as_secs_f64())), serializer)
}
