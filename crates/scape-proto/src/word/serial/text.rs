//! Types that are serialized as strings, exactly as tor writes them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};

/// Serializes types as the text that `Display` writes.
macro_rules! write_as_text {
    ($($name:ty),* $(,)?) => { $(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )* };
}

/// Serializes types as the text that `Display` writes, and deserializes them
/// with `FromStr`.
macro_rules! as_text {
    ($($name:ty),* $(,)?) => {
        write_as_text!($($name),*);
        $(
            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    crate::word::serial::read(from, str::parse::<$name>)
                }
            }
        )*
    };
}

/// Serializes types as text, and deserializes them with `From<&str>`, which
/// never fails.
macro_rules! as_any_text {
    ($($name:ty),* $(,)?) => {
        write_as_text!($($name),*);
        $(
            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    let read = |text: &str| Ok::<_, std::convert::Infallible>(text.into());
                    crate::word::serial::read(from, read)
                }
            }
        )*
    };
}

/// Serializes secrets as the placeholder that `Debug` shows. Secrets have no
/// `Deserialize`, because the placeholder can't be read back.
macro_rules! as_redacted {
    ($($name:ty),* $(,)?) => { $(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str("[redacted]")
            }
        }
    )* };
}

/// Deserializes a string and reads it with `read`.
pub(crate) fn read<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    read(&text).map_err(D::Error::custom)
}
