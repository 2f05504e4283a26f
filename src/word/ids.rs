//! The numbers by which tor names circuits, streams and connections.
//!
//! control-spec, section 2.2 ("General-use tokens"), allows 1 to 16 letters and
//! digits for each of these identifiers (`1*16 IDChar`). Every tor so far
//! writes decimal numbers: the identifiers are printed with `%u` and `%lu`. So
//! identifiers are integers here, which are small, are copied and hashed fast,
//! and can't be used to fill memory.
//!
//! An event that needs the identifier isn't lost: its body is `Unknown`, and
//! [`Event::text`](crate::event::Event::text) has all of it. An event that
//! doesn't need it, such as ORCONN, has the pair among its `extra` words. Live
//! state, which is kept by identifier, passes over such events. In a reply,
//! such an identifier is an error of the call that asked.

use std::fmt;
use std::str::FromStr;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident($int:ty), $what:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($int);

        impl $name {
            /// Creates an id from its number.
            pub const fn new(number: $int) -> Self {
                $name(number)
            }

            /// Returns the number.
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
    /// The id of a circuit. tor uses the number of a closed circuit again.
    CircuitId(u32), "circuit"
}

id! {
    /// The id of a stream.
    StreamId(u64), "stream"
}

id! {
    /// The id of a connection to a relay, a directory or an exit's target.
    OrConnId(u64), "connection"
}

/// The error for a text that isn't an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what} id: tor writes decimal numbers")]
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
        for bad in ["", "+1", "-1", "4294967296", "1 ", "x", "A1b2"] {
            assert!(bad.parse::<CircuitId>().is_err(), "{bad:?}");
        }
    }
}
