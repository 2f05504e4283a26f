//! A made-up network: properties of its relays, and documents with these
//! properties. The tests compute the expected results from the properties and
//! never from the documents.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use data_encoding::BASE64_NOPAD;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use scape::netdoc::Directory;
use scape::word::Fingerprint;
use sha2::{Digest, Sha256};

/// A relay of the made-up network, with the properties that go into the
/// documents.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) nickname: String,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) bandwidth: u32,
    pub(crate) ipv4: Ipv4Addr,
    pub(crate) ipv6: Option<Ipv6Addr>,
    /// The IPv4 ports that the relay's exit policy allows. `ports_v6` are the
    /// IPv6 ports.
    pub(crate) ports: Vec<u16>,
    pub(crate) ports_v6: Vec<u16>,
    /// The relays that this relay names as its family: `$` and a fingerprint,
    /// or a nickname.
    pub(crate) family: Vec<String>,
    pub(crate) family_ids: Vec<String>,
    /// True if the documents contain the relay's microdescriptor.
    pub(crate) is_described: bool,
}

impl Known {
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    pub(crate) fn lets_something_out(&self) -> bool {
        !self.ports.is_empty() || !self.ports_v6.is_empty()
    }

    fn names(&self, other: &Known) -> bool {
        let by_fingerprint = format!("${}", other.fingerprint);
        self.family.iter().any(|name| *name == by_fingerprint || *name == other.nickname)
    }

    pub(crate) fn is_family_of(&self, other: &Known) -> bool {
        self.names(other) && other.names(self)
            || self.family_ids.iter().any(|id| other.family_ids.contains(id))
    }

    pub(crate) fn is_near(&self, other: &Known) -> bool {
        let v4 = |relay: &Known| u32::from(relay.ipv4) >> 16;
        let v6 = |relay: &Known| relay.ipv6.map(|ip| u128::from(ip) >> 96);
        v4(self) == v4(other) || v6(self).is_some() && v6(self) == v6(other)
    }

    fn microdescriptor(&self) -> String {
        let mut text = format!(
            "onion-key\nntor-onion-key {}\n",
            BASE64_NOPAD.encode(&Sha256::digest(self.fingerprint.as_bytes()))
        );
        if !self.family.is_empty() {
            writeln!(text, "family {}", self.family.join(" ")).unwrap();
        }
        if !self.family_ids.is_empty() {
            writeln!(text, "family-ids {}", self.family_ids.join(" ")).unwrap();
        }
        for (keyword, ports) in [("p", &self.ports), ("p6", &self.ports_v6)] {
            if !ports.is_empty() {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                writeln!(text, "{keyword} accept {}", ports.join(",")).unwrap();
            }
        }
        writeln!(
            text,
            "id ed25519 {}",
            BASE64_NOPAD.encode(&Sha256::digest(format!("ed{}", self.fingerprint)))
        )
        .unwrap();
        text
    }
}

/// The relays of a made-up network, sorted by fingerprint, and the consensus's
/// bandwidth weights.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) relays: Vec<Known>,
    /// Bandwidth weights such as `Wgg=5869`.
    pub(crate) weights: Vec<(&'static str, u32)>,
    pub(crate) scale: u32,
}

/// The bandwidth weights. All are different, so that a test notices if the
/// library uses the wrong weight.
pub(crate) const WEIGHTS: [(&str, u32); 19] = [
    ("Wbd", 100),
    ("Wbe", 200),
    ("Wbg", 300),
    ("Wbm", 10000),
    ("Wdb", 6000),
    ("Web", 7000),
    ("Wed", 8100),
    ("Wee", 9700),
    ("Weg", 4100),
    ("Wem", 9900),
    ("Wgb", 8000),
    ("Wgd", 1200),
    ("Wgg", 5869),
    ("Wgm", 5870),
    ("Wmb", 9000),
    ("Wmd", 900),
    ("Wme", 2300),
    ("Wmg", 4131),
    ("Wmm", 9800),
];

impl World {
    pub(crate) fn weight(&self, name: &str) -> f64 {
        let (_, weight) = self.weights.iter().find(|(known, _)| *known == name).unwrap();
        f64::from(*weight) / f64::from(self.scale)
    }

    pub(crate) fn find(&self, fingerprint: Fingerprint) -> (usize, &Known) {
        let found =
            self.relays.iter().enumerate().find(|(_, relay)| relay.fingerprint == fingerprint);
        found.expect("it is of this world")
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        let (consensus, microdescriptors) = self.documents();
        Arc::new(Directory::parse(consensus.as_bytes(), microdescriptors.as_bytes()).unwrap())
    }

    /// Returns the consensus and the microdescriptors.
    pub(crate) fn documents(&self) -> (String, String) {
        let mut consensus = String::from(
            "network-status-version 3 microdesc\nvote-status consensus\nconsensus-method 34\n\
             valid-after 2026-11-21 02:00:00\nfresh-until 2026-11-21 03:00:00\nvalid-until 2026-11-21 05:00:00\n\
             known-flags Authority BadExit Exit Fast Guard HSDir MiddleOnly Running Stable V2Dir Valid\n",
        );
        if self.scale != 10000 {
            writeln!(consensus, "params bwweightscale={}", self.scale).unwrap();
        }
        let mut microdescriptors = String::new();
        for relay in &self.relays {
            let microdescriptor = relay.microdescriptor();
            let id = BASE64_NOPAD.encode(relay.fingerprint.as_bytes());
            let Known { nickname, ipv4, bandwidth, .. } = relay;
            writeln!(consensus, "r {nickname} {id} 2038-01-01 00:00:00 {ipv4} 9001 0").unwrap();
            if let Some(ipv6) = relay.ipv6 {
                writeln!(consensus, "a [{ipv6}]:9001").unwrap();
            }
            let digest = BASE64_NOPAD.encode(&Sha256::digest(&microdescriptor));
            writeln!(consensus, "m {digest}\ns {}", relay.flags.join(" ")).unwrap();
            writeln!(consensus, "v Tor 0.4.9.11\npr Link=3-5 Relay=2-6\nw Bandwidth={bandwidth}")
                .unwrap();
            if relay.is_described {
                microdescriptors.push_str(&microdescriptor);
            }
        }
        consensus.push_str("directory-footer\nbandwidth-weights");
        for (name, weight) in &self.weights {
            write!(consensus, " {name}={weight}").unwrap();
        }
        consensus.push('\n');
        (consensus, microdescriptors)
    }

    /// Creates `count` relays with all properties that can keep two relays out
    /// of the same path: families of both kinds, shared subnets, and flags.
    /// Some families are one-sided, so they don't count. If `is_dense` is true,
    /// there are few subnets.
    pub(crate) fn crowded(count: usize, is_dense: bool, seed: u64) -> World {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut relays: Vec<Known> = (0..count).map(|index| relay(index, &mut rng)).collect();
        relays.sort_by_key(|relay| relay.fingerprint);
        let networks = if is_dense { count / 3 + 1 } else { count * 2 };
        for relay in &mut relays {
            let network = rng.random_range(0..networks);
            let [high, low] = u16::try_from(network % 50_000).unwrap().to_be_bytes();
            relay.ipv4 = Ipv4Addr::new(high + 1, low, rng.random(), rng.random());
            relay.ipv6 = rng.random_bool(0.3).then(|| {
                let network = u16::try_from(rng.random_range(0..networks) % 50_000).unwrap();
                Ipv6Addr::new(0x2001, network, rng.random(), 0, 0, 0, 0, 1)
            });
        }
        for _ in 0..count / 6 {
            let members: Vec<usize> =
                (0..rng.random_range(2..6)).map(|_| rng.random_range(0..count)).collect();
            let id = format!("ed25519:{}", rng.random::<u64>());
            let by_id = rng.random_bool(0.3);
            for member in &members {
                // Some members don't name the others, so they are not in the
                // family.
                let names = rng.random_bool(0.8);
                for other in members.iter().filter(|_| names) {
                    let other = &relays[*other];
                    let name = match rng.random_bool(0.9) {
                        true => format!("${}", other.fingerprint),
                        false => other.nickname.clone(),
                    };
                    relays[*member].family.push(name);
                }
                if by_id {
                    relays[*member].family_ids.push(id.clone());
                }
            }
        }
        World { relays, weights: WEIGHTS.to_vec(), scale: 10000 }
    }

    /// Creates `count` relays. Any two may be in the same path, because they
    /// have no families and each has its own subnet.
    pub(crate) fn apart(count: usize, seed: u64) -> World {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut relays: Vec<Known> = (0..count).map(|index| relay(index, &mut rng)).collect();
        for (index, relay) in relays.iter_mut().enumerate() {
            let [high, low] = u16::try_from(index).unwrap().to_be_bytes();
            relay.ipv4 = Ipv4Addr::new(high + 1, low, 1, 1);
        }
        relays.sort_by_key(|relay| relay.fingerprint);
        World { relays, weights: WEIGHTS.to_vec(), scale: 10000 }
    }
}

/// Creates a relay with flags and bandwidth like those of the public network.
/// The caller sets its addresses and family.
fn relay(index: usize, rng: &mut StdRng) -> Known {
    let mut flags = Vec::new();
    let is_exit = rng.random_bool(0.3);
    let is_guard = rng.random_bool(0.45);
    for (flag, share) in [
        ("BadExit", if is_exit { 0.05 } else { 0.01 }),
        ("Exit", if is_exit { 1.0 } else { 0.0 }),
        ("Fast", 0.93),
        ("Guard", if is_guard { 1.0 } else { 0.0 }),
        ("MiddleOnly", if is_exit || is_guard { 0.02 } else { 0.05 }),
        ("Running", 0.98),
        ("Stable", 0.85),
        ("V2Dir", 0.7),
        ("Valid", 0.98),
    ] {
        if rng.random_bool(share) {
            flags.push(flag);
        }
    }
    let mut ports = Vec::new();
    let mut ports_v6 = Vec::new();
    if is_exit || rng.random_bool(0.05) {
        for port in [22, 80, 443, 6667] {
            if rng.random_bool(0.8) {
                ports.push(port);
            }
            if rng.random_bool(0.3) {
                ports_v6.push(port);
            }
        }
    }
    let magnitude: f64 = rng.random_range(1.0..4.7);
    Known {
        fingerprint: Fingerprint::from_bytes(rng.random()),
        nickname: format!("relay{index}"),
        flags,
        bandwidth: 10f64.powf(magnitude) as u32,
        ipv4: Ipv4Addr::UNSPECIFIED,
        ipv6: None,
        ports,
        ports_v6,
        family: Vec::new(),
        family_ids: Vec::new(),
        is_described: rng.random_bool(0.98),
    }
}
