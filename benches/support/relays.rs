//! A network of made-up relays, always with the same bytes. The shares of
//! flags, addresses and bandwidths are rounded from the public network.

use std::fmt::Write as _;

use data_encoding::{BASE64, BASE64_NOPAD};

use super::random::Random;

/// The number of relays, the same as in the public network.
pub(crate) const RELAYS: usize = 9_000;

/// Returns the number of relays: [`RELAYS`], or the number in the environment
/// variable `BENCH_RELAYS`, for measurements of the memory by hand.
pub(crate) fn count() -> usize {
    std::env::var("BENCH_RELAYS").map_or(RELAYS, |count| count.parse().unwrap())
}

/// The versions that the made-up relays run.
const VERSIONS: [&str; 5] = ["0.4.8.16", "0.4.8.17", "0.4.9.9", "0.4.9.10", "0.4.9.11"];
const PROTOCOLS: &str = "Conflux=1 Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=1-2 Link=1-5 \
                         LinkAuth=1,3 Microdesc=1-3 Padding=2 Relay=1-6";
const NAMES: [&str; 8] =
    ["quokka", "relay", "exit", "Nifty", "Unnamed", "ForPrivacy", "guard", "vps"];

/// The text of one relay.
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

/// The relays in the order of their identities.
pub(crate) struct Relays(Vec<Relay>);

impl Relays {
    /// Creates relays. Another seed gives other relays.
    pub(crate) fn new(count: usize, seed: u64) -> Relays {
        let mut random = Random(seed);
        let mut relays: Vec<Relay> = (0..count).map(|_| relay(&mut random)).collect();
        relays.sort_by_key(|relay| relay.identity);
        Relays(relays)
    }

    /// Returns the relays of the next hour's consensus. Of 100 relays, the
    /// given number has another bandwidth.
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

    /// Returns a consensus for microdescriptors.
    pub(crate) fn consensus(&self) -> String {
        let mut text = String::from(
            "network-status-version 3 microdesc\nvote-status consensus\nconsensus-method 35\n\
             valid-after 2026-07-27 10:00:00\nfresh-until 2026-07-27 11:00:00\nvalid-until 2026-07-27 13:00:00\n\
             known-flags Authority BadExit Exit Fast Guard HSDir Running Stable StaleDesc V2Dir Valid\n",
        );
        for relay in &self.0 {
            let (id, digest) =
                (BASE64_NOPAD.encode(&relay.identity), BASE64_NOPAD.encode(&relay.microdescriptor));
            let Relay { nickname, ip, or_port, dir_port, version, .. } = relay;
            writeln!(text, "r {nickname} {id} 2038-01-01 00:00:00 {ip} {or_port} {dir_port}")
                .unwrap();
            relay.write_address(&mut text);
            writeln!(text, "m {digest}\ns {}\nv Tor {version}\npr {PROTOCOLS}", relay.flags)
                .unwrap();
            writeln!(text, "w Bandwidth={}", relay.bandwidth).unwrap();
        }
        let signature = BASE64.encode(&[7; 48]);
        writeln!(
            text,
            "directory-footer\nbandwidth-weights Wbd=817 Wbe=0 Wgg=5960 Wmm=10000\ndirectory-signature sha256 \
             {0} {0}\n-----BEGIN SIGNATURE-----\n{signature}\n-----END SIGNATURE-----",
            "0123456789ABCDEF0123456789ABCDEF01234567"
        )
        .unwrap();
        text
    }
}

impl Relay {
    fn write_address(&self, text: &mut String) {
        if let Some(ipv6) = &self.ipv6 {
            writeln!(text, "a [{ipv6}]:{}", self.or_port).unwrap();
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
