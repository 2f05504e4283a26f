//! The NS and NEWCONSENSUS events: relays' entries in the consensus.

use std::fmt;

use super::extra::read_pairs;
use crate::control::{Reply, Words};
use crate::netdoc::{RouterStatus, RouterStatuses};

/// Entries of the consensus: those of relays that changed (NS), or those of all
/// relays (NEWCONSENSUS). See control-spec, events NS and NEWCONSENSUS.
///
/// ```
/// # use std::time::SystemTime;
/// use scape_proto::event::{Event, EventBody};
/// # use scape_proto::control::Decoder;
/// # let mut decoder = Decoder::default();
/// # decoder.feed(b"650+NS\r\nr relay07 EuJrnt4t1gYCo6vR0FGGkBcYHVY ZuWcvPSKzgdJnwB6PpkZUj4uPQY \
/// #     2038-01-01 00:00:00 127.0.0.7 5007 0\r\ns Fast Running Valid\r\n.\r\n650 OK\r\n");
/// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
/// // 650+NS
/// // r relay07 EuJrnt4t1gYCo6vR0FGGkBcYHVY … 2038-01-01 00:00:00 127.0.0.7 5007 0
/// // s Fast Running Valid
/// // .
/// // 650 OK
/// let EventBody::Ns(changed) = event.body() else { panic!("{event}") };
/// assert_eq!(changed.count(), 1);
/// for router in changed.routers() {
///     println!("{}: {}", router.nickname(), router.flags());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "NetworkStatusEvent")]
#[doc(alias = "NewConsensusEvent")]
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RouterStatusEvent {
    /// The text of all entries. A NEWCONSENSUS event of the public network has
    /// megabytes of entries. A `Box` saves memory, because it has no spare
    /// capacity.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "routers", serialize_with = "super::serial::routers")
    )]
    entries: Box<[u8]>,
    /// Keyword arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl RouterStatusEvent {
    /// Parses the event. `rest` is the text after the event's name. Returns
    /// `None` if the data block is missing.
    pub(super) fn parse(rest: &[u8], reply: &Reply) -> Option<Self> {
        let entries = match reply.first().data? {
            // tor sends empty content as one empty line.
            b"\n" => b"",
            entries => entries,
        };
        let (extra, extra_words) = read_pairs(Words::new(rest), |_, _| None);
        Some(RouterStatusEvent { entries: entries.into(), extra, extra_words })
    }

    /// Returns the text of all entries, in the format of dir-spec, section
    /// "Router status entries". Each entry begins with a line `r …`, and all
    /// lines end in LF.
    pub fn entries(&self) -> &[u8] {
        &self.entries
    }

    /// Returns an iterator over the parsed entries.
    ///
    /// Entries that can't be parsed are skipped and counted; see
    /// [`RouterStatuses::skipped`].
    pub fn routers(&self) -> RouterStatuses<'_> {
        RouterStatus::parse_all(&self.entries)
    }

    /// Returns the number of entries, including those that
    /// [`routers`](Self::routers) would skip. This method only looks for the
    /// entries' first lines, and parses nothing.
    pub fn count(&self) -> usize {
        self.routers().count_all()
    }
}

impl fmt::Display for RouterStatusEvent {
    /// Writes a short description, such as `7 relays`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count() {
            1 => f.write_str("1 relay"),
            count => write!(f, "{count} relays"),
        }
    }
}

impl fmt::Debug for RouterStatusEvent {
    /// Writes all fields, but only the length of the entries, which are long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterStatusEvent")
            .field("entries", &format_args!("{} bytes", self.entries.len()))
            .field("extra", &self.extra)
            .field("extra_words", &self.extra_words)
            .finish()
    }
}
