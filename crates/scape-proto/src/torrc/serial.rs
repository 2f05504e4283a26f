//! Serialized forms of this module's types, and of a torrc as its entries.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::control::{REDACTED, is_secret_option};
use crate::torrc::value::{RouterPattern, RouterSet};
use crate::torrc::{
    AutoBool, DataSize, PortAddress, PortFlag, PortLine, PortSwitch, Torrc, TorrcEntry,
};

as_text! { AutoBool, DataSize, PortLine, RouterSet }

as_any_text! { PortFlag }

write_as_text! { PortAddress, PortSwitch, RouterPattern }

// The comment is omitted, because it may contain secrets.
fields! { "TorrcEntry", |entry: TorrcEntry| {
    line: entry.line(),
    magic: entry.magic(),
    name: entry.name(),
    value: match is_secret_option(entry.name()) || is_secret_option(entry.option_name()) {
        true => Cow::Borrowed(REDACTED),
        false => entry.value(),
    },
} }

impl Serialize for Torrc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}
