//! NS and NEWCONSENSUS: what the consensus says of relays.

use std::fmt;

use memchr::memmem;

use super::extra::read_pairs;
use crate::descriptor::{RouterStatus, RouterStatuses};
use crate::protocol::{Reply, Words};

/// What the consensus says of relays: of those that changed (NS), or of all
/// (NEWCONSENSUS). control-spec, events NS and NEWCONSENSUS.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouterStatusEvent {
    /// Megabytes, on the public network, of NEWCONSENSUS. `Box`, so that
    /// nothing is kept in reserve.
    entries: Box<[u8]>,
    /// Keywords that this version of the library does not know, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl RouterStatusEvent {
    /// Reads the event, of which `rest` follows the name. `None` without a data
    /// block.
    pub(super) fn parse(rest: &[u8], reply: &Reply) -> Option<Self> {
        let entries = match reply.first().data? {
            // How tor sends nothing.
            b"\n" => b"",
            entries => entries,
        };
        let (extra, extra_words) = read_pairs(Words::new(rest), |_, _| None);
        Some(RouterStatusEvent { entries: entries.into(), extra, extra_words })
    }

    /// The entries, one after the other, as in dir-spec, section "Router status
    /// entries": lines ended by LF, the first of each begins with `r `.
    pub fn entries(&self) -> &[u8] {
        &self.entries
    }

    /// The entries as values, one after the other. One that cannot be read is
    /// left out, and counted: [`RouterStatuses::skipped`].
    pub fn routers(&self) -> RouterStatuses<'_> {
        RouterStatus::parse_all(&self.entries)
    }

    /// How many entries there are. They are only counted, not read.
    pub fn count(&self) -> usize {
        usize::from(self.entries.starts_with(b"r "))
            + memmem::find_iter(&self.entries, b"\nr ").count()
    }
}

impl fmt::Display for RouterStatusEvent {
    /// Such as `7 relays`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count() {
            1 => f.write_str("1 relay"),
            count => write!(f, "{count} relays"),
        }
    }
}

impl fmt::Debug for RouterStatusEvent {
    /// Everything but the entries, which are long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterStatusEvent")
            .field("entries", &format_args!("{} bytes", self.entries.len()))
            .field("extra", &self.extra)
            .field("extra_words", &self.extra_words)
            .finish()
    }
}
