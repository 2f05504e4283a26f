//! Identifiers of circuits, streams and connections.
//!
//! control-spec, section 2.2 ("General-use tokens"), allows 1 to 16 letters and
//! digits for each of these identifiers (`1*16 IDChar`). All versions of tor so
//! far write decimal numbers: they print identifiers with `%u` and `%lu`.
//! Therefore identifiers are integers here. Integers are small, fast to copy
//! and hash, and can't be used to fill memory.
//!
//! An event whose identifier isn't a number is still delivered. If the event
//! needs the identifier, its body is `Unknown`, and
//! [`Event::text`](crate::event::Event::text) returns the whole text. If the
//! event doesn't need the identifier, as with ORCONN, the identifier is kept as
//! text in the event's field `extra`. Code that keeps a record for each
//! identifier, such as a list of circuits, ignores events without a number. In
//! a reply, an identifier that isn't a number makes the call fail.

use std::fmt;
use std::str::FromStr;

macro_rules! id {
    ($(#[$meta:meta])* pub struct $name:ident($int:ty), $what:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($int);

        impl $name {
            /// Creates an ID from a number.
            ///
            /// ```
            #[doc = concat!("use scape_proto::word::", stringify!($name), ";")]
            ///
            #[doc = concat!("let id = ", stringify!($name), "::new(7);")]
            /// assert_eq!(id.to_string(), "7");
            /// ```
            pub const fn new(number: $int) -> Self {
                $name(number)
            }

            /// Returns the ID as a number.
            pub const fn get(self) -> $int {
                self.0
            }
        }

        impl From<$int> for $name {
            fn from(number: $int) -> Self {
                $name(number)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            /// Reads a decimal number without a sign.
            ///
            /// # Errors
            ///
            /// Returns an error if the text contains anything but digits, or if
            /// the number is too large.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                match text.parse() {
                    Ok(number) if digits => Ok($name(number)),
                    _ => {
                        let most = u64::from(<$int>::MAX);
                        Err(ParseIdError { what: $what, most, text: text.into() })
                    }
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// A circuit's ID. tor numbers its circuits from 1, so an ID is used again
    /// only after a restart of tor, or after 2³² circuits.
    pub struct CircuitId(u32), "circuit"
}

id! {
    /// A stream's ID, as in STREAM events and in the command ATTACHSTREAM.
    pub struct StreamId(u64), "stream"
}

id! {
    /// The ID of one of tor's connections. Such a connection leads to a relay,
    /// to a directory, or from an exit to the target of a stream.
    pub struct OrConnId(u64), "connection"
}

/// The error for a text that isn't an ID.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what} ID, which is a whole number from 0 to {most}")]
pub struct ParseIdError {
    what: &'static str,
    /// The largest number that an ID of this type can have.
    most: u64,
    text: String,
}

error_debug!(ParseIdError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_decimal_digits_only() {
        assert_eq!("42".parse(), Ok(CircuitId::new(42)));
        assert_eq!("18446744073709551615".parse(), Ok(StreamId::new(u64::MAX)));
        for bad in ["", "+1", "-1", "4294967296", "1 ", "x", "A1b2"] {
            assert!(bad.parse::<CircuitId>().is_err(), "{bad:?}");
        }
    }
}
