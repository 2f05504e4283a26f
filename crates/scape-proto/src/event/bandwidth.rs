//! The BW, STREAM_BW, CIRC_BW and CONN_BW events: bytes transferred by tor as a
//! whole, by streams, by circuits and by connections. Also the TB_EMPTY event:
//! bandwidth limits that were used up.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::extra::read_pairs;
use super::field;
use super::shown::InOneLine;
use crate::control::{Value, Word, Words};
use crate::event::{ConnType, TokenBucket};
use crate::word::{CircuitId, OrConnId, StreamId};

/// The bytes that tor read and wrote in the last second. See control-spec,
/// event BW.
#[doc(alias = "BandwidthEvent")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Bandwidth {
    /// The number of bytes that tor read.
    pub read: u64,
    /// The number of bytes that tor wrote.
    pub written: u64,
    /// Keyword arguments that this version of the library doesn't know, in
    /// order. Older tors can write the bytes for each type of connection here,
    /// such as `OR=17`.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl Bandwidth {
    /// Parses the text after `BW`. Returns `None` if one of the numbers is
    /// missing or malformed.
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

/// The bytes that an application sent and received over a stream since the
/// previous event of this stream. See control-spec, event STREAM_BW.
///
/// tor sends this event every second for each stream that transferred
/// something.
#[doc(alias = "StreamBwEvent")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StreamBandwidth {
    /// The stream's id.
    pub id: StreamId,
    /// The number of bytes that the application wrote, and that tor sends into
    /// the network.
    pub written: u64,
    /// The number of bytes that the application read.
    pub read: u64,
    /// The time when the bytes were counted. `None` with older tors.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub time: Option<SystemTime>,
    /// Keyword arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl StreamBandwidth {
    /// Parses the text after `STREAM_BW`. Returns `None` if the id or one of
    /// the numbers is missing or malformed.
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

/// The bytes that a circuit transferred since the previous event of this
/// circuit. tor reports only the circuits that it built itself, not those that
/// it relays for others. See control-spec, event CIRC_BW.
///
/// tor sends this event every second for each circuit that transferred
/// something.
#[doc(alias = "CircuitBandwidthEvent")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CircuitBandwidth {
    /// The circuit's id (`ID`).
    pub id: CircuitId,
    /// The number of bytes that tor read from the circuit (`READ`). Each cell
    /// counts with its whole payload of 509 bytes.
    pub read: u64,
    /// The number of bytes that tor wrote to the circuit (`WRITTEN`). Each cell
    /// counts with its whole payload of 509 bytes.
    pub written: u64,
    /// The time when the bytes were counted (`TIME`). `None` with older tors.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub time: Option<SystemTime>,
    /// The number of useful bytes in the cells that tor read: commands and the
    /// data of streams (`DELIVERED_READ`). `None` with older tors.
    pub delivered_read: Option<u64>,
    /// The number of unused bytes in the cells that tor read (`OVERHEAD_READ`).
    /// `None` with older tors.
    pub overhead_read: Option<u64>,
    /// The number of useful bytes in the cells that tor wrote: commands and the
    /// data of streams (`DELIVERED_WRITTEN`). `None` with older tors.
    pub delivered_written: Option<u64>,
    /// The number of unused bytes in the cells that tor wrote
    /// (`OVERHEAD_WRITTEN`). `None` with older tors.
    pub overhead_written: Option<u64>,
    /// The state of congestion control (`SS`, `CWND`, `RTT` and `MIN_RTT`).
    /// `None` if the circuit doesn't use congestion control, or if one of the
    /// four arguments is missing or malformed.
    pub congestion: Option<CongestionControl>,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

/// The state of congestion control (proposal 324) on a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CongestionControl {
    /// True if congestion control is in its first phase, slow start (`SS`).
    pub slow_start: bool,
    /// The congestion window: the number of cells that may be in flight
    /// (`CWND`).
    pub window: u64,
    /// The current round-trip time (`RTT`, milliseconds); 0 until it is known.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub rtt: Duration,
    /// The minimum round-trip time so far (`MIN_RTT`, milliseconds).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub min_rtt: Duration,
}

impl CircuitBandwidth {
    /// Parses the text after `CIRC_BW`. Returns `None` if the id or one of the
    /// numbers is missing or malformed.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let words = Words::new(rest);
        let mut fields = CircuitFields::default();
        let (mut extra, mut extra_words) =
            read_pairs(words.clone(), |key, value| fields.take(key, value));
        let congestion = fields.congestion.complete();
        if congestion.is_none() && fields.congestion != CongestionFields::default() {
            // Some of the four congestion control fields are useless without
            // the others, so they go to `extra`.
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

/// The fields of a CIRC_BW event that were parsed so far. CIRC_BW is the most
/// frequent event, so it is parsed in one pass.
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
    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown or the value can't be parsed.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "SS" | "CWND" | "RTT" | "MIN_RTT" => self.congestion.take(key, value),
            _ => self.take_own(key, value),
        }
    }

    /// Stores the value of a keyword argument like [`take`](Self::take), but
    /// returns `None` for the keywords of congestion control.
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

/// The fields of a [`CongestionControl`] that were parsed so far.
#[derive(Default, PartialEq)]
struct CongestionFields {
    slow_start: Option<bool>,
    window: Option<u64>,
    rtt: Option<Duration>,
    min_rtt: Option<Duration>,
}

impl CongestionFields {
    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown or the value can't be parsed.
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

    /// Returns the state of congestion control, or `None` if one of the four
    /// fields is missing.
    fn complete(&self) -> Option<CongestionControl> {
        Some(CongestionControl {
            slow_start: self.slow_start?,
            window: self.window?,
            rtt: self.rtt?,
            min_rtt: self.min_rtt?,
        })
    }
}

/// Parses a flag that is 0 or 1. Returns `None` for any other value.
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

/// The bytes that a connection transferred in the last second. See
/// control-spec, event CONN_BW.
///
/// tor sends this event only with the option `TestingEnableConnBwEvent 1`.
#[doc(alias = "ConnectionBandwidthEvent")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ConnBandwidth {
    /// The connection's id (`ID`).
    pub id: OrConnId,
    /// The type of the connection (`TYPE`).
    pub conn_type: ConnType,
    /// The number of bytes that tor read from the connection (`READ`).
    pub read: u64,
    /// The number of bytes that tor wrote to the connection (`WRITTEN`).
    pub written: u64,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl ConnBandwidth {
    /// Parses the text after `CONN_BW`. Returns `None` if one of the four
    /// fields is missing or malformed.
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

    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown or the value can't be parsed.
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
            InOneLine(f),
            "{} connection {}: read {} B, written {} B",
            self.conn_type,
            self.id,
            self.read,
            self.written
        )
    }
}

/// A bandwidth limit that was used up in the last second. See control-spec,
/// event TB_EMPTY.
///
/// Only tor 0.2.5 to 0.3.3 sends this event, and only with the option
/// `TestingEnableTbEmptyEvent 1`.
#[doc(alias = "TokenBucketEmptyEvent")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TokenBucketEmpty {
    /// The limit that was used up.
    pub bucket: TokenBucket,
    /// The connection's id (`ID`). `None` if the limit isn't that of a single
    /// connection.
    pub id: Option<OrConnId>,
    /// The time during which nothing could be read (`READ`, milliseconds).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub read: Duration,
    /// The time during which nothing could be written (`WRITTEN`,
    /// milliseconds).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub written: Duration,
    /// The time since the limit was last refilled (`LAST`, milliseconds).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub last: Duration,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl TokenBucketEmpty {
    /// Parses the text after `TB_EMPTY`. Returns `None` if the name of the
    /// limit is missing, or if one of the three times is missing or malformed.
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

    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown or the value can't be parsed.
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
        let f = &mut InOneLine(f);
        write!(f, "{}", self.bucket)?;
        if let Some(id) = self.id {
            write!(f, " {id}")?;
        }
        write!(f, ": no reading for {:?}, no writing for {:?}", self.read, self.written)
    }
}

/// Returns the value of the first keyword argument with this key, or `None` if
/// there is no such argument.
fn field_of<'a>(words: &Words<'a>, key: &str) -> Option<Value<'a>> {
    words.clone().find_map(|word| match word {
        Word::Pair(name, value) if name == key => Some(value),
        _ => None,
    })
}
