//! The NETWORK_LIVENESS event: reachability of the network.

use std::fmt;

use super::extra::read_pairs;
use super::field;
use super::shown::InOneLine;
use crate::control::Words;
use crate::event::NetworkStatus;

/// A report that the network became reachable or unreachable. See control-spec,
/// event NETWORK_LIVENESS.
#[doc(alias = "NetworkLivenessEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NetworkLiveness {
    /// The status of the network.
    pub status: NetworkStatus,
    /// Keyword arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl NetworkLiveness {
    /// Parses the text after `NETWORK_LIVENESS`. Returns `None` if the status
    /// is missing.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let status = Some(words.next_value()).filter(|word| !word.is_empty())?;
        let (extra, extra_words) = read_pairs(words, |_, _| None);
        Some(NetworkLiveness { status: field::keyword(status), extra, extra_words })
    }

    /// Returns true if the network is reachable.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use scape_proto::control::Decoder;
    /// use scape_proto::event::{Event, EventBody};
    ///
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650 NETWORK_LIVENESS DOWN\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
    /// // 650 NETWORK_LIVENESS DOWN
    /// let EventBody::NetworkLiveness(network) = event.body() else { panic!("{event}") };
    /// assert!(!network.is_up());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_up(&self) -> bool {
        self.status == NetworkStatus::Up
    }
}

impl fmt::Display for NetworkLiveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(InOneLine(f), "network {}", self.status)
    }
}
