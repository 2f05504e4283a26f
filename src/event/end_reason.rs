//! Why a stream is ended, as the relays tell each other: tor-spec, section
//! "Closing streams".

use std::fmt;

use crate::event::StreamReason;

/// Why a stream is ended: the number in a RELAY_END cell, and in the command
/// CLOSESTREAM.
///
/// Any number is possible; the constants are the known ones.
///
/// ```
/// use scape::event::{EndReason, StreamReason};
///
/// assert_eq!(EndReason::EXIT_POLICY.code(), 4);
/// assert_eq!(EndReason::EXIT_POLICY.reason(), Some(StreamReason::ExitPolicy));
/// assert_eq!(EndReason::new(200).reason(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndReason(u8);

macro_rules! reasons {
    ($( $(#[$meta:meta])* $name:ident = $code:literal, $reason:ident; )*) => {
        impl EndReason {
            $( $(#[$meta])* pub const $name: EndReason = EndReason($code); )*

            /// Every reason that this version knows.
            pub const KNOWN: &'static [EndReason] = &[ $( EndReason::$name, )* ];

            /// How the STREAM event writes it; `None` for a number without a
            /// name.
            pub fn reason(self) -> Option<StreamReason> {
                match self {
                    $( EndReason::$name => Some(StreamReason::$reason), )*
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    /// None of the others.
    MISC = 1, Misc;
    /// The name could not be resolved.
    RESOLVE_FAILED = 2, ResolveFailed;
    /// The target refused the connection.
    CONNECT_REFUSED = 3, ConnectRefused;
    /// The exit's policy does not allow the target.
    EXIT_POLICY = 4, ExitPolicy;
    /// The circuit is being destroyed.
    DESTROY = 5, Destroy;
    /// It ended normally.
    DONE = 6, Done;
    /// It took too long.
    TIMEOUT = 7, Timeout;
    /// There is no route to the target.
    NO_ROUTE = 8, NoRoute;
    /// The relay is hibernating.
    HIBERNATING = 9, Hibernating;
    /// An internal error.
    INTERNAL = 10, Internal;
    /// The relay is out of resources.
    RESOURCE_LIMIT = 11, ResourceLimit;
    /// The target reset the connection.
    CONN_RESET = 12, ConnReset;
    /// The peer broke Tor's protocol.
    TOR_PROTOCOL = 13, TorProtocol;
    /// A directory request was sent to a relay that is no directory.
    NOT_DIRECTORY = 14, NotDirectory;
}

impl EndReason {
    /// The reason with this number.
    pub const fn new(code: u8) -> Self {
        EndReason(code)
    }

    /// The number.
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl From<u8> for EndReason {
    fn from(code: u8) -> Self {
        EndReason(code)
    }
}

/// The name that the STREAM event has for it, else the number.
impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => f.pad(reason.as_str()),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_tor_spec() {
        let codes: Vec<u8> = EndReason::KNOWN.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes, (1..=14).collect::<Vec<u8>>());
        assert_eq!(EndReason::DONE.to_string(), "DONE");
        assert_eq!(EndReason::from(255).to_string(), "255");
    }
}
