//! Very many events as tor writes them, with the same bytes in each run.
//!
//! Of 100 events 40 are CIRC_BW, 20 STREAM, 15 CIRC, 10 STREAM_BW, 5 ORCONN, 5
//! ADDRMAP and 5 INFO. The events are made in blocks. Each circuit and stream
//! goes through all its statuses in a legal order, and ends before the end of
//! the block.

use std::time::{Duration, SystemTime};

use super::random::Random;

/// The number of events in a block. Longer floods repeat the block. The block
/// has 10 MB, so that it doesn't fit into a processor's cache.
const BLOCK: usize = 50_000;

/// The kinds of events, and the number of each among 100 events.
const MIX: [(&str, usize); 7] = [
    ("CIRC_BW", 40),
    ("STREAM", 20),
    ("CIRC", 15),
    ("STREAM_BW", 10),
    ("ORCONN", 5),
    ("ADDRMAP", 5),
    ("INFO", 5),
];

/// The statuses of a circuit's events, in order.
const CIRCUIT_LIFE: [&str; 5] = ["LAUNCHED", "EXTENDED", "EXTENDED", "BUILT", "CLOSED"];
/// The statuses of a stream's events, in order.
const STREAM_LIFE: [&str; 5] = ["NEW", "SENTCONNECT", "REMAP", "SUCCEEDED", "CLOSED"];

/// The time of the first event, in July 2026, in seconds since 1970.
const BEGINS: u64 = 1_785_146_400;

/// A block of events. Each event has one line.
pub(crate) struct Flood {
    bytes: Vec<u8>,
}

impl Flood {
    /// Creates the block. This takes a fraction of a second.
    pub(crate) fn new() -> Flood {
        Flood { bytes: Generator::new().block() }
    }

    /// Returns only the events of circuits and streams, without `650` and line
    /// ends.
    pub(crate) fn lives(&self) -> impl Iterator<Item = &[u8]> {
        let lines = memchr::memchr_iter(b'\n', &self.bytes).scan(0, |start, end| {
            let line = self.bytes[*start..end].trim_ascii_end();
            *start = end + 1;
            Some(line)
        });
        let lines = lines.filter_map(|line| line.strip_prefix(b"650 "));
        lines.filter(|line| line.starts_with(b"CIRC ") || line.starts_with(b"STREAM "))
    }

    /// Returns `count` events as parts of a text. Writing the parts one after
    /// the other gives the text.
    pub(crate) fn events(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        let mut ends = memchr::memchr_iter(b'\n', &self.bytes);
        let rest = (count % BLOCK).checked_sub(1).map_or(0, |last| ends.nth(last).unwrap() + 1);
        let whole = std::iter::repeat_n(&*self.bytes, count / BLOCK);
        whole.chain(std::iter::once(&self.bytes[..rest]))
    }
}

struct Circuit {
    id: u64,
    /// The number of events that this circuit has had so far. It is the index
    /// of the next status in [`CIRCUIT_LIFE`].
    step: usize,
    path: Vec<String>,
    created: String,
    has_socks: bool,
    flags: &'static str,
    purpose: &'static str,
}

struct Stream {
    id: u64,
    step: usize,
    host: String,
    circuit: u64,
    source_port: u64,
}

struct Generator {
    random: Random,
    relays: Vec<String>,
    hosts: Vec<String>,
    now: SystemTime,
    circuits: Vec<Circuit>,
    streams: Vec<Stream>,
    circuits_made: u64,
    streams_made: u64,
    connections_made: u64,
    /// The number of CIRC events that still have to be created.
    circuit_events: usize,
    stream_events: usize,
}

impl Generator {
    fn new() -> Generator {
        let mut random = Random(650);
        let nicknames =
            ["quokka", "ForPrivacyNET", "nifty", "NTH28R3", "Unnamed", "hydra", "DFRI", "moonlab"];
        let relays = (0..2000)
            .map(|number| {
                let fingerprint: [u8; 20] = std::array::from_fn(|_| random.next() as u8);
                format!("${}~{}{number}", hex::encode_upper(fingerprint), random.one(&nicknames))
            })
            .collect();
        Generator {
            random,
            relays,
            hosts: (0..400).map(|i| format!("www{i}.example{}.com", i % 37)).collect(),
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(BEGINS),
            circuits: Vec::new(),
            streams: Vec::new(),
            circuits_made: 0,
            streams_made: 0,
            connections_made: 0,
            circuit_events: BLOCK / 100 * 15,
            stream_events: BLOCK / 100 * 20,
        }
    }

    fn block(mut self) -> Vec<u8> {
        let mut kinds: Vec<&str> =
            MIX.iter().flat_map(|(kind, share)| vec![*kind; BLOCK / 100 * share]).collect();
        for last in (1..kinds.len()).rev() {
            kinds.swap(last, self.random.index(last + 1));
        }
        let mut block = Vec::new();
        for kind in kinds {
            let event = match kind {
                "CIRC" => self.circuit(),
                "STREAM" => self.stream(),
                "CIRC_BW" => self.circuit_bandwidth(),
                "STREAM_BW" => self.stream_bandwidth(),
                "ORCONN" => self.connection(),
                "ADDRMAP" => self.mapping(),
                _ => self.log(),
            };
            block.extend_from_slice(format!("650 {kind} {event}\r\n").as_bytes());
        }
        assert!(self.circuits.is_empty() && self.streams.is_empty());
        block
    }

    /// Returns a time in tor's format, up to 3 ms after the previous one.
    fn time(&mut self) -> String {
        self.now += Duration::from_micros(50 + self.random.below(3000));
        humantime::format_rfc3339_micros(self.now).to_string().trim_end_matches('Z').to_owned()
    }

    fn circuit(&mut self) -> String {
        let to_end: usize =
            self.circuits.iter().map(|circuit| CIRCUIT_LIFE.len() - circuit.step).sum();
        let to_spare = self.circuit_events - to_end;
        let index = if self.circuits.is_empty()
            || self.circuits.len() < 60 && to_spare >= CIRCUIT_LIFE.len() && self.random.percent(30)
        {
            self.new_circuit();
            self.circuits.len() - 1
        } else {
            self.some_circuit(to_spare > 0)
        };
        self.circuit_events -= 1;
        let circuit = &mut self.circuits[index];
        let status = CIRCUIT_LIFE[circuit.step];
        let mut event = format!("{} {status}", circuit.id);
        if circuit.step > 0 {
            event += &format!(" {}", circuit.path[..circuit.step.min(3)].join(","));
        }
        event += &format!(" BUILD_FLAGS={} PURPOSE={}", circuit.flags, circuit.purpose);
        if circuit.purpose.starts_with("HS_") {
            event += " HS_STATE=HSCR_JOINED";
        }
        event += &format!(" TIME_CREATED={}", circuit.created);
        if circuit.has_socks {
            event += &format!(
                " SOCKS_USERNAME=\"user{}\" SOCKS_PASSWORD=\"{}\"",
                circuit.id,
                circuit.id * 7919
            );
        }
        circuit.step += 1;
        if circuit.step == CIRCUIT_LIFE.len() {
            event +=
                self.random.one(&[" REASON=FINISHED", " REASON=DESTROYED REMOTE_REASON=FINISHED"]);
            self.circuits.remove(index);
        }
        event
    }

    fn new_circuit(&mut self) {
        self.circuits_made += 1;
        let circuit = Circuit {
            id: self.circuits_made,
            step: 0,
            path: (0..3).map(|_| self.random.one(&self.relays)).collect(),
            created: self.time(),
            has_socks: self.random.percent(30),
            flags: self.random.one(&["NEED_CAPACITY", "IS_INTERNAL,NEED_CAPACITY,NEED_UPTIME"]),
            purpose: self.random.one(&["GENERAL", "GENERAL", "CONFLUX_LINKED", "HS_CLIENT_REND"]),
        };
        self.circuits.push(circuit);
    }

    /// Returns the index of the circuit that gets the next event. If
    /// `may_choose` is true, avoids circuits that the event would close while
    /// they have streams, unless there are no others.
    fn some_circuit(&mut self, may_choose: bool) -> usize {
        let ends_busy = |circuit: &Circuit| {
            circuit.step + 1 == CIRCUIT_LIFE.len()
                && self.streams.iter().any(|stream| stream.circuit == circuit.id)
        };
        let mut candidates: Vec<usize> = (0..self.circuits.len()).collect();
        if may_choose && !self.circuits.iter().all(ends_busy) {
            candidates.retain(|index| !ends_busy(&self.circuits[*index]));
        }
        self.random.one(&candidates)
    }

    fn stream(&mut self) -> String {
        let to_end: usize = self.streams.iter().map(|stream| STREAM_LIFE.len() - stream.step).sum();
        let to_spare = self.stream_events - to_end;
        let built: Vec<u64> = self
            .circuits
            .iter()
            .filter(|circuit| circuit.step == 4)
            .map(|circuit| circuit.id)
            .collect();
        let may_begin =
            !built.is_empty() && self.streams.len() < 200 && to_spare >= STREAM_LIFE.len();
        let index = if self.streams.is_empty() || may_begin && self.random.percent(30) {
            self.new_stream();
            self.streams.len() - 1
        } else {
            self.random.index(self.streams.len())
        };
        self.stream_events -= 1;
        let stream = &mut self.streams[index];
        let status = STREAM_LIFE[stream.step];
        if stream.step == 1 && !built.is_empty() {
            stream.circuit = self.random.one(&built);
        }
        if self.circuits.iter().all(|circuit| circuit.id != stream.circuit) {
            stream.circuit = 0;
        }
        let target = match stream.step {
            0 | 1 => stream.host.clone(),
            _ => format!("93.184.{}.{}", stream.id % 256, stream.id / 256 % 256),
        };
        let more = match status {
            "NEW" => format!(" SOURCE_ADDR=127.0.0.1:{} PURPOSE=USER", stream.source_port),
            "REMAP" => " SOURCE=EXIT".to_owned(),
            "CLOSED" => " REASON=DONE".to_owned(),
            _ => String::new(),
        };
        let (id, circuit, user) = (stream.id, stream.circuit, stream.id % 50);
        stream.step += 1;
        if stream.step == STREAM_LIFE.len() {
            self.streams.remove(index);
        }
        format!(
            "{id} {status} {circuit} {target}:443{more} SOCKS_USERNAME=\"user{user}\" SOCKS_PASSWORD=\"{user}\" \
             CLIENT_PROTOCOL=SOCKS5 NYM_EPOCH=0 SESSION_GROUP=-4 \
             ISO_FIELDS=SOCKS_USERNAME,SOCKS_PASSWORD,CLIENTADDR,SESSION_GROUP,NYM_EPOCH"
        )
    }

    fn new_stream(&mut self) {
        self.streams_made += 1;
        let stream = Stream {
            id: self.streams_made,
            step: 0,
            host: self.random.one(&self.hosts),
            circuit: 0,
            source_port: 32768 + self.random.below(28000),
        };
        self.streams.push(stream);
    }

    fn circuit_bandwidth(&mut self) -> String {
        let index = self.random.index(self.circuits.len().max(1));
        let id = self.circuits.get(index).map_or(1, |circuit| circuit.id);
        let (read, written) = (1 + self.random.below(400), self.random.below(60));
        let mut event = format!(
            "ID={id} READ={} WRITTEN={} TIME={} DELIVERED_READ={} OVERHEAD_READ={} DELIVERED_WRITTEN={} \
             OVERHEAD_WRITTEN={}",
            read * 509,
            written * 509,
            self.time(),
            read * 490,
            read * 8,
            written * 480,
            written * 18,
        );
        if self.random.percent(70) {
            event += &format!(
                " SS={} CWND={} RTT={} MIN_RTT={}",
                self.random.below(2),
                124 + self.random.below(776),
                200 + self.random.below(700),
                100 + self.random.below(100),
            );
        }
        event
    }

    fn stream_bandwidth(&mut self) -> String {
        let index = self.random.index(self.streams.len().max(1));
        let id = self.streams.get(index).map_or(1, |stream| stream.id);
        format!("{id} {} {} {}", self.random.below(100_000), self.random.below(3000), self.time())
    }

    fn connection(&mut self) -> String {
        self.connections_made += 1;
        let (id, relay) = (self.connections_made, self.random.one(&self.relays));
        match id % 3 {
            0 => format!("198.51.100.{}:9001 LAUNCHED ID={id}", id % 250 + 1),
            1 => format!("{relay} CONNECTED ID={id}"),
            _ => {
                format!("{relay} CLOSED REASON=IOERROR NCIRCS={} ID={id}", 1 + self.random.below(8))
            }
        }
    }

    fn mapping(&mut self) -> String {
        let number = self.random.index(self.hosts.len());
        format!(
            "{} 93.184.{}.{} \"2038-01-01 00:00:00\" EXPIRES=\"2038-01-01 00:00:00\" CACHED=\"{}\" STREAMID={}",
            self.hosts[number],
            number % 256,
            number / 256,
            self.random.one(&["YES", "NO"]),
            self.streams_made + 1,
        )
    }

    fn log(&mut self) -> String {
        let (small, large) = (10 + self.random.below(80), (1 << 31) + self.random.below(1 << 31));
        match self.random.below(4) {
            0 => "circuit_finish_handshake(): Finished building circuit hop:".to_owned(),
            1 => format!(
                "connection_ap_handshake_send_begin(): Address/port sent, ap socket {small}, n_circ_id {large}"
            ),
            2 => {
                let hops: [String; 4] = std::array::from_fn(|_| self.random.one(&self.relays));
                let [exit, first, second, third] = hops;
                format!(
                    "exit circ (length 3, last hop {exit}): {first}(open) {second}(open) {third}(open)"
                )
            }
            _ => format!(
                "connection_edge_process_relay_cell(): {small}: end cell (closed normally) for stream {}. \
                 Removing stream.",
                large % 65536,
            ),
        }
    }
}
