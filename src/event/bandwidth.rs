//! BW, STREAM_BW, CIRC_BW, CONN_BW: bytes of the whole tor and of its parts.
//! TB_EMPTY: when there were none to have.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::extra::read_pairs;
use super::field;
use crate::event::{ConnType, TokenBucket};
use crate::protocol::{Value, Word, Words};
use crate::word::{CircuitId, OrConnId, StreamId};

/// What tor read and wrote in the last second. control-spec, event BW.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Bandwidth {
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
    /// Keywords that this version of the library does not know, in order.
    /// (Older tors may add bytes by kind: `OR=17`.)
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl Bandwidth {
    /// Reads what follows `BW`.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let (read, written) = (words.next_value().parse()?, words.next_value().parse()?);
        let (extra, extra_words) = read_pairs(words, |_, _| None);
        Some(Bandwidth { read, written, extra, extra_words })
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read {} B, written {} B", self.read, self.written)
    }
}

/// What an application sent and received over a stream, since the last event of
/// this stream. Comes every second, if there was anything. control-spec, event
/// STREAM_BW.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StreamBandwidth {
    /// The stream.
    pub id: StreamId,
    /// Bytes that the application wrote: what tor sends into the network.
    pub written: u64,
    /// Bytes that the application read.
    pub read: u64,
    /// When they were counted. Older tors do not tell.
    pub time: Option<SystemTime>,
    /// Keywords that this version of the library does not know, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl StreamBandwidth {
    /// Reads what follows `STREAM_BW`. `None` without an id and both numbers.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let id = words.next_value().parse()?;
        let (written, read) = (words.next_value().parse()?, words.next_value().parse()?);
        let time = field::time(words.peek());
        if time.is_some() {
            words.next_value();
        }
        let (extra, extra_words) = read_pairs(words, |_, _| None);
        Some(StreamBandwidth { id, written, read, time, extra, extra_words })
    }
}

impl fmt::Display for StreamBandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream {}: read {} B, written {} B", self.id, self.read, self.written)
    }
}

/// What went over one of tor's own circuits since its last event. Comes every
/// second, if there was anything. control-spec, event CIRC_BW.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CircuitBandwidth {
    /// The circuit (`ID`).
    pub id: CircuitId,
    /// Bytes read, whole cells (`READ`).
    pub read: u64,
    /// Bytes written, whole cells (`WRITTEN`).
    pub written: u64,
    /// When they were counted (`TIME`). Older tors do not tell this, nor what
    /// follows.
    pub time: Option<SystemTime>,
    /// Bytes in the cells read that were for a stream or a command
    /// (`DELIVERED_READ`).
    pub delivered_read: Option<u64>,
    /// Bytes in them that were none of that (`OVERHEAD_READ`).
    pub overhead_read: Option<u64>,
    /// Bytes in the cells written that were for a stream or a command
    /// (`DELIVERED_WRITTEN`).
    pub delivered_written: Option<u64>,
    /// Bytes in them that were none of that (`OVERHEAD_WRITTEN`).
    pub overhead_written: Option<u64>,
    /// What congestion control knows of the circuit, where that is in use.
    pub congestion: Option<CongestionControl>,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

/// What congestion control (proposal 324) knows of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CongestionControl {
    /// Whether it is in its first phase, slow start (`SS`).
    pub slow_start: bool,
    /// How many cells may be on the way (`CWND`).
    pub window: u64,
    /// The present round trip time, in milliseconds (`RTT`); 0 as long as it is
    /// not known.
    pub rtt: Duration,
    /// The least that it was (`MIN_RTT`).
    pub min_rtt: Duration,
}

impl CircuitBandwidth {
    /// Reads what follows `CIRC_BW`. `None` without an id and both numbers.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let words = Words::new(rest);
        let mut fields = CircuitFields::default();
        let (mut extra, mut extra_words) =
            read_pairs(words.clone(), |key, value| fields.take(key, value));
        let congestion = fields.congestion.complete();
        if congestion.is_none() && fields.congestion != CongestionFields::default() {
            // A part of them says nothing.
            let mut others = CircuitFields::default();
            (extra, extra_words) = read_pairs(words, |key, value| others.take_own(key, value));
        }
        Some(CircuitBandwidth {
            id: fields.id?,
            read: fields.read?,
            written: fields.written?,
            time: fields.time,
            delivered_read: fields.delivered_read,
            overhead_read: fields.overhead_read,
            delivered_written: fields.delivered_written,
            overhead_written: fields.overhead_written,
            congestion,
            extra,
            extra_words,
        })
    }
}

/// What was read so far of a CIRC_BW: the events that come most often are read
/// in one pass.
#[derive(Default)]
struct CircuitFields {
    id: Option<CircuitId>,
    read: Option<u64>,
    written: Option<u64>,
    time: Option<SystemTime>,
    delivered_read: Option<u64>,
    overhead_read: Option<u64>,
    delivered_written: Option<u64>,
    overhead_written: Option<u64>,
    congestion: CongestionFields,
}

impl CircuitFields {
    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "SS" | "CWND" | "RTT" | "MIN_RTT" => self.congestion.take(key, value),
            _ => self.take_own(key, value),
        }
    }

    /// As `take`, without those of congestion control.
    fn take_own(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "ID" => self.id = Some(value.parse()?),
            "READ" => self.read = Some(value.parse()?),
            "WRITTEN" => self.written = Some(value.parse()?),
            "TIME" => self.time = Some(field::time(value)?),
            "DELIVERED_READ" => self.delivered_read = Some(value.parse()?),
            "OVERHEAD_READ" => self.overhead_read = Some(value.parse()?),
            "DELIVERED_WRITTEN" => self.delivered_written = Some(value.parse()?),
            "OVERHEAD_WRITTEN" => self.overhead_written = Some(value.parse()?),
            _ => return None,
        }
        Some(())
    }
}

/// What was read so far of a [`CongestionControl`].
#[derive(Default, PartialEq)]
struct CongestionFields {
    slow_start: Option<bool>,
    window: Option<u64>,
    rtt: Option<Duration>,
    min_rtt: Option<Duration>,
}

impl CongestionFields {
    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "SS" => self.slow_start = Some(zero_or_one(value)?),
            "CWND" => self.window = Some(value.parse()?),
            "RTT" => self.rtt = Some(Duration::from_millis(value.parse()?)),
            "MIN_RTT" => self.min_rtt = Some(Duration::from_millis(value.parse()?)),
            _ => return None,
        }
        Some(())
    }

    /// All four, or nothing.
    fn complete(&self) -> Option<CongestionControl> {
        Some(CongestionControl {
            slow_start: self.slow_start?,
            window: self.window?,
            rtt: self.rtt?,
            min_rtt: self.min_rtt?,
        })
    }
}

fn zero_or_one(value: Value<'_>) -> Option<bool> {
    match value.raw() {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}

impl fmt::Display for CircuitBandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "circuit {}: read {} B, written {} B", self.id, self.read, self.written)
    }
}

/// What went over a connection in the last second. Only with
/// `TestingEnableConnBwEvent 1`. control-spec, event CONN_BW.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConnBandwidth {
    /// The connection (`ID`).
    pub id: OrConnId,
    /// What it is for (`TYPE`).
    pub conn_type: ConnType,
    /// Bytes read (`READ`).
    pub read: u64,
    /// Bytes written (`WRITTEN`).
    pub written: u64,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl ConnBandwidth {
    /// Reads what follows `CONN_BW`. `None` without any of its four fields.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let words = Words::new(rest);
        let mut event = ConnBandwidth {
            id: field_of(&words, "ID")?.parse()?,
            conn_type: field::keyword(field_of(&words, "TYPE")?),
            read: field_of(&words, "READ")?.parse()?,
            written: field_of(&words, "WRITTEN")?.parse()?,
            extra: Vec::new(),
            extra_words: Vec::new(),
        };
        let (extra, extra_words) = read_pairs(words, |key, value| event.take(key, value));
        Some(ConnBandwidth { extra, extra_words, ..event })
    }

    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "ID" => self.id = value.parse()?,
            "TYPE" => self.conn_type = field::keyword(value),
            "READ" => self.read = value.parse()?,
            "WRITTEN" => self.written = value.parse()?,
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for ConnBandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} connection {}: read {} B, written {} B",
            self.conn_type, self.id, self.read, self.written
        )
    }
}

/// A limit of bandwidth that was used up in the last second. Tors from 0.2.5 to
/// 0.3.3 have it, with `TestingEnableTbEmptyEvent 1`. control-spec, event
/// TB_EMPTY.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TokenBucketEmpty {
    /// Which limit.
    pub bucket: TokenBucket,
    /// The connection, where the limit is one connection's (`ID`).
    pub id: Option<OrConnId>,
    /// How long nothing could be read, in milliseconds (`READ`).
    pub read: Duration,
    /// How long nothing could be written, in milliseconds (`WRITTEN`).
    pub written: Duration,
    /// How long before the event the limit was set back, in milliseconds
    /// (`LAST`).
    pub last: Duration,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl TokenBucketEmpty {
    /// Reads what follows `TB_EMPTY`. `None` without a limit's name and the
    /// three times.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let bucket = Some(words.next_value()).filter(|word| !word.is_empty())?;
        let milliseconds = |key| Some(Duration::from_millis(field_of(&words, key)?.parse()?));
        let mut event = TokenBucketEmpty {
            bucket: field::keyword(bucket),
            id: None,
            read: milliseconds("READ")?,
            written: milliseconds("WRITTEN")?,
            last: milliseconds("LAST")?,
            extra: Vec::new(),
            extra_words: Vec::new(),
        };
        let (extra, extra_words) = read_pairs(words, |key, value| event.take(key, value));
        Some(TokenBucketEmpty { extra, extra_words, ..event })
    }

    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        let milliseconds = || value.parse().map(Duration::from_millis);
        match key {
            "ID" => self.id = Some(value.parse()?),
            "READ" => self.read = milliseconds()?,
            "WRITTEN" => self.written = milliseconds()?,
            "LAST" => self.last = milliseconds()?,
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for TokenBucketEmpty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bucket.fmt(f)?;
        if let Some(id) = self.id {
            write!(f, " {id}")?;
        }
        write!(f, ": no reading for {:?}, no writing for {:?}", self.read, self.written)
    }
}

/// The value of the first pair with this key.
fn field_of<'a>(words: &Words<'a>, key: &str) -> Option<Value<'a>> {
    words.clone().find_map(|word| match word {
        Word::Pair(name, value) if name == key => Some(value),
        _ => None,
    })
}
