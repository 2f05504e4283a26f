//! Relays in the paths of circuits, and the flags of relays.

use scape::netdoc::Relay;
use scape::word::{Fingerprint, RelayName};
use serde::Serialize;

/// The fingerprint and the nickname of a relay in the path of a circuit. For
/// some relays, tor reports only one of the two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RelayRef {
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) nickname: Option<String>,
}

impl RelayRef {
    /// Returns the nickname of the relay, or its fingerprint if the nickname is
    /// unknown.
    pub(crate) fn short(&self) -> String {
        self.nickname.clone().unwrap_or_else(|| self.long())
    }

    /// Returns the relay as tor writes it, such as `$FINGERPRINT~nickname`.
    pub(crate) fn long(&self) -> String {
        match (&self.fingerprint, &self.nickname) {
            (Some(fingerprint), Some(nickname)) => format!("${fingerprint}~{nickname}"),
            (Some(fingerprint), None) => format!("${fingerprint}"),
            (None, nickname) => nickname.clone().unwrap_or_default(),
        }
    }
}

/// Returns the names of a relay's flags, including flags that the library
/// doesn't know.
pub(crate) fn flags(relay: &Relay) -> Vec<String> {
    let known = relay.flags().iter().map(ToOwned::to_owned);
    known.chain(relay.unknown_flags().map(ToOwned::to_owned)).collect()
}

impl From<&RelayName> for RelayRef {
    fn from(name: &RelayName) -> Self {
        RelayRef {
            fingerprint: name.fingerprint(),
            nickname: name.nickname().map(ToOwned::to_owned),
        }
    }
}
