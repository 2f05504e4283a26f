//! Types for GETINFO answers that are more than one word. Each source file
//! contains the types for one family of keys.

mod address_mapping;
mod config_type;
mod download;
mod download_status;
mod entry_guard;
mod entry_guard_status;
mod handshake;
mod listener;
mod local_time;
mod mapping_source;
mod names;
#[cfg(feature = "serde")]
mod serial;
mod traffic;
mod version_status;
pub use download::{
    DownloadBackoff, DownloadIncrement, DownloadPhase, DownloadSchedule, DownloadWant,
};
pub use entry_guard_status::EntryGuardStatus;
pub use handshake::HandshakeType;
pub use listener::{ListenerAddress, ListenerKind, ParseListenerAddressError};
pub use local_time::{LocalTime, ParseLocalTimeError};
pub use mapping_source::MappingSource;
pub use traffic::Traffic;
pub use version_status::VersionStatus;

pub use address_mapping::AddressMapping;
pub use config_type::ConfigType;
pub use download_status::DownloadStatus;
pub use entry_guard::EntryGuard;
pub use names::parse_config_default;
pub use names::{ConfigName, InfoName};
