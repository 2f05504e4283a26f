//! Serialized forms of the types in `word`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Time, read};
use crate::word::{
    CircuitId, ClientKey, ClientPublicKey, CountryCode, Expiry, Fingerprint, Host, OnionAddress,
    OnionKey, OrConnId, RelayName, Secret, StreamId, Version,
};

as_text! {
    CircuitId,
    ClientPublicKey,
    CountryCode,
    Fingerprint,
    OnionAddress,
    OrConnId,
    StreamId,
    Version,
}

as_any_text! { RelayName }

write_as_text! { Host }

as_redacted! { ClientKey, OnionKey, Secret }

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, |text| {
            Host::parse(text).map_err(|error| format!("the host name {text:?} {error}"))
        })
    }
}

/// Writes `Expiry::At` in the format of RFC 3339, like all other times. The
/// other variants are written as tor writes them. For example, a local time in
/// `Expiry::Other` keeps the space between date and time.
impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Expiry::At(time) => Time::new(*time).serialize(serializer),
            other => serializer.collect_str(other),
        }
    }
}
