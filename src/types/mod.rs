//! The vocabulary: small values that the other floors speak in.
//!
//! Where tor may grow (events, statuses, purposes, reasons), the types are *open*: what this version
//! of the library does not know is kept as text in a variant `Other`, never an error, and comes out
//! again exactly as it went in.

#[macro_use]
mod open;

mod circuit;
mod client_key;
mod end_reason;
mod event_kind;
mod expiry;
mod fingerprint;
mod guard;
mod hs_desc;
mod ids;
mod onion;
mod options;
mod or_conn;
mod relay;
mod router_purpose;
mod secret;
mod severity;
mod signal;
mod socket_addr;
mod socks_status;
mod socks_username;
mod status;
mod stream;
mod utc;
mod version;

pub use circuit::{
    BuildFlag, CircuitMinorChange, CircuitPurpose, CircuitReason, CircuitStatus, ConfluxId, HsState,
    ParseConfluxIdError,
};
pub use client_key::{ClientKey, ClientPublicKey, ParseClientKeyError};
pub use end_reason::EndReason;
pub use event_kind::EventKind;
pub use expiry::Expiry;
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use guard::{GuardStatus, GuardType};
pub use hs_desc::{HsDescAction, HsDescReason};
pub use ids::{CircuitId, OrConnId, ParseIdError, StreamId};
pub use onion::{OnionAddress, OnionKey, ParseOnionError};
pub use options::ConfLine;
pub use or_conn::{OrConnReason, OrConnStatus, OrConnTarget};
pub use relay::RelayName;
pub use router_purpose::RouterPurpose;
pub use secret::Secret;
pub use severity::Severity;
pub use signal::Signal;
pub use socks_status::SocksStatus;
pub use socks_username::SocksUsername;
pub use status::{BootstrapRecommendation, BootstrapTag, StatusAction};
pub use stream::{
    ClientProtocol, IsolationField, StreamPurpose, StreamReason, StreamSource, StreamStatus, StreamTarget,
};
pub(crate) use utc::parse_utc;
pub use version::{ParseVersionError, Version};
