//! Serialized forms of the types in `torrc`. A torrc is serialized as the list
//! of its entries.

use serde::{Serialize, Serializer};

use crate::control::shown_name;
use crate::torrc::value::{AutoBool, DataSize};
use crate::torrc::value::{RouterPattern, RouterSet};
use crate::torrc::{PortAddress, PortFlag, PortLine, PortSwitch, Torrc, TorrcEntry};

as_text! { AutoBool, DataSize, PortLine, RouterSet }

as_any_text! { PortFlag }

write_as_text! { PortAddress, PortSwitch, RouterPattern }

// The comment is omitted, because it may contain secrets.
fields! { "TorrcEntry", |entry: TorrcEntry| {
    line: entry.line(),
    magic: entry.magic(),
    name: shown_name(entry.name()),
    value: entry.shown(),
} }

impl Serialize for Torrc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}
