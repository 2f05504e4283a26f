//! The plan of a network, made before any node runs.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use super::addresses::{ADDRESS, IPV6_ADDRESS};
use super::countries::Countries;
use super::keys::{AuthorityKeys, KeyCache, KeyFiles, RelayKeys, write_files};
use super::panicked::panicked;
use super::ports::free_ports;
use super::relay::RelayOptions;
use crate::error::{Error, Result};
use crate::process::make_private;
use scape_proto::word::Fingerprint;

/// The bandwidth of a relay that has no bandwidth setting, if another relay of
/// the network has one. The unit is 1000 bytes per second, as in the consensus.
const BANDWIDTH: u32 = 1000;

/// The minimum number of authorities that measure bandwidth. A bandwidth that
/// fewer authorities have measured doesn't get into the consensus. The number
/// is fixed in tor.
const ENOUGH_TO_MEASURE: usize = 3;

/// The nodes that a network will have, in addition to the client.
pub(super) struct Wanted {
    pub(super) authorities: usize,
    pub(super) relays: Vec<RelayOptions>,
    pub(super) bridges: Vec<RelayOptions>,
    /// True if all these nodes also have an IPv6 address.
    pub(super) ipv6: bool,
}

/// The planned relays of a network, authorities and bridges included.
pub(super) struct Plan {
    pub(super) authorities: Vec<PlannedAuthority>,
    pub(super) relays: Vec<PlannedRelay>,
    pub(super) bridges: Vec<PlannedRelay>,
    pub(super) countries: Countries,
}

/// The plan of an authority: its keys and ports.
pub(super) struct PlannedAuthority {
    pub(super) nickname: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) keys: AuthorityKeys,
    pub(super) or_port: u16,
    pub(super) dir_port: u16,
    /// The OR port at the IPv6 address. `None` if the network has no IPv6
    /// addresses.
    pub(super) ipv6_port: Option<u16>,
}

/// The plan of a relay or a bridge: its keys, addresses and settings.
pub(super) struct PlannedRelay {
    pub(super) nickname: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) keys: RelayKeys,
    pub(super) address: Ipv4Addr,
    pub(super) or_port: u16,
    /// The OR port at the IPv6 address. `None` if the network has no IPv6
    /// addresses.
    pub(super) ipv6_port: Option<u16>,
    /// The relays of the same family, including this one. Empty if there are no
    /// others.
    pub(super) family: Vec<Fingerprint>,
    pub(super) options: RelayOptions,
}

impl PlannedAuthority {
    /// Returns the value of the option `DirAuthority` for this authority.
    pub(super) fn line(&self) -> String {
        let ipv6 = self.ipv6_port.map(|port| format!("ipv6=[{IPV6_ADDRESS}]:{port} "));
        format!(
            "{} orport={} {}no-v2 v3ident={} {ADDRESS}:{} {}",
            self.nickname,
            self.or_port,
            ipv6.unwrap_or_default(),
            self.keys.v3_identity(),
            self.dir_port,
            self.fingerprint
        )
    }
}

impl PlannedRelay {
    /// Returns the IPv4 address of the OR port.
    pub(super) fn or_address(&self) -> SocketAddr {
        SocketAddr::from((self.address, self.or_port))
    }
}

impl Plan {
    /// Makes the plan: finds keys and ports for all nodes.
    pub(super) fn new(wanted: Wanted, cache: &KeyCache) -> Result<Self> {
        let Wanted { authorities, relays, bridges, ipv6 } = wanted;
        let (relay_count, bridge_count) = (relays.len(), bridges.len());
        let others: Vec<RelayOptions> = relays.into_iter().chain(bridges).collect();
        let countries = Countries::of(others.iter().filter_map(|it| it.country.as_deref()));
        let addresses: Vec<Ipv4Addr> =
            others.iter().map(|it| countries.address(it.country.as_deref())).collect();

        let authority_ports = std::iter::repeat_n(ADDRESS, 2 * authorities);
        let ports = free_ports(authority_ports.chain(addresses.clone()).map(IpAddr::from))?;
        let (pairs, or_ports) = ports.split_at(2 * authorities);
        let mut ipv6_ports = ipv6_ports(ipv6, authorities + others.len())?.into_iter();
        let mut ipv6_port = || ipv6_ports.next().flatten();

        let authority_keys = side_by_side(authorities, |number| cache.authority(number))?;
        // Bridges have the keys of the relays with the next numbers.
        let relay_keys = side_by_side(others.len(), |number| cache.relay(number))?;
        let mut planned_authorities = Vec::new();
        for ((number, keys), ports) in
            authority_keys.into_iter().enumerate().zip(pairs.chunks_exact(2))
        {
            planned_authorities.push(PlannedAuthority {
                nickname: format!("authority{number}"),
                fingerprint: keys.relay.fingerprint()?,
                keys,
                or_port: ports[0],
                dir_port: ports[1],
                ipv6_port: ipv6_port(),
            });
        }
        let mut relays = Vec::new();
        let places = addresses.into_iter().zip(or_ports);
        let nicknames = default_nicknames(relay_count, bridge_count);
        for (((keys, (address, or_port)), nickname), options) in
            relay_keys.into_iter().zip(places).zip(nicknames).zip(others)
        {
            relays.push(PlannedRelay {
                nickname: options.nickname.clone().unwrap_or(nickname),
                fingerprint: keys.fingerprint()?,
                keys,
                address,
                or_port: *or_port,
                ipv6_port: ipv6_port(),
                family: Vec::new(),
                options,
            });
        }
        let bridges = relays.split_off(relay_count);
        let mut plan = Plan { authorities: planned_authorities, relays, bridges, countries };
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
            // A family of one relay doesn't count as a family.
            relay.family = family.filter(|it| it.len() > 1).cloned().unwrap_or_default();
        }
    }

    /// Creates the data directories of authorities and relays, with their keys.
    pub(super) fn write_keys(&self, root: &Path) -> Result<()> {
        for authority in &self.authorities {
            write_keys(&root.join(&authority.nickname), &authority.keys.files()?)?;
        }
        for relay in self.relays.iter().chain(&self.bridges) {
            write_keys(&root.join(&relay.nickname), &relay.keys.files()?)?;
        }
        Ok(())
    }

    /// Returns the values of the option `DirAuthority`, one for each authority.
    pub(super) fn authority_lines(&self) -> Vec<String> {
        self.authorities.iter().map(PlannedAuthority::line).collect()
    }

    /// Returns a GETINFO key for the descriptor of each authority and relay. A
    /// relay whose options keep it from publishing its descriptor is left out.
    pub(super) fn descriptor_keys(&self) -> Vec<String> {
        let authorities = self.authorities.iter().map(|authority| authority.fingerprint);
        let relays = self.relays.iter().filter(|relay| relay.options.publishes());
        let all = authorities.chain(relays.map(|relay| relay.fingerprint));
        all.map(|fingerprint| format!("desc/id/{fingerprint}")).collect()
    }

    /// Returns the addresses at which authorities accept connections from other
    /// nodes.
    pub(super) fn authority_addresses(&self) -> Vec<SocketAddr> {
        let address = |it: &PlannedAuthority| SocketAddr::from((ADDRESS, it.or_port));
        self.authorities.iter().map(address).collect()
    }

    /// Returns the addresses at which relays and bridges accept connections
    /// from other nodes.
    pub(super) fn relay_addresses(&self) -> Vec<SocketAddr> {
        self.relays.iter().chain(&self.bridges).map(PlannedRelay::or_address).collect()
    }

    /// Returns true if the authorities measure bandwidth, because the bandwidth
    /// of at least one relay is set.
    pub(super) fn is_measured(&self) -> bool {
        self.relays.iter().any(|relay| relay.options.bandwidth.is_some())
    }

    /// Returns the bandwidth that authorities measure for a relay, in 1000
    /// bytes per second.
    fn measured(relay: &PlannedRelay) -> u32 {
        relay.options.bandwidth.unwrap_or(BANDWIDTH)
    }

    /// Returns a relay's bandwidth in the consensus, in 1000 bytes per second.
    /// Returns `None` if nothing is measured, or too few authorities measure.
    pub(super) fn bandwidth(&self, relay: &PlannedRelay) -> Option<u32> {
        let is_named = self.is_measured() && self.authorities.len() >= ENOUGH_TO_MEASURE;
        is_named.then(|| Plan::measured(relay))
    }

    /// Returns the fingerprints of the nodes that get the flag `Guard`.
    pub(super) fn guards(&self) -> Vec<Fingerprint> {
        let authorities = self.authorities.iter().map(|authority| authority.fingerprint);
        let guards = self.relays.iter().filter(|relay| relay.options.guard);
        authorities.chain(guards.map(|relay| relay.fingerprint)).collect()
    }
}

/// Returns the default nicknames of the relays, then those of the bridges.
pub(super) fn default_nicknames(relays: usize, bridges: usize) -> impl Iterator<Item = String> {
    let relays = (0..relays).map(|number| format!("relay{number}"));
    relays.chain((0..bridges).map(|number| format!("bridge{number}")))
}

/// Returns a free port of the IPv6 address for each of `count` nodes. The list
/// is empty if `are_wanted` is false.
fn ipv6_ports(are_wanted: bool, count: usize) -> Result<Vec<Option<u16>>> {
    if !are_wanted {
        return Ok(Vec::new());
    }
    let ports = free_ports(std::iter::repeat_n(IpAddr::from(IPV6_ADDRESS), count))?;
    Ok(ports.into_iter().map(Some).collect())
}

fn write_keys(data_directory: &Path, files: &KeyFiles) -> Result<()> {
    let keys = data_directory.join("keys");
    let written = make_private(data_directory)
        .and_then(|()| make_private(&keys))
        .and_then(|()| write_files(&keys, files));
    written.map_err(|error| Error::io(format!("write the keys in {}", keys.display()), error))
}

/// Calls `make` with each number from 0 to `count` - 1, on this thread and on
/// as many others as there are further processors. Returns the results in the
/// order of the numbers, or one of the errors.
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
        // If no further thread can be started, this one makes all.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, some).ok();
        let making: Vec<_> = (1..threads).filter_map(spawn).collect();
        all.extend(some()?);
        for thread in making {
            all.extend(thread.join().unwrap_or_else(|_| Err(panicked()))?);
        }
        Ok::<(), Error>(())
    })?;
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, made)| made).collect())
}

/// Returns the file with the measured bandwidth of relays: a bandwidth-file of
/// version 1.0.0.
pub(super) fn bandwidth_file(plan: &Plan, now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut text = format!("{}\n", since.as_secs());
    for relay in &plan.relays {
        text.push_str(&format!("node_id=${} bw={}\n", relay.fingerprint, Plan::measured(relay)));
    }
    text
}

/// Writes the [`bandwidth_file`] into an authority's data directory. Returns
/// the path of the file.
pub(super) fn write_bandwidth_file(data_directory: &Path, content: &str) -> Result<PathBuf> {
    let path = data_directory.join("bandwidths");
    let written = fs::write(&path, content);
    written.map_err(|error| Error::io(format!("write {}", path.display()), error))?;
    Ok(path)
}
