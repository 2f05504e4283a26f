//! The vocabulary: small values that the other floors speak in.
//!
//! Where tor may grow (events, statuses, purposes, reasons), the types are
//! *open*: what this version of the library does not know is kept as text in a
//! variant `Other`, never an error, and comes out again exactly as it went in.

#[macro_use]
mod open;

mod authdir;
mod bandwidth;
mod build_timeout;
mod cell_command;
mod circuit;
mod client_key;
mod clock_skew;
mod config_type;
mod country;
mod descriptor_digest;
mod download;
mod end_reason;
mod entry_guard;
mod event_kind;
mod exit_policy;
mod expiry;
mod fingerprint;
mod guard;
mod handshake;
mod hashed_password;
mod hibernation;
mod host;
mod hs_desc;
mod ids;
mod listener;
mod local_time;
mod mapping;
mod mapping_source;
mod network_status;
mod onion;
mod onion_key;
mod onion_key_file;
mod options;
mod or_conn;
mod path;
mod pluggable_transport;
mod port_policy;
mod progress;
mod protocols;
mod relay;
mod router_flags;
mod router_purpose;
mod secret;
mod severity;
mod signal;
mod socket_addr;
mod socks_status;
mod socks_username;
mod status;
mod status_argument;
mod stream;
mod traffic;
mod utc;
mod version;
mod version_status;

pub use authdir::AuthDirAction;
pub use bandwidth::{ConnType, TokenBucket};
pub use build_timeout::BuildTimeoutChange;
pub use cell_command::CellCommand;
pub use circuit::{
    BuildFlag, CircuitMinorChange, CircuitPurpose, CircuitReason, CircuitStatus, ConfluxId,
    HsState, ParseConfluxIdError,
};
pub use client_key::{ClientKey, ClientPublicKey, ParseClientKeyError};
pub use clock_skew::ClockSkewSource;
pub use config_type::ConfigType;
pub use country::{CountryCode, ParseCountryCodeError};
pub use descriptor_digest::{DescriptorDigest, ParseDescriptorDigestError};
pub use download::{
    ConsensusFlavor, DownloadBackoff, DownloadIncrement, DownloadPhase, DownloadSchedule,
    DownloadWant,
};
pub use end_reason::EndReason;
pub use entry_guard::EntryGuardStatus;
pub use event_kind::EventKind;
pub use exit_policy::{
    AddressPattern, ExitAction, ExitPolicy, ExitRule, ParseExitPolicyError, PolicyProblem,
    PortRange,
};
pub use expiry::Expiry;
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use guard::{GuardStatus, GuardType};
pub use handshake::HandshakeType;
pub use hashed_password::{HashedPassword, ParseHashedPasswordError};
pub use hibernation::Hibernation;
pub(crate) use host::{Host, is_disguised_onion, is_onion_name};
pub use hs_desc::{HsDescAction, HsDescReason};
pub use ids::{CircuitId, OrConnId, ParseIdError, StreamId};
pub use listener::{ListenerAddress, ListenerKind, ParseListenerAddressError};
pub use local_time::{LocalTime, ParseLocalTimeError};
pub(crate) use mapping::{
    MAPS_TO_DISGUISED_ONION, is_leaking_mapping, is_map_address, mapped_addresses,
};
pub use mapping_source::MappingSource;
pub use network_status::NetworkStatus;
pub use onion::{OnionAddress, ParseOnionError};
pub use onion_key::OnionKey;
pub use onion_key_file::ParseOnionKeyFileError;
pub use options::ConfLine;
pub(crate) use options::{REDACTED, is_secret_option};
pub use or_conn::{OrConnReason, OrConnStatus, OrConnTarget};
pub(crate) use path::path_of;
pub use pluggable_transport::{PtSeverity, TransportRole};
pub use port_policy::{ParsePortPolicyError, PortPolicy};
pub use progress::Progress;
pub use protocols::{ParseProtocolsError, Protocols};
pub use relay::RelayName;
pub use router_flags::RouterFlags;
pub use router_purpose::RouterPurpose;
pub use secret::Secret;
pub use severity::Severity;
pub use signal::Signal;
pub(crate) use socket_addr::{parse_ip, parse_socket_addr};
pub use socks_status::SocksStatus;
pub use socks_username::SocksUsername;
pub use status::{BootstrapRecommendation, BootstrapTag, StatusAction};
pub use status_argument::{
    AddressMethod, DangerousPortResult, LibeventBadness, NameserverStatus, NoCircuitReason,
    ServerDescriptorStatus,
};
pub use stream::{
    ClientProtocol, IsolationField, StreamPurpose, StreamReason, StreamSource, StreamStatus,
    StreamTarget,
};
pub use traffic::Traffic;
pub(crate) use utc::parse_utc;
#[cfg(feature = "testing")]
pub(crate) use utc::write_utc;
pub use version::{ParseVersionError, Version};
pub use version_status::VersionStatus;
