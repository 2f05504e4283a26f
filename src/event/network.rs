//! NETWORK_LIVENESS: whether there is a network.

use std::fmt;

use super::extra::read_pairs;
use super::field;
use crate::event::NetworkStatus;
use crate::protocol::Words;

/// The network can be reached, or no longer. control-spec, event
/// NETWORK_LIVENESS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkLiveness {
    /// Whether it can.
    pub status: NetworkStatus,
    /// Keywords that this version of the library does not know, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl NetworkLiveness {
    /// Reads what follows `NETWORK_LIVENESS`. `None` without a status.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let status = Some(words.next_value()).filter(|word| !word.is_empty())?;
        let (extra, extra_words) = read_pairs(words, |_, _| None);
        Some(NetworkLiveness { status: field::keyword(status), extra, extra_words })
    }

    /// Whether the network can be reached.
    pub fn is_up(&self) -> bool {
        self.status == NetworkStatus::Up
    }
}

impl fmt::Display for NetworkLiveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "network {}", self.status)
    }
}
