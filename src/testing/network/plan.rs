//! The plan of a network: all that is known before anything of it runs.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use super::keys::{AuthorityKeys, KeyCache, KeyFiles, RelayKeys, write_files};
use super::ports::free_ports;
use super::relay::RelayOptions;
use super::{panicked, private_directory};
use crate::error::{Error, Result};
use crate::types::Fingerprint;

/// The address of every node.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The bandwidth of a relay for which none is set, in the unit of the consensus,
/// if others have one.
const BANDWIDTH: u32 = 1000;

/// The number of authorities that must have measured a relay's bandwidth before
/// the consensus names it: tor's rule.
const ENOUGH_TO_MEASURE: usize = 3;

/// The relays of a network, authorities included.
pub(super) struct Plan {
    pub(super) authorities: Vec<PlannedAuthority>,
    pub(super) relays: Vec<PlannedRelay>,
}

/// An authority that is to be started.
pub(super) struct PlannedAuthority {
    pub(super) nickname: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) keys: AuthorityKeys,
    pub(super) or_port: u16,
    pub(super) dir_port: u16,
}

/// A relay that is to be started.
pub(super) struct PlannedRelay {
    pub(super) nickname: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) keys: RelayKeys,
    pub(super) or_port: u16,
    /// The relays of its family, itself included.
    pub(super) family: Vec<Fingerprint>,
    pub(super) options: RelayOptions,
}

impl PlannedAuthority {
    /// Returns the value of the option `DirAuthority` that makes it known.
    pub(super) fn line(&self) -> String {
        format!(
            "{} orport={} no-v2 v3ident={} {ADDRESS}:{} {}",
            self.nickname,
            self.or_port,
            self.keys.v3_identity(),
            self.dir_port,
            self.fingerprint
        )
    }
}

impl Plan {
    /// Finds keys and ports for all nodes.
    pub(super) fn new(
        authorities: usize,
        relays: Vec<RelayOptions>,
        cache: &KeyCache,
    ) -> Result<Self> {
        let ports = free_ports(2 * authorities + relays.len())?;
        let (pairs, or_ports) = ports.split_at(2 * authorities);
        let authority_keys = side_by_side(authorities, |number| cache.authority(number))?;
        let relay_keys = side_by_side(relays.len(), |number| cache.relay(number))?;
        let mut plan = Plan { authorities: Vec::new(), relays: Vec::new() };
        for ((number, keys), ports) in
            authority_keys.into_iter().enumerate().zip(pairs.chunks_exact(2))
        {
            plan.authorities.push(PlannedAuthority {
                nickname: format!("authority{number}"),
                fingerprint: keys.relay.fingerprint()?,
                keys,
                or_port: ports[0],
                dir_port: ports[1],
            });
        }
        let relays = relay_keys.into_iter().zip(or_ports).zip(relays);
        for (number, ((keys, or_port), options)) in relays.enumerate() {
            let nickname = options.nickname.clone().unwrap_or_else(|| format!("relay{number}"));
            let fingerprint = keys.fingerprint()?;
            let or_port = *or_port;
            let family = Vec::new();
            plan.relays.push(PlannedRelay {
                nickname,
                fingerprint,
                keys,
                or_port,
                family,
                options,
            });
        }
        plan.find_families();
        Ok(plan)
    }

    fn find_families(&mut self) {
        let mut families: BTreeMap<String, Vec<Fingerprint>> = BTreeMap::new();
        for relay in &self.relays {
            if let Some(name) = &relay.options.family {
                families.entry(name.clone()).or_default().push(relay.fingerprint);
            }
        }
        for relay in &mut self.relays {
            let family = relay.options.family.as_ref().and_then(|name| families.get(name));
            relay.family = family.cloned().unwrap_or_default();
        }
    }

    /// Makes the data directories of authorities and relays, with their keys.
    pub(super) fn write_keys(&self, root: &Path) -> Result<()> {
        for authority in &self.authorities {
            write_keys(&root.join(&authority.nickname), &authority.keys.files()?)?;
        }
        for relay in &self.relays {
            write_keys(&root.join(&relay.nickname), &relay.keys.files()?)?;
        }
        Ok(())
    }

    /// Returns the `DirAuthority` lines.
    pub(super) fn authority_lines(&self) -> Vec<String> {
        self.authorities.iter().map(PlannedAuthority::line).collect()
    }

    /// Returns a GETINFO key for the descriptor of each authority and relay.
    pub(super) fn descriptor_keys(&self) -> Vec<String> {
        let authorities = self.authorities.iter().map(|authority| authority.fingerprint);
        let all = authorities.chain(self.relays.iter().map(|relay| relay.fingerprint));
        all.map(|fingerprint| format!("desc/id/{fingerprint}")).collect()
    }

    /// Returns the ports on which authorities take connections of other nodes.
    pub(super) fn authority_ports(&self) -> Vec<u16> {
        self.authorities.iter().map(|authority| authority.or_port).collect()
    }

    /// Returns the ports on which relays take connections of other nodes.
    pub(super) fn relay_ports(&self) -> Vec<u16> {
        self.relays.iter().map(|relay| relay.or_port).collect()
    }

    /// Returns true if the authorities measure bandwidth.
    pub(super) fn is_measured(&self) -> bool {
        self.relays.iter().any(|relay| relay.options.bandwidth.is_some())
    }

    /// Returns the bandwidth that authorities measure for a relay.
    fn measured(relay: &PlannedRelay) -> u32 {
        relay.options.bandwidth.unwrap_or(BANDWIDTH)
    }

    /// Returns the bandwidth that the consensus names for a relay. `None` if too
    /// few authorities measure it.
    pub(super) fn bandwidth(&self, relay: &PlannedRelay) -> Option<u32> {
        let is_named = self.is_measured() && self.authorities.len() >= ENOUGH_TO_MEASURE;
        is_named.then(|| Plan::measured(relay))
    }

    /// Returns the fingerprints of the nodes that are to have the flag `Guard`.
    pub(super) fn guards(&self) -> Vec<Fingerprint> {
        let authorities = self.authorities.iter().map(|authority| authority.fingerprint);
        let guards = self.relays.iter().filter(|relay| relay.options.guard);
        authorities.chain(guards.map(|relay| relay.fingerprint)).collect()
    }
}

fn write_keys(data_directory: &Path, files: &KeyFiles) -> Result<()> {
    let keys = data_directory.join("keys");
    let written = private_directory(data_directory)
        .and_then(|()| private_directory(&keys))
        .and_then(|()| write_files(&keys, files));
    written.map_err(|error| Error::io(format!("write the keys in {}", keys.display()), error))
}

/// Calls `make` with each number, on as many threads as there are processors.
fn side_by_side<T: Send>(count: usize, make: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let threads = thread::available_parallelism().map_or(2, usize::from).min(count);
    let next = AtomicUsize::new(0);
    let some = || {
        let mut made = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(made);
            }
            made.push((number, make(number)?));
        }
    };
    let mut all = Vec::new();
    thread::scope(|scope| {
        let making: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        for thread in making {
            all.extend(thread.join().unwrap_or_else(|_| Err(panicked()))?);
        }
        Ok::<(), Error>(())
    })?;
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, made)| made).collect())
}

/// Returns the file by which an authority knows the bandwidth of relays: a
/// bandwidth-file of version 1.0.0.
pub(super) fn bandwidth_file(plan: &Plan, now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut text = format!("{}\n", since.as_secs());
    for relay in &plan.relays {
        text.push_str(&format!("node_id=${} bw={}\n", relay.fingerprint, Plan::measured(relay)));
    }
    text
}

/// Writes the [`bandwidth_file`] into an authority's data directory. Returns
/// its path.
pub(super) fn write_bandwidth_file(data_directory: &Path, content: &str) -> Result<PathBuf> {
    let path = data_directory.join("bandwidths");
    let written = fs::write(&path, content);
    written.map_err(|error| Error::io(format!("write {}", path.display()), error))?;
    Ok(path)
}
