//! Watches the circuits of onion services for signs of attacks, like the add-on
//! vanguards, and closes suspicious circuits.
//!
//! `cargo run --example vanguards -- [OPTIONS]` runs until Ctrl-C. The defaults
//! are those of the add-on. For the first three limits, 0 means no limit:
//!
//! ```text
//!   --max-age HOURS        24: old circuits may be alone on an old connection
//!   --max-megabytes N      0: large transfers can be recognized
//!   --max-descriptor KB    30: circuits to directories, which need little
//!   --max-dropped CELLS    0: cells that tor drops may be a hidden signal
//!   --rend-total N         1000 rendezvous circuits before the next two limits
//!   --rend-relay N         100 rendezvous circuits to a relay before the ratio
//!   --rend-ratio RATIO     5: use of a relay, compared with its bandwidth
//!   --report-only          reports suspicious circuits, and closes nothing
//! ```
//!
//! The add-on has three parts. Two of them are here: *bandguards*, which looks
//! at the traffic and the age of each circuit, and *rendguard*, which counts
//! the rendezvous points. Clients choose these, so an attacker can choose the
//! same relay again and again. The check of the circuit build timeout
//! (*cbtverify*) is here, too.
//!
//! The third part chooses fixed relays for the second and third hops, so that
//! attackers can't find the entry guard quickly. tor 0.4.7 and later does that
//! itself for the second hop (vanguards-lite, the option
//! `VanguardsLiteEnabled`). A service that needs the third hop too can set
//! `HSLayer2Nodes` and `HSLayer3Nodes`.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use scape::connection::EventItem;
use scape::control::Reconnect;
use scape::event::{
    BuildTimeoutSet, CircuitBandwidth, CircuitInfo, CircuitMinor, CircuitPurpose, CircuitReason,
    CircuitStatus, EventBody, EventKind, HsState,
};
use scape::path::{PathBuilder, PathChooser};
use scape::word::{CircuitId, Fingerprint};
use scape::{Connect, Controller};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The number of payload bytes in a cell. The fields READ and WRITTEN of
/// CIRC_BW count such bytes.
const CELL: u64 = 509;
/// The number of data bytes in a relay cell. The fields DELIVERED_READ and
/// OVERHEAD_READ of CIRC_BW count such bytes.
const RELAY_CELL: u64 = 498;
/// The number of rendezvous circuits at which all counts of [`RendPoints`] are
/// halved, so that recent uses count more than old ones.
const HALVE_AT: f64 = 20_000.0;
/// The share of the whole bandwidth that all relays outside of the consensus
/// together are assumed to have. Clients may choose such relays, because they
/// may have another consensus.
const UNKNOWN_SHARE: f64 = 0.01;
/// The time between two checks of the circuits' ages.
const TICK: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    let limits = Limits::read(std::env::args().skip(1))?;
    let tor = Connect::from_env()?.reconnect(Reconnect::new()).connect_interactive()?;
    let kinds = [
        EventKind::Circ,
        EventKind::CircMinor,
        EventKind::CircBw,
        EventKind::BuildTimeoutSet,
        EventKind::NewConsensus,
    ];
    let events = tor.subscribe(kinds)?;
    let mut watch = Watch {
        rend: RendPoints::new(&tor)?,
        circuits: HashMap::new(),
        timeouts: Timeouts::default(),
        limits,
        tor,
    };
    watch.list()?;
    println!("watching {} circuits of onion services", watch.circuits.len());
    loop {
        match events.next_item(TICK) {
            Ok(EventItem::Event(event)) => watch.event(event.body())?,
            // Events were lost, so ask which circuits there are now.
            Ok(EventItem::Missed(_)) => watch.list()?,
            Ok(EventItem::Reconnected(_)) => {
                // Another tor uses the same ids for other circuits.
                watch.circuits.clear();
                watch.timeouts.building.clear();
                watch.list()?;
            }
            Ok(EventItem::Disconnected(closed)) => eprintln!("{closed}"),
            Ok(_) => {}
            Err(error) if error.is_timeout() => {}
            Err(error) => return Err(error.into()),
        }
        watch.check_ages();
    }
}

/// The limits that the command line has set.
struct Limits {
    age: Duration,
    bytes: u64,
    descriptor_bytes: u64,
    dropped_cells: u64,
    rend_total: f64,
    rend_relay: f64,
    rend_ratio: f64,
    report_only: bool,
}

/// A circuit of an onion service or of a client of one.
struct Watched {
    purpose: CircuitPurpose,
    created: SystemTime,
    /// The number of bytes read so far. This field, `written` and `delivered`
    /// are sums over the CIRC_BW events.
    read: u64,
    written: u64,
    delivered: u64,
    /// True if the circuit was already counted as a rendezvous circuit.
    is_counted: bool,
    /// True if the circuit was already reported as suspicious.
    is_reported: bool,
}

struct Watch {
    tor: Controller,
    limits: Limits,
    circuits: HashMap<CircuitId, Watched>,
    rend: RendPoints,
    timeouts: Timeouts,
}

impl Watch {
    /// Updates the watched circuits from tor's list. Forgets those that have
    /// ended.
    fn list(&mut self) -> Result<()> {
        let circuits = self.tor.circuits()?;
        let ids: HashSet<CircuitId> = circuits.iter().map(|circuit| circuit.id).collect();
        self.circuits.retain(|id, _| ids.contains(id));
        for circuit in &circuits {
            self.add(circuit.id, circuit.purpose.as_ref(), circuit.created);
        }
        Ok(())
    }

    fn event(&mut self, body: &EventBody) -> Result<()> {
        match body {
            EventBody::Circ(circuit) => self.circuit(circuit),
            EventBody::CircMinor(CircuitMinor { id, purpose, created, .. }) => {
                self.add(*id, purpose.as_ref(), *created);
            }
            EventBody::CircBw(traffic) => self.traffic(traffic),
            EventBody::BuildTimeoutSet(set) => println!("{}", self.timeouts.told(set)),
            EventBody::NewConsensus(_) => self.rend.update(&self.tor)?,
            _ => {}
        }
        Ok(())
    }

    /// Records an onion service circuit, or updates its recorded purpose. Other
    /// circuits are ignored. If `created` is `None`, the current time is
    /// recorded.
    fn add(
        &mut self,
        id: CircuitId,
        purpose: Option<&CircuitPurpose>,
        created: Option<SystemTime>,
    ) {
        let Some(purpose) = purpose.filter(|purpose| purpose.is_onion_service()) else { return };
        let circuit = self.circuits.entry(id).or_insert_with(|| Watched {
            purpose: purpose.clone(),
            created: created.unwrap_or_else(SystemTime::now),
            read: 0,
            written: 0,
            delivered: 0,
            is_counted: false,
            is_reported: false,
        });
        circuit.purpose = purpose.clone();
    }

    fn circuit(&mut self, info: &CircuitInfo) {
        self.timeouts.circuit(info);
        if info.status.is_end() {
            self.circuits.remove(&info.id);
            return;
        }
        self.add(info.id, info.purpose.as_ref(), info.created);
        // In this state, the service has a circuit to the rendezvous point of a
        // client.
        let is_rendezvous = info.status == CircuitStatus::Built
            && info.purpose == Some(CircuitPurpose::HsServiceRend)
            && info.hs_state == Some(HsState::ServiceRendConnecting);
        let circuit = self.circuits.get_mut(&info.id).filter(|circuit| !circuit.is_counted);
        let (true, Some(circuit), Some(relay)) = (is_rendezvous, circuit, info.path.last()) else {
            return;
        };
        circuit.is_counted = true;
        if let Some(problem) = self.rend.used(relay.fingerprint(), &self.limits) {
            self.suspect(info.id, &format!("{relay} is the rendezvous point of {problem}"));
        }
    }

    /// Adds the traffic in a CIRC_BW event to the sums of its circuit, and
    /// checks the limits on traffic.
    fn traffic(&mut self, traffic: &CircuitBandwidth) {
        let Some(circuit) = self.circuits.get_mut(&traffic.id) else { return };
        circuit.read += traffic.read;
        circuit.written += traffic.written;
        circuit.delivered +=
            traffic.delivered_read.unwrap_or(0) + traffic.overhead_read.unwrap_or(0);
        let bytes = circuit.read + circuit.written;
        let cells = circuit.read / CELL;
        let dropped = cells.saturating_sub(circuit.delivered / RELAY_CELL);
        let to_directory = matches!(
            circuit.purpose,
            CircuitPurpose::HsClientHsdir | CircuitPurpose::HsServiceHsdir
        );
        let limits = &self.limits;
        let problem = if traffic.delivered_read.is_some() && dropped > limits.dropped_cells {
            format!(
                "tor dropped {dropped} of {cells} cells, and {} are allowed",
                limits.dropped_cells
            )
        } else if limits.bytes > 0 && bytes > limits.bytes {
            format!("it transferred {bytes} bytes, and {} are allowed", limits.bytes)
        } else if to_directory && limits.descriptor_bytes > 0 && bytes > limits.descriptor_bytes {
            format!(
                "it transferred {bytes} bytes of a descriptor, and {} are allowed",
                limits.descriptor_bytes
            )
        } else {
            return;
        };
        self.suspect(traffic.id, &problem);
    }

    fn check_ages(&mut self) {
        let limit = self.limits.age;
        if limit.is_zero() {
            return;
        }
        let is_old = |circuit: &Watched| circuit.created.elapsed().is_ok_and(|age| age > limit);
        let old = self.circuits.iter().filter(|(_, circuit)| is_old(circuit));
        for id in old.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.suspect(id, &format!("it is older than {} hours", limit.as_secs() / 3600));
        }
    }

    /// Reports a suspicious circuit, unless it was already reported, and closes
    /// it.
    fn suspect(&mut self, id: CircuitId, problem: &str) {
        let Some(circuit) = self.circuits.get_mut(&id).filter(|circuit| !circuit.is_reported)
        else {
            return;
        };
        circuit.is_reported = true;
        let purpose = &circuit.purpose;
        if self.limits.report_only {
            println!("circuit {id} ({purpose}) is suspicious: {problem}");
            return;
        }
        match self.tor.close_circuit(id) {
            Ok(()) => println!("circuit {id} ({purpose}) is closed: {problem}"),
            // The circuit may have ended meanwhile.
            Err(error) => eprintln!("circuit {id} ({purpose}): {problem}; {error}"),
        }
    }
}

/// Counts of the uses of each relay as rendezvous point.
struct RendPoints {
    chooser: PathChooser,
    /// The uses of each relay. `None` stands for all relays that aren't in the
    /// consensus.
    uses: HashMap<Option<Fingerprint>, f64>,
    total: f64,
}

impl RendPoints {
    fn new(tor: &Controller) -> Result<Self> {
        Ok(RendPoints { chooser: chooser(tor)?, uses: HashMap::new(), total: 0.0 })
    }

    /// Replaces the relays' bandwidths by those of a new consensus. Halves all
    /// counts if their sum is greater than [`HALVE_AT`].
    fn update(&mut self, tor: &Controller) -> Result<()> {
        self.chooser = chooser(tor)?;
        if self.total > HALVE_AT {
            self.uses.values_mut().for_each(|uses| *uses /= 2.0);
            self.total = self.uses.values().sum();
        }
        Ok(())
    }

    /// Counts a use of a relay as rendezvous point. Returns a text that
    /// describes the problem if the relay is used too often, otherwise `None`.
    fn used(&mut self, relay: Option<Fingerprint>, limits: &Limits) -> Option<String> {
        let share = relay.map_or(0.0, |relay| self.chooser.probability(2, relay));
        let (relay, share) = if share > 0.0 { (relay, share) } else { (None, UNKNOWN_SHARE) };
        let uses = self.uses.entry(relay).or_default();
        *uses += 1.0;
        self.total += 1.0;
        let used = *uses / self.total;
        let is_overused = self.total >= limits.rend_total
            && *uses >= limits.rend_relay
            && used > share * limits.rend_ratio;
        is_overused.then(|| {
            format!(
                "{uses} of {} circuits ({:.1} %), and has {:.1} % of the bandwidth",
                self.total,
                100.0 * used,
                100.0 * share
            )
        })
    }
}

/// Returns a chooser that knows the probability of each relay as a middle hop.
/// tor chooses rendezvous points with the same probabilities.
fn chooser(tor: &Controller) -> Result<PathChooser> {
    let path = PathBuilder::new().random_guard().internal().fast(false);
    Ok(path.prepare(tor.info().directory()?.into(), &[])?)
}

/// Counts the circuits that took longer than the build timeout.
#[derive(Default)]
struct Timeouts {
    /// The circuits that are being built now.
    building: HashSet<CircuitId>,
    built: u64,
    timed_out: u64,
}

impl Timeouts {
    fn circuit(&mut self, info: &CircuitInfo) {
        match info.status {
            CircuitStatus::Launched => {
                self.building.insert(info.id);
            }
            // A circuit that is extended later is built again. Count it once.
            CircuitStatus::Built if self.building.remove(&info.id) => self.built += 1,
            // Other failures say nothing about the timeout.
            CircuitStatus::Failed | CircuitStatus::Closed => {
                let is_counted = self.building.remove(&info.id);
                let is_timeout = info.reason == Some(CircuitReason::Timeout);
                self.timed_out += u64::from(is_counted && is_timeout);
            }
            _ => {}
        }
    }

    /// Returns a text that describes a change of the circuit build timeout.
    fn told(&self, set: &BuildTimeoutSet) -> String {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let timeout = set.timeout.map_or("unknown".to_owned(), |time| format!("{time:?}"));
        let expected = set.timeout_rate.map_or("an unknown part".to_owned(), percent);
        format!(
            "circuit build timeout ({}): {timeout}; by tor, {expected} of the circuits take \
             longer; since the start, {} of {} did",
            set.change,
            self.timed_out,
            self.timed_out + self.built
        )
    }
}

impl Limits {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        const USAGE: &str = "usage: vanguards [--max-age HOURS] [--max-megabytes N] \
                             [--max-descriptor KB] [--max-dropped CELLS] [--rend-total N] \
                             [--rend-relay N] [--rend-ratio RATIO] [--report-only]";
        let mut limits = Limits {
            age: Duration::from_secs(24 * 3600),
            bytes: 0,
            descriptor_bytes: 30 << 10,
            dropped_cells: 0,
            rend_total: 1000.0,
            rend_relay: 100.0,
            rend_ratio: 5.0,
            report_only: false,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--max-age" => {
                    limits.age = Duration::from_secs(value()?.parse::<u64>()?.saturating_mul(3600));
                }
                "--max-megabytes" => {
                    limits.bytes = value()?.parse::<u64>()?.saturating_mul(1 << 20);
                }
                "--max-descriptor" => {
                    limits.descriptor_bytes = value()?.parse::<u64>()?.saturating_mul(1 << 10);
                }
                "--max-dropped" => limits.dropped_cells = value()?.parse()?,
                "--rend-total" => limits.rend_total = value()?.parse()?,
                "--rend-relay" => limits.rend_relay = value()?.parse()?,
                "--rend-ratio" => limits.rend_ratio = value()?.parse()?,
                "--report-only" => limits.report_only = true,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(limits)
    }
}
