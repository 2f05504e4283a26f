//! The values of GETINFO that are more than one word: one file a family.

mod address_mapping;
mod download_status;
mod entry_guard;
mod names;

pub use address_mapping::AddressMapping;
pub use download_status::DownloadStatus;
pub use entry_guard::EntryGuard;
pub(crate) use names::parse_config_default;
pub use names::{ConfigName, InfoName};
