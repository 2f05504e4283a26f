//! The vocabulary: small values that the other floors speak in.
//!
//! Where tor may grow (events, statuses, purposes, reasons), the types are *open*: what this version
//! of the library does not know is kept as text in a variant `Other`, never an error, and comes out
//! again exactly as it went in.

#[macro_use]
mod open;

mod authdir;
mod bandwidth;
mod build_timeout;
mod cell_command;
mod circuit;
mod event_kind;
mod expiry;
mod fingerprint;
mod guard;
mod hs_desc;
mod ids;
mod network_status;
mod onion;
mod options;
mod or_conn;
mod pluggable_transport;
mod relay;
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

pub use authdir::AuthDirAction;
pub use bandwidth::{ConnType, TokenBucket};
pub use build_timeout::BuildTimeoutChange;
pub use cell_command::CellCommand;
pub use circuit::{
    BuildFlag, CircuitMinorChange, CircuitPurpose, CircuitReason, CircuitStatus, ConfluxId, HsState,
    ParseConfluxIdError,
};
pub use event_kind::EventKind;
pub use expiry::Expiry;
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use guard::{GuardStatus, GuardType};
pub use hs_desc::{HsDescAction, HsDescReason};
pub use ids::{CircuitId, OrConnId, ParseIdError, StreamId};
pub use network_status::NetworkStatus;
pub use onion::{OnionAddress, OnionKey, ParseOnionError};
pub use options::ConfLine;
pub use or_conn::{OrConnReason, OrConnStatus, OrConnTarget};
pub use pluggable_transport::{PtSeverity, TransportRole};
pub use relay::RelayName;
pub use secret::Secret;
pub use severity::Severity;
pub use signal::Signal;
pub(crate) use socket_addr::{parse_ip, parse_socket_addr};
pub use socks_status::SocksStatus;
pub use socks_username::SocksUsername;
pub use status::{BootstrapRecommendation, BootstrapTag, StatusAction};
pub use stream::{
    ClientProtocol, IsolationField, StreamPurpose, StreamReason, StreamSource, StreamStatus, StreamTarget,
};
pub(crate) use utc::parse_utc;
pub use version::{ParseVersionError, Version};
