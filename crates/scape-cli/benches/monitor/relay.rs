//! The scripted tor that plays a busy relay, and the measurement of a monitor
//! that shows it.

#[path = "../../tests/support/terminal.rs"]
#[allow(dead_code)]
mod terminal;

use std::fmt::Write as _;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use scape::testing::ScriptedTor;
use terminal::Monitor;

const RELAYS: usize = 9_000;
const CONNECTIONS: usize = 5_000;
const CIRCUITS: usize = 2_000;
/// The number of options that the scripted tor lists. A real tor has about as
/// many.
const OPTIONS: usize = 400;
/// The time for which each page of the monitor is shown and measured.
const SHOWN: Duration = Duration::from_secs(10);
/// The target for the processor time of the monitor, in percent of one core.
const CPU: f64 = 2.0;
/// The target for the monitor's memory, in bytes.
const MEMORY: u64 = 40_000_000;

const COLUMNS: u16 = 160;
const ROWS: u16 = 50;

/// A consensus of a private network. Only its header and its footer are used.
const CONSENSUS: &str =
    include_str!("../../../scape-proto/tests/data/documents/consensus-microdesc");

/// Measures all pages of the monitor, and prints the results.
pub(crate) fn measure() {
    let tor = relay();
    let address = tor.address().unwrap().to_string();
    let mut monitor = Monitor::open(&address, ROWS, COLUMNS, &[]);
    monitor.press("6");
    monitor.see(&format!("{RELAYS} of {RELAYS} relays"));
    monitor.press("2");
    monitor.see(&format!("{CONNECTIONS} OR connections"));
    println!("each page for {SHOWN:?}; targets: {CPU} % of a core, {} MB", MEMORY / 1_000_000);
    let pages = ["overview", "connections", "log", "configuration", "onions", "network", "prompt"];
    for (page, name) in pages.iter().enumerate() {
        monitor.press(&(page + 1).to_string());
        let before = ticks(&monitor.child);
        let begun = Instant::now();
        let mut second = 0;
        while begun.elapsed() < SHOWN {
            tor.send(events(second));
            second += 1;
            monitor.read_until(begun + Duration::from_secs(1) * second);
        }
        let used = ticks(&monitor.child) - before;
        let percent = f64::from(u32::try_from(used).unwrap()) / begun.elapsed().as_secs_f64();
        let verdict = if percent <= CPU { "met" } else { "missed" };
        println!("{name}: {percent:.1} % of a core ({verdict})");
    }
    // Check that the monitor has kept up with the events.
    monitor.press("\t");
    monitor.see("read 10.0 MB/s");
    monitor.press("3");
    monitor.see(&format!("in second {}", SHOWN.as_secs() - 1));
    let memory = status(&monitor.child, "VmRSS:");
    let highest = status(&monitor.child, "VmHWM:");
    let verdict = if highest <= MEMORY { "met" } else { "missed" };
    println!(
        "memory: {:.1} MB, at most {:.1} MB ({verdict})",
        megabytes(memory),
        megabytes(highest)
    );
    monitor.child.kill().unwrap();
    monitor.child.wait().unwrap();
}

fn megabytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1_000).unwrap()) / 1_000.0
}

/// Starts the scripted tor.
fn relay() -> ScriptedTor {
    let consensus = consensus();
    let connections: String =
        (0..CONNECTIONS).map(|n| format!("{} CONNECTED\r\n", long_name(n))).collect();
    let circuits: String = (0..CIRCUITS).map(|n| format!("{}\r\n", circuit(n))).collect();
    ScriptedTor::builder()
        .on_prefix("SETEVENTS", "250 OK\r\n")
        .on_any(move |command| {
            if let Some(keys) = command.strip_prefix("GETINFO ") {
                let mut reply = String::new();
                for key in keys.split(' ') {
                    match key {
                        "dir/status-vote/current/consensus-microdesc" => {
                            data(key, &consensus, &mut reply);
                        }
                        "orconn-status" => data(key, &connections, &mut reply),
                        "circuit-status" => data(key, &circuits, &mut reply),
                        "config/names" => data(key, &names(), &mut reply),
                        "fingerprint" => line(key, &fingerprint(0), &mut reply),
                        "version" => line(key, "0.4.9.8", &mut reply),
                        "uptime" => line(key, "100000", &mut reply),
                        "traffic/read" | "traffic/written" => line(key, "123456789", &mut reply),
                        _ if key.starts_with("ip-to-country/") => line(key, "de", &mut reply),
                        _ => line(key, "", &mut reply),
                    }
                }
                reply.push_str("250 OK\r\n");
                return Some(reply.into_bytes());
            }
            let names: Vec<&str> = command.strip_prefix("GETCONF ")?.split(' ').collect();
            let last = names.len() - 1;
            let lines = names.iter().enumerate().map(|(index, name)| match index == last {
                true => format!("250 {name}=0\r\n"),
                false => format!("250-{name}=0\r\n"),
            });
            Some(lines.collect::<String>().into_bytes())
        })
        .listen()
        .unwrap()
}

fn line(key: &str, value: &str, reply: &mut String) {
    write!(reply, "250-{key}={value}\r\n").unwrap();
}

fn data(key: &str, value: &str, reply: &mut String) {
    write!(reply, "250+{key}=\r\n{value}.\r\n").unwrap();
}

fn names() -> String {
    (0..OPTIONS).map(|n| format!("Option{n} Integer\r\n")).collect()
}

fn fingerprint(relay: usize) -> String {
    format!("{:040X}", relay + 1)
}

fn long_name(relay: usize) -> String {
    format!("${}~relay{relay}", fingerprint(relay))
}

fn circuit(id: usize) -> String {
    let path: Vec<String> = (0..3).map(|hop| long_name((id * 3 + hop) % RELAYS)).collect();
    format!("{id} BUILT {} BUILD_FLAGS=NEED_CAPACITY PURPOSE=GENERAL", path.join(","))
}

/// Returns a consensus with [`RELAYS`] relays and `\r\n` line ends.
fn consensus() -> String {
    let start = CONSENSUS.find("\nr ").unwrap() + 1;
    let end = CONSENSUS.find("directory-footer").unwrap();
    let mut text = CONSENSUS[..start].to_owned();
    for relay in 0..RELAYS {
        let digest = data_encoding::BASE64_NOPAD.encode(&hex(&fingerprint(relay)));
        let (high, low) = (relay / 250, relay % 250 + 1);
        write!(
            text,
            "r relay{relay} {digest} 2038-01-01 00:00:00 10.1.{high}.{low} 9001 0\n\
             m JGyNGDS0Hd89sFa0ZdSJs9WykJbT1fCrLiVVDCIp+0M\n\
             s Fast Guard HSDir Running Stable V2Dir Valid\n\
             v Tor 0.4.9.8\n\
             pr Conflux=1 Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=1-2\n\
             w Bandwidth={}\n",
            100 + relay * 7 % 50_000
        )
        .unwrap();
    }
    text.push_str(&CONSENSUS[end..]);
    text.replace('\n', "\r\n")
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXUPPER.decode(text.as_bytes()).unwrap()
}

/// Returns the events that tor sends in one second.
fn events(second: u32) -> String {
    let second = usize::try_from(second).unwrap();
    let mut text = format!("650 BW {} {}\r\n", 10_000_000 + second, 9_000_000 + second);
    for n in 0..20 {
        let peer = long_name((second * 20 + n) % CONNECTIONS);
        write!(text, "650 ORCONN {peer} CLOSED REASON=DONE ID={n}\r\n").unwrap();
        write!(text, "650 ORCONN {peer} CONNECTED ID={n}\r\n").unwrap();
        let id = (second * 20 + n) % CIRCUITS;
        write!(text, "650 CIRC {}\r\n", circuit(id)).unwrap();
        write!(text, "650 CIRC_BW ID={id} READ=509 WRITTEN=509\r\n").unwrap();
    }
    write!(text, "650 NOTICE Heartbeat: nothing has happened in second {second}\r\n").unwrap();
    text
}

/// Returns the processor time that a process has used, in hundredths of a
/// second.
fn ticks(child: &Child) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields = text.rsplit_once(')').unwrap().1.split_whitespace();
    fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}

/// Returns a size in bytes from the file `/proc/PID/status` of a process.
/// `name` is the start of the line with the size.
fn status(child: &Child, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1_024
}
