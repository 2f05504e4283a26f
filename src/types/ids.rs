//! The numbers by which tor names circuits, streams and connections.

use std::fmt;
use std::str::FromStr;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident($int:ty), $what:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($int);

        impl $name {
            /// The id with this number.
            pub const fn new(number: $int) -> Self {
                $name(number)
            }

            /// The number.
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

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                match text.parse() {
                    Ok(number) if digits => Ok($name(number)),
                    _ => Err(ParseIdError { what: $what, text: text.into() }),
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
    /// A circuit of tor's, as long as it exists. tor uses numbers again.
    CircuitId(u32), "circuit"
}

id! {
    /// A stream of tor's, as long as it exists.
    StreamId(u64), "stream"
}

id! {
    /// A connection of tor's, to a relay, a directory or an exit's target.
    OrConnId(u64), "connection"
}

/// A text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what} id: it must be a decimal number")]
pub struct ParseIdError {
    what: &'static str,
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decimal_digits_are_an_id() {
        assert_eq!("42".parse(), Ok(CircuitId::new(42)));
        assert_eq!("18446744073709551615".parse(), Ok(StreamId::new(u64::MAX)));
        for bad in ["", "+1", "-1", "4294967296", "1 ", "x"] {
            assert!(bad.parse::<CircuitId>().is_err(), "{bad:?}");
        }
    }
}
