//! Reply codes of SOCKS5 and of tor.

use std::fmt;
use std::io::ErrorKind;

/// A reply code of a SOCKS5 port: 0 to 8 from RFC 1928, or one of tor's own
/// codes 0xF0 to 0xF7. tor sends its own codes only for onion addresses, and
/// only on a port with the flag `ExtendedErrors` (socks-extensions, proposal
/// 304).
///
/// Any number from 0 to 255 can be a status. The constants are the known codes.
///
/// ```
/// use scape_proto::socks::SocksStatus;
///
/// assert_eq!(SocksStatus::new(0xF4), SocksStatus::ONION_AUTH_MISSING);
/// assert!(SocksStatus::new(0xF4).is_onion());
/// assert_eq!(SocksStatus::new(0x42).description(), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocksStatus(u8);

macro_rules! statuses {
    ($( $(#[$meta:meta])* $name:ident = $code:literal, $text:literal; )*) => {
        impl SocksStatus {
            $( $(#[$meta])* pub const $name: SocksStatus = SocksStatus($code); )*

            /// All codes that this version of the library knows.
            pub const KNOWN: &'static [SocksStatus] = &[ $( SocksStatus::$name, )* ];

            /// Returns a description of the code, or `None` if the code isn't
            /// known.
            pub fn description(self) -> Option<&'static str> {
                match self {
                    $( SocksStatus::$name => Some($text), )*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    /// The request was granted.
    SUCCEEDED = 0x00, "granted";
    /// A general failure. Without `ExtendedErrors`, this also covers most
    /// failures of onion services.
    GENERAL_FAILURE = 0x01, "general failure; tor's log may say why";
    /// The exit's policy or a flag of the SOCKS port doesn't allow the request.
    NOT_ALLOWED = 0x02, "not allowed by the exits' policies (for this port) or by the flags of the SocksPort";
    /// The exit can't reach the target's network.
    NETWORK_UNREACHABLE = 0x03, "network unreachable from the exit";
    /// The name can't be resolved, there is no route, or the onion service
    /// can't be reached.
    HOST_UNREACHABLE = 0x04, "host unreachable: the name cannot be resolved, there is no route, or the onion service is offline";
    /// The target refused the connection.
    CONNECTION_REFUSED = 0x05, "connection refused by the target: nothing listens on this port";
    /// The request timed out.
    TTL_EXPIRED = 0x06, "timed out within the Tor network; it may work when tried again";
    /// The SOCKS port doesn't support the command of the request.
    COMMAND_NOT_SUPPORTED = 0x07, "command not supported: the SOCKS port is not tor's";
    /// The SOCKS port doesn't support the type of the request's address.
    ADDRESS_TYPE_NOT_SUPPORTED = 0x08, "address type not supported";
    /// The onion service's descriptor wasn't found, because the service doesn't
    /// exist or is offline.
    ONION_DESCRIPTOR_NOT_FOUND = 0xF0, "the onion service's descriptor was not found: no such service, or offline";
    /// The onion service's descriptor is invalid. tor 0.4.9 never sends this
    /// code.
    ONION_DESCRIPTOR_INVALID = 0xF1, "the onion service's descriptor is invalid: the fault is the service's, or this tor is too old";
    /// Every introduction failed: the introduction points refused the
    /// introduction or can't be reached.
    ONION_INTRO_FAILED = 0xF2, "the introduction to the onion service failed: it was restarted, or is offline; try again later";
    /// The rendezvous failed, because the service didn't come to the rendezvous
    /// point before the timeout.
    ONION_REND_FAILED = 0xF3, "the rendezvous with the onion service failed: the service did not come in time; try again";
    /// The onion service requires client authorization, and tor has no key for
    /// it.
    ONION_AUTH_MISSING = 0xF4, "the onion service wants client authorization, and tor has no key for it: add one";
    /// The client authorization for the onion service is wrong or was revoked.
    ONION_AUTH_WRONG = 0xF5, "the client authorization for the onion service is wrong, or was revoked: ask the service for access";
    /// The onion address is invalid: its checksum, key or length is wrong.
    ONION_BAD_ADDRESS = 0xF6, "the onion address is not valid: mistyped, or cut off";
    /// All introductions to the onion service timed out.
    ONION_INTRO_TIMED_OUT = 0xF7, "every introduction to the onion service timed out: it is overloaded or offline; try again later";
}

impl SocksStatus {
    /// Creates a status from its code.
    ///
    /// ```
    /// use scape_proto::socks::SocksStatus;
    ///
    /// assert_eq!(SocksStatus::new(5), SocksStatus::CONNECTION_REFUSED);
    /// assert!(!SocksStatus::new(0x42).is_recognized());
    /// ```
    pub const fn new(code: u8) -> Self {
        SocksStatus(code)
    }

    /// Returns the status's code.
    pub const fn code(self) -> u8 {
        self.0
    }

    /// Returns true if this version of the library knows the code.
    pub fn is_recognized(self) -> bool {
        self.description().is_some()
    }

    /// Returns the closest kind of [`io::Error`](std::io::Error), or
    /// `ErrorKind::Other` if no kind fits.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use scape_proto::socks::SocksStatus;
    ///
    /// assert_eq!(SocksStatus::TTL_EXPIRED.io_kind(), ErrorKind::TimedOut);
    /// assert_eq!(SocksStatus::ONION_AUTH_MISSING.io_kind(), ErrorKind::PermissionDenied);
    /// assert_eq!(SocksStatus::new(0x42).io_kind(), ErrorKind::Other);
    /// ```
    pub const fn io_kind(self) -> ErrorKind {
        match self {
            SocksStatus::NOT_ALLOWED
            | SocksStatus::ONION_AUTH_MISSING
            | SocksStatus::ONION_AUTH_WRONG => ErrorKind::PermissionDenied,
            SocksStatus::NETWORK_UNREACHABLE => ErrorKind::NetworkUnreachable,
            SocksStatus::HOST_UNREACHABLE
            | SocksStatus::ONION_INTRO_FAILED
            | SocksStatus::ONION_REND_FAILED => ErrorKind::HostUnreachable,
            SocksStatus::CONNECTION_REFUSED => ErrorKind::ConnectionRefused,
            SocksStatus::TTL_EXPIRED | SocksStatus::ONION_INTRO_TIMED_OUT => ErrorKind::TimedOut,
            SocksStatus::COMMAND_NOT_SUPPORTED | SocksStatus::ADDRESS_TYPE_NOT_SUPPORTED => {
                ErrorKind::Unsupported
            }
            SocksStatus::ONION_DESCRIPTOR_NOT_FOUND => ErrorKind::NotFound,
            SocksStatus::ONION_DESCRIPTOR_INVALID => ErrorKind::InvalidData,
            SocksStatus::ONION_BAD_ADDRESS => ErrorKind::InvalidInput,
            _ => ErrorKind::Other,
        }
    }

    /// Returns true if the code is 0xF0 or higher, the range of tor's own codes
    /// about onion services.
    pub const fn is_onion(self) -> bool {
        self.0 >= 0xF0
    }
}

impl fmt::Display for SocksStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.description() {
            Some(text) => write!(f, "{text} (SOCKS reply 0x{:02X})", self.0),
            None => write!(f, "unknown SOCKS reply 0x{:02X}", self.0),
        }
    }
}

impl fmt::Debug for SocksStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocksStatus(0x{:02X})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn socks_status_texts_are_distinct() {
        let texts: HashSet<String> =
            (0..=255).map(|code| SocksStatus::new(code).to_string()).collect();
        assert_eq!(texts.len(), 256);
        let codes: Vec<u8> = SocksStatus::KNOWN.iter().map(|status| status.code()).collect();
        assert_eq!(codes, (0..=8).chain(0xF0..=0xF7).collect::<Vec<_>>());
    }

    #[test]
    fn socks_status_io_kinds() {
        // Only the general failure and unknown codes have no better kind than
        // "other".
        let others: Vec<SocksStatus> = (1..=255)
            .map(SocksStatus::new)
            .filter(|status| status.io_kind() == ErrorKind::Other)
            .collect();
        assert!(others.contains(&SocksStatus::GENERAL_FAILURE));
        assert!(
            others
                .iter()
                .all(|status| *status == SocksStatus::GENERAL_FAILURE || !status.is_recognized())
        );
        assert_eq!(SocksStatus::ONION_AUTH_MISSING.io_kind(), ErrorKind::PermissionDenied);
        assert_eq!(SocksStatus::ONION_DESCRIPTOR_NOT_FOUND.io_kind(), ErrorKind::NotFound);
    }
}
