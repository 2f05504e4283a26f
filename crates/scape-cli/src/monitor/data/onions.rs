//! Onion services and the uploads of their descriptors.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use scape::event::{HsDescAction, HsDescEvent};
use scape::word::OnionAddress;

/// The maximum number of services whose uploads are stored.
const SERVICES: usize = 500;
/// The maximum number of uploads of each service that are stored.
const UPLOADS: usize = 64;
/// The time for which the uploads of a service are kept if tor doesn't list the
/// service and it has no circuits.
const RECENT: Duration = Duration::from_secs(20);

/// The place where an onion service was created: a control connection, or the
/// configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Created by this control connection.
    Current,
    /// Created by a control connection that may have ended.
    Detached,
    /// Configured with `HiddenServiceDir`.
    Disk,
    /// Created by another control connection. tor doesn't list the service, but
    /// events report its circuits and uploads.
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
    /// The address. `None` if the file with the address can't be read.
    pub(crate) address: Option<OnionAddress>,
    pub(crate) origin: Origin,
    /// The ports with their targets. Empty unless the service is on disk,
    /// because tor doesn't report the ports of other services.
    pub(crate) ports: Vec<String>,
    pub(crate) directory: Option<String>,
}

/// The last upload of a descriptor to one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) action: HsDescAction,
    /// The reason why the upload failed, if tor has reported one.
    pub(crate) reason: Option<String>,
    pub(crate) at: SystemTime,
}

/// The number of directories for each state of the last upload.
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
    /// Records the state of an upload from an event. Ignores events about
    /// anything else.
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

    /// Returns the uploads of a service, each with the name of its directory.
    pub(crate) fn uploads(&self, address: &OnionAddress) -> impl Iterator<Item = (&str, &Upload)> {
        let uploads = self.uploads.get(address).into_iter().flatten();
        uploads.map(|(name, upload)| (name.as_str(), upload))
    }

    /// Returns the services whose descriptors tor has uploaded, or tried to
    /// upload.
    pub(crate) fn uploading(&self) -> impl Iterator<Item = &OnionAddress> {
        self.uploads.keys()
    }

    /// Forgets the uploads of services that have ended. `serving` are the
    /// services that have circuits. A service counts as ended if tor doesn't
    /// list it, it isn't in `serving`, and it hasn't uploaded anything lately.
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

    /// Counts the uploads of a service.
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

    /// Removes everything, because the connection to tor is lost.
    pub(crate) fn clear(&mut self) {
        *self = Onions::default();
    }
}
