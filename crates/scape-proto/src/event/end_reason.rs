//! The reasons why streams end, as relays send them: tor-spec, section "Closing
//! streams".

use std::fmt;

use crate::event::StreamReason;

/// The reason why a stream ends, as a number: used in RELAY_END cells and by
/// the command CLOSESTREAM.
///
/// Any number is possible. The constants are the reasons with a name.
///
/// ```
/// use scape_proto::event::{EndReason, StreamReason};
///
/// assert_eq!(EndReason::EXIT_POLICY.code(), 4);
/// assert_eq!(EndReason::EXIT_POLICY.reason(), Some(StreamReason::ExitPolicy));
/// assert_eq!(EndReason::new(200).reason(), None);
/// ```
#[doc(alias = "RelayEndReason")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndReason(u8);

macro_rules! reasons {
    ($( $(#[$meta:meta])* $name:ident = $code:literal, $reason:ident; )*) => {
        impl EndReason {
            $( $(#[$meta])* pub const $name: EndReason = EndReason($code); )*

            /// All reasons that this version of the library knows.
            pub const KNOWN: &'static [EndReason] = &[ $( EndReason::$name, )* ];

            /// Returns the reason as a STREAM event names it, or `None` if the
            /// reason's number has no name.
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
    /// A reason that none of the others covers.
    MISC = 1, Misc;
    /// The host name couldn't be resolved.
    RESOLVE_FAILED = 2, ResolveFailed;
    /// The target refused the connection.
    CONNECT_REFUSED = 3, ConnectRefused;
    /// The exit's policy doesn't allow the target.
    EXIT_POLICY = 4, ExitPolicy;
    /// The circuit is being destroyed.
    DESTROY = 5, Destroy;
    /// The stream ended normally.
    DONE = 6, Done;
    /// The connection to the target timed out.
    TIMEOUT = 7, Timeout;
    /// There is no route to the target.
    NO_ROUTE = 8, NoRoute;
    /// The relay that ended the stream is hibernating.
    HIBERNATING = 9, Hibernating;
    /// An internal error occurred.
    INTERNAL = 10, Internal;
    /// The relay that ended the stream is out of resources.
    RESOURCE_LIMIT = 11, ResourceLimit;
    /// The target reset the connection.
    CONN_RESET = 12, ConnReset;
    /// The Tor protocol was violated.
    TOR_PROTOCOL = 13, TorProtocol;
    /// A directory request was sent to a relay that isn't a directory.
    NOT_DIRECTORY = 14, NotDirectory;
}

impl EndReason {
    /// Creates a reason from its number, which may be unknown.
    ///
    /// ```
    /// use scape_proto::event::EndReason;
    ///
    /// assert_eq!(EndReason::new(6), EndReason::DONE);
    /// assert_eq!(EndReason::new(200).to_string(), "200"); // it has no name
    /// ```
    pub const fn new(code: u8) -> Self {
        EndReason(code)
    }

    /// Returns the reason's number.
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl From<u8> for EndReason {
    fn from(code: u8) -> Self {
        EndReason(code)
    }
}

/// Writes the name that STREAM events use, or the number if there is no name.
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
    fn end_reason_numbers_match_tor_spec() {
        let codes: Vec<u8> = EndReason::KNOWN.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes, (1..=14).collect::<Vec<u8>>());
        assert_eq!(EndReason::DONE.to_string(), "DONE");
        assert_eq!(EndReason::from(255).to_string(), "255");
    }
}
