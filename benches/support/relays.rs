//! A network of made-up relays, with the same bytes in each run. The shares of
//! flags, addresses and bandwidths are rounded from the public network.

use std::fmt::Write as _;

use data_encoding::{BASE64, BASE64_NOPAD, HEXUPPER};

use super::random::Random;

/// The number of relays, the same as in the public network.
pub(crate) const RELAYS: usize = 9_000;

/// Returns the number of relays: [`RELAYS`], or the number in the environment
/// variable `BENCH_RELAYS`, for measuring the memory by hand.
pub(crate) fn count() -> usize {
    std::env::var("BENCH_RELAYS").map_or(RELAYS, |count| count.parse().unwrap())
}

/// The versions that the made-up relays run.
const VERSIONS: [&str; 5] = ["0.4.8.16", "0.4.8.17", "0.4.9.9", "0.4.9.10", "0.4.9.11"];
const PROTOCOLS: &str = "Conflux=1 Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=1-2 Link=1-5 \
                         LinkAuth=1,3 Microdesc=1-3 Padding=2 Relay=1-6";
/// The summaries of exit policies in a full consensus.
const POLICIES: [&str; 5] = [
    "accept 80,443",
    "accept 53,80,443",
    "reject 25,119,135-139,445,563,1214,4661-4666,6346-6429,6699,6881-6999",
    "reject 25,465,587",
    "accept 20-21,43,53,79-81,88,110,143,194,220,389,443,464,531,543-544,554,563,636,706,749,873,\
     902-904,981,989-995,1194,1220,1293,1500,1533,1677,1723,1755,1863,2082-2083,2086-2087,2095-2096,\
     2102-2104,3128,3389,3690,4321,4643,5050,5190,5222-5223,5228,5900,6660-6669,6679,6697,8000,8008,\
     8074,8080,8087-8088,8332-8333,8443,8888,9418,9999-10000,11371,19294,19638,50002,64738",
];
const NAMES: [&str; 8] =
    ["quokka", "relay", "exit", "Nifty", "Unnamed", "ForPrivacy", "guard", "vps"];

/// A made-up relay: the values of its entry in a consensus, in a vote, or in
/// the answer to `GETINFO ns/all`.
struct Relay {
    nickname: String,
    identity: [u8; 20],
    digest: [u8; 20],
    microdescriptor: [u8; 32],
    published: String,
    ip: String,
    or_port: u64,
    dir_port: u64,
    ipv6: Option<String>,
    flags: String,
    version: &'static str,
    bandwidth: u64,
}

/// Made-up relays, sorted by identity.
pub(crate) struct Relays(Vec<Relay>);

impl Relays {
    /// Creates `count` relays. The same seed always gives the same relays.
    pub(crate) fn new(count: usize, seed: u64) -> Relays {
        let mut random = Random(seed);
        let mut relays: Vec<Relay> = (0..count).map(|_| relay(&mut random)).collect();
        relays.sort_by_key(|relay| relay.identity);
        Relays(relays)
    }

    /// Returns the relays of the next hour's consensus. About `percent` percent
    /// of the relays have a higher bandwidth than before.
    pub(crate) fn next_hour(mut self, percent: u64) -> Relays {
        let mut random = Random(percent);
        for relay in &mut self.0 {
            if random.percent(percent) {
                relay.bandwidth += 1 + random.below(500);
            }
        }
        self
    }

    /// Returns tor's answer to `GETINFO ns/all`, with line ends as in a file.
    pub(crate) fn ns_all(&self) -> String {
        let mut text = String::new();
        for relay in &self.0 {
            let (id, digest) =
                (BASE64_NOPAD.encode(&relay.identity), BASE64_NOPAD.encode(&relay.digest));
            let Relay { nickname, published, ip, or_port, dir_port, .. } = relay;
            writeln!(text, "r {nickname} {id} {digest} {published} {ip} {or_port} {dir_port}")
                .unwrap();
            relay.write_address(&mut text);
            writeln!(text, "s {}\nw Bandwidth={}", relay.flags, relay.bandwidth).unwrap();
        }
        text
    }

    /// Returns a consensus in the `microdesc` flavor.
    pub(crate) fn consensus(&self) -> String {
        self.consensus_of(Flavor::Microdesc)
    }

    /// Returns a consensus in the `ns` flavor.
    pub(crate) fn full_consensus(&self) -> String {
        self.consensus_of(Flavor::Full)
    }

    /// Returns the relays' entries for a vote.
    pub(crate) fn vote_entries(&self) -> String {
        let mut text = String::new();
        for relay in &self.0 {
            relay.write_entry(&mut text, Flavor::Vote);
        }
        text
    }

    fn consensus_of(&self, flavor: Flavor) -> String {
        let mut text = header(flavor);
        for relay in &self.0 {
            relay.write_entry(&mut text, flavor);
        }
        text.push_str(&footer(flavor));
        text
    }
}

/// The kinds of documents that contain the relays' entries.
#[derive(Clone, Copy, PartialEq)]
enum Flavor {
    Microdesc,
    Full,
    Vote,
}

/// The number of directory authorities in the consensus.
const AUTHORITIES: usize = 9;

/// Returns the made-up identity fingerprint of the authority with the given
/// number.
fn authority(number: usize) -> String {
    HEXUPPER.encode(&[0x10 * number as u8 + 0x07; 20])
}

/// Returns the part of a consensus before the first relay's entry.
fn header(flavor: Flavor) -> String {
    let name = if flavor == Flavor::Microdesc { " microdesc" } else { "" };
    let mut text = format!("network-status-version 3{name}\n");
    text.push_str(
        "vote-status consensus\nconsensus-method 35\nvalid-after 2026-07-27 10:00:00\n\
         fresh-until 2026-07-27 11:00:00\nvalid-until 2026-07-27 13:00:00\nvoting-delay 300 300\n\
         client-versions 0.4.8.16,0.4.8.17,0.4.9.9,0.4.9.10,0.4.9.11\n\
         server-versions 0.4.8.16,0.4.8.17,0.4.9.9,0.4.9.10,0.4.9.11\n\
         known-flags Authority BadExit Exit Fast Guard HSDir MiddleOnly NoEdConsensus Running Stable StaleDesc Sybil \
         V2Dir Valid\n\
         recommended-client-protocols Cons=2 Desc=2 DirCache=2 HSDir=2 HSIntro=4 HSRend=2 Link=4-5 Microdesc=2 \
         Relay=2-4\n\
         recommended-relay-protocols Cons=2 Desc=2 DirCache=2 HSDir=2 HSIntro=4-5 HSRend=2 Link=4-5 LinkAuth=3 \
         Microdesc=2 Relay=2-4\n\
         required-client-protocols Cons=2 Desc=2 Link=4 Microdesc=2 Relay=2\n\
         required-relay-protocols Cons=2 Desc=2 DirCache=2 HSDir=2 HSIntro=4-5 HSRend=2 Link=4-5 LinkAuth=3 \
         Microdesc=2 Relay=2-4\n\
         params CircuitPriorityHalflifeMsec=30000 DoSCircuitCreationEnabled=1 KISTSchedRunInterval=3 bwauthpid=1 \
         cc_alg=2 cc_cwnd_min=124 guard-n-primary-guards-to-use=2 hsdir_spread_store=4 sendme_accept_min_version=1\n",
    );
    let random = BASE64.encode(&[0x5a; 32]);
    writeln!(text, "shared-rand-previous-value 9 {random}\nshared-rand-current-value 9 {random}")
        .unwrap();
    for number in 0..AUTHORITIES {
        let (identity, ip) = (authority(number), format!("198.51.100.{}", 1 + number));
        writeln!(
            text,
            "dir-source auth{number} {identity} {ip} {ip} 80 443\ncontact operator {number}\nvote-digest {identity}"
        )
        .unwrap();
    }
    text
}

/// Returns the part of a consensus after the last relay's entry.
fn footer(flavor: Flavor) -> String {
    let mut text = String::from(
        "directory-footer\nbandwidth-weights Wbd=817 Wbe=0 Wbg=4040 Wbm=10000 Wdb=10000 Web=10000 Wed=8366 Wee=10000 \
         Weg=8366 Wem=10000 Wgb=10000 Wgd=817 Wgg=5960 Wgm=5960 Wmb=10000 Wmd=817 Wme=0 Wmg=4040 Wmm=10000\n",
    );
    let algorithm = if flavor == Flavor::Microdesc { " sha256" } else { "" };
    let signature = BASE64.encode(&[7; 256]);
    for identity in (0..AUTHORITIES).map(authority) {
        write!(
            text,
            "directory-signature{algorithm} {identity} {identity}\n-----BEGIN SIGNATURE-----\n"
        )
        .unwrap();
        for line in signature.as_bytes().chunks(64) {
            writeln!(text, "{}", String::from_utf8_lossy(line)).unwrap();
        }
        text.push_str("-----END SIGNATURE-----\n");
    }
    text
}

impl Relay {
    fn write_address(&self, text: &mut String) {
        if let Some(ipv6) = &self.ipv6 {
            writeln!(text, "a [{ipv6}]:{}", self.or_port).unwrap();
        }
    }

    fn write_entry(&self, text: &mut String, flavor: Flavor) {
        let Relay { nickname, ip, or_port, dir_port, version, flags, .. } = self;
        let (id, digest) = (BASE64_NOPAD.encode(&self.identity), BASE64_NOPAD.encode(&self.digest));
        let is_full = flavor != Flavor::Microdesc;
        let digest = if is_full { format!(" {digest}") } else { String::new() };
        writeln!(text, "r {nickname} {id}{digest} 2038-01-01 00:00:00 {ip} {or_port} {dir_port}")
            .unwrap();
        self.write_address(text);
        if !is_full {
            writeln!(text, "m {}", BASE64_NOPAD.encode(&self.microdescriptor)).unwrap();
        }
        writeln!(text, "s {flags}\nv Tor {version}\npr {PROTOCOLS}").unwrap();
        let measured = match flavor {
            Flavor::Vote => format!(" Measured={}", self.bandwidth),
            _ => String::new(),
        };
        writeln!(text, "w Bandwidth={}{measured}", self.bandwidth).unwrap();
        if is_full {
            let policy = POLICIES[usize::from(self.digest[0]) % POLICIES.len()];
            let is_exit = flags.contains("Exit");
            writeln!(text, "p {}", if is_exit { policy } else { "reject 1-65535" }).unwrap();
        }
        if flavor == Flavor::Vote {
            let key = BASE64_NOPAD.encode(&self.microdescriptor);
            writeln!(
                text,
                "id ed25519 {key}\nstats wfu=0.987654 tk=691200 mtbf=1234567\n\
                 m 32,33,34,35 sha256={key}"
            )
            .unwrap();
        }
    }
}

fn relay(random: &mut Random) -> Relay {
    let (is_exit, is_guard) = (random.percent(28), random.percent(55));
    let (fast, stable) = (is_guard || random.percent(85), is_guard || random.percent(75));
    let flags = [
        ("Exit", is_exit),
        ("Fast", fast),
        ("Guard", is_guard),
        ("HSDir", stable && random.percent(80)),
        ("Running", true),
        ("Stable", stable),
        ("StaleDesc", random.percent(1)),
        ("V2Dir", random.percent(93)),
        ("Valid", true),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(_, has)| *has).map(|(flag, _)| *flag).collect();
    let mut part = |least: u64, end: u64| least + random.below(end - least);
    let ip = format!("{}.{}.{}.{}", part(1, 224), part(0, 256), part(0, 256), part(1, 255));
    let published = format!("2026-07-26 {:02}:{:02}:{:02}", part(0, 24), part(0, 60), part(0, 60));
    let or_port = [443, 9001, 9001, 8443, part(1024, 65_000)][part(0, 5) as usize];
    let ipv6 = format!(
        "2a0{:x}:{:x}:{:x}::{:x}",
        part(1, 16),
        part(1, 65_536),
        part(1, 65_536),
        part(1, 65_536)
    );
    let magnitude = part(0, 15);
    let bandwidth = part(1 << magnitude, 2 << magnitude);
    Relay {
        nickname: format!("{}{}", random.one(&NAMES), random.below(1000)),
        identity: std::array::from_fn(|_| random.next() as u8),
        digest: std::array::from_fn(|_| random.next() as u8),
        microdescriptor: std::array::from_fn(|_| random.next() as u8),
        published,
        ip,
        or_port,
        dir_port: if random.percent(2) { 9030 } else { 0 },
        ipv6: random.percent(60).then_some(ipv6),
        flags: flags.join(" "),
        version: random.one(&VERSIONS),
        bandwidth,
    }
}
