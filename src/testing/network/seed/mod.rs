//! The first consensus, and the other files that a tor needs to build circuits
//! at once.
//!
//! Without these files, nothing works until the authorities have voted and
//! every node has fetched the result, which takes about ten seconds. So the
//! files are written into every data directory before the first tor starts. The
//! consensus is signed with the authorities' keys. The authorities vote later,
//! and their consensus then replaces the first one. The microdescriptors are
//! byte for byte those that the authorities will make, so no node fetches them
//! again.

mod consensus;
mod microdescriptor;
mod versions;
mod weights;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use consensus::{Consensus, Flags, Flavor, Relay, Signer, Utc};
use microdescriptor::{Contents, microdescriptor};
use versions::Version;

use super::addresses::{ADDRESS, IPV6_ADDRESS};
use super::plan::{Plan, PlannedAuthority};
use crate::error::{Error, Result};

/// The name of the consensus file that clients use.
const MICRODESC_CONSENSUS: &str = "cached-microdesc-consensus";

/// The files in a data directory that describe a network to tor.
#[derive(Clone)]
pub(super) struct Seed {
    certificates: Arc<[u8]>,
    microdescriptors: Arc<[u8]>,
    microdesc_consensus: Arc<[u8]>,
    ns_consensus: Arc<[u8]>,
}

/// The times of votes, in whole seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The time at which the first consensus begins to be valid.
    pub(super) now: SystemTime,
    /// The time from one consensus to the next.
    pub(super) interval: Duration,
    /// The number of intervals for which a consensus is valid.
    pub(super) intervals_valid: u32,
}

impl Times {
    /// Returns the times for a network that starts now.
    pub(super) fn starting_now(interval: Duration, intervals_valid: u32) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = UNIX_EPOCH + Duration::from_secs(since.as_secs());
        Times { now, interval, intervals_valid }
    }

    /// Returns the value of `TestingV3AuthVotingStartOffset` for the first
    /// vote. With this value, the vote ends one second before the first
    /// consensus is no longer fresh. An earlier vote could begin while the
    /// network is still starting, which must not happen. tor counts voting
    /// intervals from midnight.
    pub(super) fn offset(&self) -> u64 {
        let interval = self.interval.as_secs().max(1);
        let now = self.now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        (now + interval - 1) % interval
    }
}

impl Seed {
    /// Creates the content of all files for a network, and signs the consensus.
    pub(super) fn new(plan: &Plan, times: &Times) -> Result<Self> {
        let version = Version::installed()?;
        let mut certificates = String::new();
        let mut relays = Vec::new();
        for authority in &plan.authorities {
            certificates.push_str(authority.keys.certificate());
            relays.push(Relay {
                nickname: authority.nickname.clone(),
                fingerprint: authority.fingerprint,
                address: ADDRESS,
                or_port: authority.or_port,
                dir_port: authority.dir_port,
                ipv6: authority.ipv6_port.map(|port| (IPV6_ADDRESS, port)),
                microdescriptor: microdescriptor(&authority.keys.relay, &Contents::default())?,
                flags: Flags { authority: true, exit: false, guard: true },
                allows: false,
                bandwidth: None,
            });
        }
        for relay in &plan.relays {
            let contents = Contents { family: &relay.family, exits: relay.options.exit };
            relays.push(Relay {
                nickname: relay.nickname.clone(),
                fingerprint: relay.fingerprint,
                address: relay.address,
                or_port: relay.or_port,
                dir_port: 0,
                ipv6: relay.ipv6_port.map(|port| (IPV6_ADDRESS, port)),
                microdescriptor: microdescriptor(&relay.keys, &contents)?,
                flags: Flags {
                    authority: false,
                    exit: relay.options.exit,
                    guard: relay.options.guard,
                },
                allows: relay.options.exit,
                bandwidth: plan.bandwidth(relay),
            });
        }
        let listed = Utc(times.now);
        let microdescriptors = relays.iter().map(|it| &it.microdescriptor);
        let microdescriptors: String =
            microdescriptors.map(|text| format!("@last-listed {listed}\n{text}")).collect();
        let mut consensus = Consensus {
            version: &version,
            valid_after: times.now,
            interval: times.interval,
            intervals_valid: times.intervals_valid,
            authorities: plan.authorities.iter().map(signer).collect(),
            relays,
        };
        let bytes = |text: String| Arc::from(text.into_bytes());
        Ok(Seed {
            certificates: bytes(certificates),
            microdescriptors: bytes(microdescriptors),
            microdesc_consensus: bytes(consensus.write(Flavor::Microdesc)?),
            ns_consensus: bytes(consensus.write(Flavor::Ns)?),
        })
    }

    /// Writes the files that an authority or a relay needs into its data
    /// directory. This includes the `ns` flavor of the consensus, because
    /// authorities and relays would otherwise ask each other for it.
    pub(super) fn write(&self, data_directory: &Path) -> Result<()> {
        let written = self
            .files()
            .into_iter()
            .try_for_each(|(name, content)| fs::write(data_directory.join(name), content.as_ref()));
        let written = written
            .and_then(|()| fs::write(data_directory.join("cached-consensus"), &self.ns_consensus));
        written
            .map_err(|error| Error::io(format!("write into {}", data_directory.display()), error))
    }

    /// Returns the files that a client needs in its data directory: names and
    /// contents.
    pub(super) fn files(&self) -> Vec<(&'static str, Arc<[u8]>)> {
        vec![
            ("cached-certs", self.certificates.clone()),
            ("cached-microdescs", self.microdescriptors.clone()),
            (MICRODESC_CONSENSUS, self.microdesc_consensus.clone()),
        ]
    }

    /// Returns the same files as [`files`](Self::files), but with the present
    /// consensus of the authority whose data directory is `authority`. If that
    /// consensus can't be read, returns the first consensus of the network in
    /// its place.
    pub(super) fn files_now(&self, authority: &Path) -> Vec<(&'static str, Arc<[u8]>)> {
        let mut files = self.files();
        // tor replaces the file atomically, so its content is complete.
        if let Ok(consensus) = fs::read(authority.join(MICRODESC_CONSENSUS))
            && let Some((_, content)) = files.iter_mut().find(|(it, _)| *it == MICRODESC_CONSENSUS)
        {
            *content = Arc::from(consensus);
        }
        files
    }
}

fn signer(authority: &PlannedAuthority) -> Signer<'_> {
    Signer {
        nickname: authority.nickname.clone(),
        v3_identity: authority.keys.v3_identity(),
        address: ADDRESS,
        dir_port: authority.dir_port,
        or_port: authority.or_port,
        key: &authority.keys.signing,
    }
}
