//! BW: bytes of the whole tor.

use crate::protocol::Words;

/// What tor read and wrote in the last second. control-spec, event BW.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Bandwidth {
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

impl Bandwidth {
    /// Reads what follows `BW`.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        Some(Bandwidth { read: words.next_value().parse()?, written: words.next_value().parse()? })
    }
}
