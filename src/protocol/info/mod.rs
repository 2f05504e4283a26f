//! The values of GETINFO that are more than one word: one file a family.

mod address_mapping;
mod download;
mod download_status;
mod entry_guard;
mod entry_guard_status;
mod handshake;
mod listener;
mod local_time;
mod mapping_source;
mod names;
mod traffic;
mod version_status;
pub use download::{
    ConsensusFlavor, DownloadBackoff, DownloadIncrement, DownloadPhase, DownloadSchedule,
    DownloadWant,
};
pub use entry_guard_status::EntryGuardStatus;
pub use handshake::HandshakeType;
pub use listener::{ListenerAddress, ListenerKind, ParseListenerAddressError};
pub use local_time::{LocalTime, ParseLocalTimeError};
pub use mapping_source::MappingSource;
pub use traffic::Traffic;
pub use version_status::VersionStatus;

pub use address_mapping::AddressMapping;
pub use download_status::DownloadStatus;
pub use entry_guard::EntryGuard;
pub(crate) use names::parse_config_default;
pub use names::{ConfigName, InfoName};
