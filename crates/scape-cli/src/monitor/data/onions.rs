//! The onion services of this tor, and the uploads of their descriptors.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use scape::event::{HsDescAction, HsDescEvent};
use scape::word::OnionAddress;

/// The maximum number of onion services whose uploads are stored.
const SERVICES: usize = 500;
/// The maximum number of directories per onion service whose uploads are
/// stored.
const UPLOADS: usize = 64;
/// The time for which uploads are kept if the service seems to have ended: tor
/// doesn't list it, and it has no circuits.
const RECENT: Duration = Duration::from_secs(20);

/// The origin of an onion service: a control connection or the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Created by the monitor's control connection.
    Current,
    /// Created by a control connection with the flag `Detach`, so the service
    /// outlives that connection.
    Detached,
    /// Configured in torrc with `HiddenServiceDir`.
    Disk,
    /// Created by another control connection. tor doesn't list such a service,
    /// but events report its circuits and uploads.
    Other,
}

impl Origin {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Origin::Current => "current",
            Origin::Detached => "detached",
            Origin::Disk => "disk",
            Origin::Other => "other",
        }
    }
}

/// An onion service of this tor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    /// The address. `None` if the file that contains it can't be read.
    pub(crate) address: Option<OnionAddress>,
    pub(crate) origin: Origin,
    /// The ports of the address and their targets. Empty unless the service is
    /// configured in torrc, because tor doesn't report the ports of other
    /// services.
    pub(crate) ports: Vec<String>,
    pub(crate) directory: Option<String>,
}

/// The last upload of a service's descriptor to one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) action: HsDescAction,
    /// The reason why the upload failed. `None` if it didn't fail, or if tor
    /// hasn't reported the reason.
    pub(crate) reason: Option<String>,
    pub(crate) at: SystemTime,
}

/// The numbers of directories to which the last upload of a descriptor
/// succeeded, is running, or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct UploadCounts {
    pub(crate) uploaded: usize,
    pub(crate) waiting: usize,
    pub(crate) failed: usize,
}

/// All onion services of a tor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Onions {
    pub(crate) services: Vec<Service>,
    uploads: BTreeMap<OnionAddress, BTreeMap<String, Upload>>,
}

impl Onions {
    /// Records the state of a descriptor's upload. Ignores events about
    /// downloads.
    pub(crate) fn event(&mut self, event: &HsDescEvent, at: SystemTime) {
        let (Some(address), Some(directory)) = (event.address, &event.hsdir) else { return };
        let is_answer = match event.action {
            HsDescAction::Upload => false,
            HsDescAction::Uploaded | HsDescAction::Failed => true,
            _ => return,
        };
        let is_new = !self.uploads.contains_key(&address);
        if is_new && self.uploads.len() >= SERVICES {
            return;
        }
        let directory = directory.to_string();
        // The event of a failed download looks like that of a failed upload, so
        // only uploads that have begun are updated.
        let begun = self.uploads.get(&address).is_some_and(|all| all.contains_key(&directory));
        if is_answer && !begun {
            return;
        }
        let uploads = self.uploads.entry(address).or_default();
        if uploads.len() < UPLOADS || uploads.contains_key(&directory) {
            let reason = event.reason.as_ref().map(ToString::to_string);
            uploads.insert(directory, Upload { action: event.action.clone(), reason, at });
        }
    }

    /// Returns the last upload to each directory for a service, with the name
    /// of the directory.
    pub(crate) fn uploads(&self, address: &OnionAddress) -> impl Iterator<Item = (&str, &Upload)> {
        let uploads = self.uploads.get(address).into_iter().flatten();
        uploads.map(|(name, upload)| (name.as_str(), upload))
    }

    /// Returns the services whose descriptors tor has uploaded, or tried to
    /// upload.
    pub(crate) fn uploading(&self) -> impl Iterator<Item = &OnionAddress> {
        self.uploads.keys()
    }

    /// Forgets the uploads of services that have ended. `serving` contains the
    /// services that have circuits. A service counts as ended if tor doesn't
    /// list it, it has no circuits, and it hasn't uploaded anything in the time
    /// [`RECENT`].
    pub(crate) fn forget_ended(&mut self, serving: &BTreeSet<OnionAddress>, now: SystemTime) {
        let services = &self.services;
        self.uploads.retain(|address, uploads| {
            let is_listed = services.iter().any(|service| service.address == Some(*address));
            let is_recent = |upload: &Upload| {
                now.duration_since(upload.at).is_ok_and(|age| age < RECENT) || upload.at > now
            };
            is_listed || serving.contains(address) || uploads.values().any(is_recent)
        });
    }

    /// Counts the directories by the result of a service's last upload.
    pub(crate) fn counts(&self, address: &OnionAddress) -> UploadCounts {
        let mut counts = UploadCounts::default();
        for (_, upload) in self.uploads(address) {
            match upload.action {
                HsDescAction::Uploaded => counts.uploaded += 1,
                HsDescAction::Failed => counts.failed += 1,
                _ => counts.waiting += 1,
            }
        }
        counts
    }

    /// Removes all services and uploads, because the connection to tor is lost.
    pub(crate) fn clear(&mut self) {
        *self = Onions::default();
    }
}
