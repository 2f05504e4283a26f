//! Words that many rooms use: identifiers, names, addresses and keys.
//!
//! A word that belongs to one room only is in that room, beside its event,
//! answer or document.
//!
//! Where tor may grow (statuses, purposes, reasons), the types of this crate
//! are *open*: a value that this version of the library doesn't know is kept as
//! text in a variant `Other`. It is never an error, and it is written exactly
//! as it was read.

#[macro_use]
mod open;

mod client_key;
mod country;
mod expiry;
mod fingerprint;
mod host;
mod ids;
mod onion;
mod onion_key;
mod onion_key_file;
mod path;
mod progress;
mod relay;
mod secret;
mod socket_addr;
mod utc;
mod version;

pub use client_key::{ClientKey, ClientPublicKey, ParseClientKeyError};
pub use country::{CountryCode, ParseCountryCodeError};
pub use expiry::Expiry;
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub(crate) use host::{Host, is_disguised_onion, is_onion_name};
pub use ids::{CircuitId, OrConnId, ParseIdError, StreamId};
pub use onion::{OnionAddress, ParseOnionError};
pub use onion_key::OnionKey;
pub use onion_key_file::ParseOnionKeyFileError;
pub(crate) use path::path_of;
pub use progress::Progress;
pub use relay::RelayName;
pub use secret::Secret;
pub(crate) use socket_addr::{parse_ip, parse_socket_addr};
pub(crate) use utc::parse_utc;
#[cfg(feature = "testing")]
pub(crate) use utc::write_utc;
pub use version::{ParseVersionError, Version};
