//! Vocabulary types that many modules use: identifiers, names, addresses and
//! keys.
//!
//! A type that belongs to a single event, answer or document is in the same
//! module as that event, answer or document.
//!
//! Newer versions of tor may add statuses, purposes and reasons. The types for
//! these are *open*: a value that this version of the library doesn't know is
//! kept as text in a variant named `Other`. An unknown value is never an error,
//! and it is written exactly as it was read.

#[macro_use]
mod error_debug;
#[macro_use]
mod open;
#[cfg(feature = "serde")]
#[macro_use]
pub(crate) mod serial;

mod client_key;
mod country;
mod expiry;
mod fingerprint;
mod host;
mod ids;
mod in_one_line;
mod onion;
mod onion_key;
mod onion_key_file;
mod onion_key_pem;
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
pub use host::{Host, HostError, is_disguised_onion, is_onion_name};
pub use ids::{CircuitId, OrConnId, ParseIdError, StreamId};
pub use onion::{OnionAddress, ParseOnionError};
pub use onion_key::OnionKey;
pub use onion_key_file::ParseOnionKeyFileError;
pub use onion_key_pem::ParseOnionPemError;
pub use progress::Progress;
pub use relay::RelayName;
pub use secret::Secret;
pub(crate) use secret::same_bytes;
pub use utc::parse_utc;
pub use version::{ParseVersionError, Version};

pub(crate) use socket_addr::{parse_ip, parse_socket_addr};

// These are for `scape` only, and may change in any release.
#[doc(hidden)]
pub use path::path_of;
#[doc(hidden)]
pub use utc::write_utc;

pub(crate) use in_one_line::InOneLine;
pub(crate) use utc::{days_in, parse_date_time};
