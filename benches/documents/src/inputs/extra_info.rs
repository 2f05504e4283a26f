//! The statistics in extra-info documents.

use std::fmt::Write as _;

use crate::random::Random;

const END: &str = "2026-07-27 09:12:13 (86400 s)";

/// Writes the statistics of a relay: the bytes of the past five days, and the
/// statistics of directories, onion services and, for some, guards and exits.
/// The line `hidserv-stats-end` is left out, because stem for Rust rejects a
/// document with this line if the line contains the period's length, such as
/// `(86400 s)`.
pub(super) fn write_statistics(text: &mut String, random: &mut Random) {
    for name in [
        "write-history",
        "read-history",
        "ipv6-write-history",
        "ipv6-read-history",
        "dirreq-write-history",
        "dirreq-read-history",
    ] {
        let values: Vec<String> = (0..5).map(|_| random.below(1 << 40).to_string()).collect();
        writeln!(text, "{name} {END} {}", values.join(",")).unwrap();
    }
    let digest = "6770E3F7A6089BA0BD5991506263F894320FA9E8";
    writeln!(text, "geoip-db-digest {digest}\ngeoip6-db-digest {digest}").unwrap();
    writeln!(text, "dirreq-stats-end {END}").unwrap();
    for name in ["dirreq-v3-ips", "dirreq-v3-reqs"] {
        writeln!(text, "{name} {}", countries(random)).unwrap();
    }
    let times = "complete=64,timeout=0,running=0,min=2048,d1=4096,d2=8192,q1=9000,d3=9500,d4=9900,md=12000,\
                 d6=15000,d7=20000,q3=25000,d8=30000,d9=40000,max=99999";
    writeln!(
        text,
        "dirreq-v3-resp ok=1720,not-enough-sigs=0,unavailable=0,not-found=4,not-modified=272,busy=0\n\
         dirreq-v3-direct-dl complete=0,timeout=0,running=0\ndirreq-v3-tunneled-dl {times}"
    )
    .unwrap();
    writeln!(
        text,
        "hidserv-rend-relayed-cells {} delta_f=2048 epsilon=0.30 bin_size=1024\n\
         hidserv-dir-onions-seen {} delta_f=8 epsilon=0.30 bin_size=8",
        random.below(1 << 30),
        random.below(1 << 12)
    )
    .unwrap();
    writeln!(
        text,
        "padding-counts {END} bin-size=10000 write-drop=0 write-pad=10000 write-total={} read-drop=0 \
         read-pad=10000 read-total=950000 enabled-read-pad=10000 enabled-read-total=950000 \
         enabled-write-pad=10000 enabled-write-total=910000 max-chanpad-timers=0",
        random.below(1 << 20)
    )
    .unwrap();
    if random.percent(40) {
        writeln!(text, "entry-stats-end {END}\nentry-ips {}", countries(random)).unwrap();
        let deciles = "102.5,12.1,4.2,2.1,1.1,0.8,0.4,0.3,0.2,0.1";
        writeln!(
            text,
            "cell-stats-end {END}\ncell-processed-cells 9123,402,104,67,44,31,21,13,6,2\ncell-queued-cells {deciles}\n\
             cell-time-in-queue 322,81,77,64,58,55,49,44,38,23\ncell-circuits-per-decile 48231\n\
             conn-bi-direct {END} 12345,2345,3456,4567"
        )
        .unwrap();
    }
    if random.percent(28) {
        writeln!(text, "exit-stats-end {END}").unwrap();
        for name in ["exit-kibibytes-written", "exit-kibibytes-read", "exit-streams-opened"] {
            let ports = [80, 443, 993, 5222, 8080, 8333, 50_002];
            let counts: Vec<String> =
                ports.iter().map(|port| format!("{port}={}", random.below(1 << 24))).collect();
            writeln!(text, "{name} {},other={}", counts.join(","), random.below(1 << 24)).unwrap();
        }
    }
}

/// Returns counts for countries, from the highest count to the lowest.
fn countries(random: &mut Random) -> String {
    const CODES: &str =
        "us de fr ru ir gb nl br in ca se pl es it ua cn jp au ch cz at fi ro be tr mx id ar kr za";
    let mut count = 4096;
    let mut parts = Vec::new();
    for code in CODES.split(' ').take(5 + random.index(25)) {
        parts.push(format!("{code}={count}"));
        count -= 8 * random.below(30);
    }
    parts.join(",")
}
