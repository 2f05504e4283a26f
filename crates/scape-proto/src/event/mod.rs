//! Asynchronous events: the messages that tor sends without being asked, parsed
//! into Rust types.
//!
//! [`Event::parse`] makes an event from any reply with code 650, and never
//! fails. An event that this version of the library doesn't know or can't parse
//! gets the body [`EventBody::Unknown`]. The kind and the text of such an event
//! are still available. Later versions of tor can add arguments to known
//! events. The field `extra` keeps unknown keyword arguments (`KEY=value`), and
//! the field `extra_words` keeps unknown positional arguments.
//!
//! The lines of `GETINFO circuit-status`, `stream-status`, `orconn-status`,
//! `status/bootstrap-phase` and `status/clients-seen` have the same format as
//! events and the same parsers: [`CircuitInfo::parse`], [`StreamInfo::parse`],
//! [`OrConnInfo::parse`], [`Bootstrap::parse`] and [`ClientsSeen::parse`].
//!
//! ```
//! use std::time::SystemTime;
//! use scape_proto::event::{Event, EventBody};
//! use scape_proto::control::Decoder;
//! use scape_proto::event::{CircuitReason, EventKind};
//!
//! let mut decoder = Decoder::default();
//! decoder.feed(
//!     b"650 CIRC 1 FAILED PURPOSE=CONTROLLER TIME_CREATED=2026-11-21T02:22:17.597394 REASON=CONNECTFAILED\r\n",
//! );
//! let reply = decoder.next_reply()?.expect("one line is one event");
//!
//! let event = Event::parse(reply, SystemTime::now());
//! assert_eq!(event.kind(), &EventKind::Circ);
//! let EventBody::Circ(circuit) = event.body() else { panic!("{event}") };
//! assert_eq!(circuit.id.get(), 1);
//! assert_eq!(circuit.reason, Some(CircuitReason::ConnectFailed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Kinds and types
//!
//! | event | variant of [`EventBody`] | type |
//! |---|---|---|
//! | `CIRC` | `Circ` | [`CircuitInfo`] |
//! | `CIRC_MINOR` | `CircMinor` | [`CircuitMinor`] |
//! | `STREAM` | `Stream` | [`StreamInfo`] |
//! | `ORCONN` | `OrConn` | [`OrConnInfo`] |
//! | `BW` | `Bw` | [`Bandwidth`] |
//! | `STREAM_BW` | `StreamBw` | [`StreamBandwidth`] |
//! | `CIRC_BW` | `CircBw` | [`CircuitBandwidth`] |
//! | `CONN_BW` | `ConnBw` | [`ConnBandwidth`] |
//! | `CELL_STATS` | `CellStats` | [`CellStats`] |
//! | `STATUS_GENERAL` | `StatusGeneral` | [`StatusEvent`] |
//! | `STATUS_CLIENT` | `StatusClient` | [`StatusEvent`] |
//! | `STATUS_SERVER` | `StatusServer` | [`StatusEvent`] |
//! | `HS_DESC` | `HsDesc` | [`HsDescEvent`] |
//! | `HS_DESC_CONTENT` | `HsDescContent` | [`HsDescContent`] |
//! | `ADDRMAP` | `AddrMap` | [`AddrMapEvent`] |
//! | `CONF_CHANGED` | `ConfChanged` | [`ConfChanged`] |
//! | `GUARD` | `Guard` | [`GuardEvent`] |
//! | `NEWDESC` | `NewDesc` | [`NewDesc`] |
//! | `DESCCHANGED` | `DescChanged` | [`DescChanged`] |
//! | `NS` | `Ns` | [`RouterStatusEvent`] |
//! | `NEWCONSENSUS` | `NewConsensus` | [`RouterStatusEvent`] |
//! | `NETWORK_LIVENESS` | `NetworkLiveness` | [`NetworkLiveness`] |
//! | `BUILDTIMEOUT_SET` | `BuildTimeoutSet` | [`BuildTimeoutSet`] |
//! | `CLIENTS_SEEN` | `ClientsSeen` | [`ClientsSeen`] |
//! | `TRANSPORT_LAUNCHED` | `TransportLaunched` | [`TransportLaunched`] |
//! | `PT_LOG` | `PtLog` | [`PtLog`] |
//! | `PT_STATUS` | `PtStatus` | [`PtStatus`] |
//! | `TB_EMPTY` | `TbEmpty` | [`TokenBucketEmpty`] |
//! | `AUTHDIR_NEWDESCS` | `AuthDirNewDescs` | [`AuthDirNewDesc`] |
//! | `DEBUG`, `INFO`, `NOTICE`, `WARN`, `ERR` | `Log` | [`LogEvent`] |
//! | `SIGNAL` | `Signal` | [`Signal`] |

mod addr_map;
mod auth_dir_action;
mod bandwidth;
mod bootstrap;
mod build_timeout;
mod build_timeout_change;
mod cell_command;
mod cell_stats;
mod circuit;
mod circuit_status;
mod clients_seen;
mod clock_skew;
mod conf_changed;
mod conn_type;
mod descriptors;
mod display;
mod end_reason;
mod event_kind;
mod extra;
mod field;
mod guard;
mod guard_status;
mod hibernation;
mod hs_desc;
mod hs_desc_action;
mod log;
mod merge;
mod network;
mod network_status;
mod or_conn;
mod or_conn_status;
mod pluggable_transport;
mod router_status;
#[cfg(feature = "serde")]
mod serial;
mod severity;
mod shown;
mod socks_username;
mod status;
mod status_action;
mod status_argument;
mod stream;
mod stream_status;
mod transport;
pub use auth_dir_action::AuthDirAction;
pub use build_timeout_change::BuildTimeoutChange;
pub use cell_command::CellCommand;
pub use circuit_status::{
    BuildFlag, CircuitMinorChange, CircuitPurpose, CircuitReason, CircuitStatus, ConfluxId,
    HsState, ParseConfluxIdError,
};
pub use clock_skew::ClockSkewSource;
pub use conn_type::{ConnType, TokenBucket};
pub use end_reason::EndReason;
pub use event_kind::EventKind;
pub use guard_status::{GuardStatus, GuardType};
pub use hibernation::Hibernation;
pub use hs_desc_action::{HsDescAction, HsDescReason};
pub use network_status::NetworkStatus;
pub use or_conn_status::{OrConnReason, OrConnStatus, OrConnTarget};
pub use pluggable_transport::{PtSeverity, TransportRole};
pub use severity::Severity;
pub use socks_username::SocksUsername;
pub use status_action::{BootstrapRecommendation, BootstrapTag, StatusAction};
pub use status_argument::{
    AddressMethod, DangerousPortResult, LibeventBadness, NameserverStatus, NoCircuitReason,
    ServerDescriptorStatus,
};
pub use stream_status::{
    ClientProtocol, IsolationField, StreamPurpose, StreamReason, StreamSource, StreamStatus,
    StreamTarget,
};

use std::fmt;
use std::sync::OnceLock;
use std::time::SystemTime;

pub use addr_map::AddrMapEvent;
pub use bandwidth::{
    Bandwidth, CircuitBandwidth, CongestionControl, ConnBandwidth, StreamBandwidth,
    TokenBucketEmpty,
};
pub use bootstrap::{Bootstrap, BootstrapProblem};
pub use build_timeout::BuildTimeoutSet;
pub use cell_stats::{CellQueue, CellStats};
pub use circuit::{CircuitInfo, CircuitMinor, HsPow};
pub use clients_seen::ClientsSeen;
pub use conf_changed::ConfChanged;
pub use descriptors::{AuthDirNewDesc, DescChanged, NewDesc};
pub use guard::GuardEvent;
pub use hs_desc::{HsDescContent, HsDescEvent};
pub use log::LogEvent;
pub use network::NetworkLiveness;
pub use or_conn::OrConnInfo;
pub use router_status::RouterStatusEvent;
pub use status::{ReachabilityTarget, StatusDetail, StatusEvent};
pub use stream::StreamInfo;
pub use transport::{PtLog, PtStatus, TransportLaunched};

use crate::control::{Reply, Signal, Words};

/// Returns the name of an event that hasn't been parsed yet, such as `CIRC`.
///
/// The name is the first word of the reply's first line, even if the reply
/// isn't an event. The function is cheap and doesn't allocate, so it can be
/// used to skip events that nobody subscribed to.
///
/// ```
/// use scape_proto::control::Decoder;
/// use scape_proto::event::kind_name;
///
/// let mut decoder = Decoder::default();
/// decoder.feed(b"650 BW 1024 2048\r\n");
/// let reply = decoder.next_reply()?.expect("one line is one event");
/// assert_eq!(kind_name(&reply), b"BW");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(hidden)] // for `scape` only
pub fn kind_name(reply: &Reply) -> &[u8] {
    field::split_kind(reply.first().text).0
}

/// An asynchronous event. See control-spec, section "Asynchronous events".
///
/// The event keeps the reply that it was made from. The first call of
/// [`body`](Self::body) parses the event's content.
///
/// `Debug` and `Display` show the lines that tor sent, with secrets replaced by
/// `[redacted]` and without the content of data blocks.
///
/// ```
/// use scape_proto::control::Decoder;
/// use scape_proto::event::Event;
/// use std::time::SystemTime;
///
/// let mut decoder = Decoder::default();
/// decoder.feed(b"650 BW 1024 512\r\n");
/// let reply = decoder.next_reply()?.expect("one line is one event");
/// let event = Event::parse(reply, SystemTime::now());
/// assert_eq!(event.kind().as_str(), "BW");
/// assert_eq!(event.to_string(), "650 BW 1024 512");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "ControlMessage")]
#[derive(Clone)]
pub struct Event {
    kind: EventKind,
    arrived: SystemTime,
    reply: Reply,
    /// The parsed body, filled in by the first call of `body`.
    body: OnceLock<EventBody>,
}

/// The typed content of an event.
///
/// An event whose body is `Unknown` in this version of the library may get a
/// variant of its own in a later version.
///
/// ```
/// use scape_proto::control::Decoder;
/// use scape_proto::event::{Event, EventBody};
/// use std::time::SystemTime;
///
/// let mut decoder = Decoder::default();
/// decoder.feed(b"650 BW 1024 512\r\n");
/// let reply = decoder.next_reply()?.expect("one line is one event");
/// let event = Event::parse(reply, SystemTime::now());
/// match event.body() {
///     EventBody::Bw(bandwidth) => assert_eq!((bandwidth.read, bandwidth.written), (1024, 512)),
///     EventBody::Unknown => println!("{}", event.text()),
///     other => println!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum EventBody {
    /// A circuit's status changed.
    Circ(CircuitInfo),
    /// A circuit's purpose or onion service state changed. The circuit's status
    /// stays the same.
    CircMinor(CircuitMinor),
    /// A stream's status changed.
    Stream(StreamInfo),
    /// The status of a connection to a relay changed.
    OrConn(OrConnInfo),
    /// Bytes that tor as a whole read and wrote in the last second.
    Bw(Bandwidth),
    /// Bytes read and written on a stream.
    StreamBw(StreamBandwidth),
    /// Bytes read and written on a circuit.
    CircBw(CircuitBandwidth),
    /// Bytes read and written on a connection.
    ConnBw(ConnBandwidth),
    /// Cells that passed through a circuit's queues.
    CellStats(CellStats),
    /// A status change that concerns clients and relays alike.
    StatusGeneral(StatusEvent),
    /// A status change that concerns tor as a client.
    StatusClient(StatusEvent),
    /// A status change that concerns tor as a relay.
    StatusServer(StatusEvent),
    /// A fetch, upload or creation of an onion service descriptor.
    HsDesc(HsDescEvent),
    /// The text of a fetched onion service descriptor. The text is empty if the
    /// fetch failed.
    HsDescContent(HsDescContent),
    /// A new address mapping, or the answer to RESOLVE.
    AddrMap(AddrMapEvent),
    /// Configuration options have new values.
    ConfChanged(ConfChanged),
    /// The status of a guard changed.
    Guard(GuardEvent),
    /// New relay descriptors arrived.
    NewDesc(NewDesc),
    /// tor's own relay descriptor changed.
    DescChanged(DescChanged),
    /// Some relays' entries in the consensus changed.
    Ns(RouterStatusEvent),
    /// A new consensus arrived. The body contains the entries of all relays.
    NewConsensus(RouterStatusEvent),
    /// The network became reachable or unreachable.
    NetworkLiveness(NetworkLiveness),
    /// The circuit build timeout changed.
    BuildTimeoutSet(BuildTimeoutSet),
    /// A bridge's statistics about its clients, by country.
    ClientsSeen(ClientsSeen),
    /// A pluggable transport was started.
    TransportLaunched(TransportLaunched),
    /// A log message from a pluggable transport.
    PtLog(PtLog),
    /// A status message from a pluggable transport.
    PtStatus(PtStatus),
    /// A bandwidth limit was used up (older tors).
    TbEmpty(TokenBucketEmpty),
    /// A relay sent a descriptor to tor, which runs as a directory authority
    /// (older tors).
    AuthDirNewDescs(AuthDirNewDesc),
    /// A log message: the kinds `DEBUG`, `INFO`, `NOTICE`, `WARN` and `ERR`.
    Log(LogEvent),
    /// tor acted on a signal, from a controller or from the operating system.
    #[doc(alias = "SignalEvent")]
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::signal"))]
    Signal(Signal),
    /// An event of a kind that this version of the library doesn't know, or an
    /// event that can't be parsed. See [`Event::kind`] and [`Event::text`].
    Unknown,
}

impl Event {
    /// Makes an event from a reply that this program received at the time
    /// `arrived`.
    ///
    /// Accepts any reply; see the [module documentation](self). This function
    /// reads only the event's name. The first call of [`body`](Self::body)
    /// parses the rest, on the thread that makes the call.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use scape_proto::control::Decoder;
    /// use scape_proto::event::{Event, EventKind};
    ///
    /// let mut decoder = Decoder::default();
    /// decoder.feed(b"650 BW 1024 2048\r\n");
    /// let reply = decoder.next_reply()?.expect("one line is one event");
    /// let event = Event::parse(reply, SystemTime::now());
    /// assert_eq!(event.kind(), &EventKind::Bw);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(reply: Reply, arrived: SystemTime) -> Event {
        let (name, _) = field::split_kind(reply.first().text);
        let kind = match std::str::from_utf8(name) {
            Ok(name) => EventKind::from(name),
            Err(_) => EventKind::from(&*String::from_utf8_lossy(name)),
        };
        Event { kind, arrived, reply, body: OnceLock::new() }
    }

    /// Returns the event's kind: the name after `650`, such as `CIRC`.
    pub fn kind(&self) -> &EventKind {
        &self.kind
    }

    /// Returns the typed content of the event, or [`EventBody::Unknown`] if the
    /// event is unknown or can't be parsed.
    ///
    /// The first call parses the content, and later calls return the stored
    /// value. If several threads call at once, one of them parses and the
    /// others wait.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use scape_proto::control::Decoder;
    /// use scape_proto::event::{Event, EventBody};
    ///
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650 BW 1024 2048\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
    /// // 650 BW 1024 2048
    /// let EventBody::Bw(bandwidth) = event.body() else { panic!("{event}") };
    /// assert_eq!((bandwidth.read, bandwidth.written), (1024, 2048));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn body(&self) -> &EventBody {
        self.body.get_or_init(|| EventBody::read(&self.kind, &self.reply))
    }

    /// Returns the time when this program received the event.
    ///
    /// tor doesn't say when it wrote the event, and may have buffered it for a
    /// while.
    pub fn arrived(&self) -> SystemTime {
        self.arrived
    }

    /// Returns the reply that the event was made from, as tor sent it.
    pub fn reply(&self) -> &Reply {
        &self.reply
    }

    /// Returns a copy of this event with its secrets replaced by `[redacted]`.
    /// Returns `None` if the event contains no secrets.
    ///
    /// The secrets are those that `Display` hides: passwords, keys, and the
    /// secrets that were passed to [`Reply::hide`]. Data blocks stay the same.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use scape_proto::control::Decoder;
    /// use scape_proto::event::{Event, EventBody};
    ///
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650 WARN HashedControlPassword=16:AB is wrong\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
    /// // 650 WARN HashedControlPassword=16:AB is wrong
    /// let redacted = event.redacted().expect("it has a secret");
    /// let EventBody::Log(log) = redacted.body() else { panic!("{event}") };
    /// assert!(!log.message.contains("16:AB"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn redacted(&self) -> Option<Event> {
        Some(Event::parse(self.reply.redacted()?, self.arrived))
    }

    /// Returns the event as text: its lines without the reply codes, each
    /// followed by its data block if it has one. Lines end in LF, except for
    /// the last one. Invalid UTF-8 is replaced by U+FFFD.
    ///
    /// Secrets are **not** removed. For example, a STREAM event's
    /// `SOCKS_PASSWORD` is in the text. Use `Display` for a text that may be
    /// shown.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// use scape_proto::control::Decoder;
    /// use scape_proto::event::Event;
    ///
    /// let mut decoder = Decoder::default();
    /// decoder.feed(b"650-CONF_CHANGED\r\n650-Nickname=relay01\r\n650 OK\r\n");
    /// let reply = decoder.next_reply()?.expect("three lines are one event");
    /// let event = Event::parse(reply, SystemTime::now());
    /// assert_eq!(event.text(), "CONF_CHANGED\nNickname=relay01\nOK");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn text(&self) -> String {
        let mut text = Vec::with_capacity(self.reply.size() + self.reply.len());
        let mut ended = true;
        for line in self.reply.lines() {
            if !ended {
                text.push(b'\n');
            }
            text.extend_from_slice(line.text);
            if let Some(data) = line.data {
                text.push(b'\n');
                text.extend_from_slice(data);
            }
            // A data block already ends in LF.
            ended = line.data.is_some();
        }
        field::text(text)
    }
}

impl EventBody {
    /// Parses the body of an event of this kind. Returns `Unknown` if the kind
    /// is unknown or the body can't be parsed.
    #[inline]
    fn read(kind: &EventKind, reply: &Reply) -> EventBody {
        let (_, rest) = field::split_kind(reply.first().text);
        match kind {
            EventKind::Circ => or_unknown(CircuitInfo::parse(rest), EventBody::Circ),
            EventKind::CircMinor => or_unknown(CircuitMinor::parse(rest), EventBody::CircMinor),
            EventKind::Stream => or_unknown(StreamInfo::parse(rest), EventBody::Stream),
            EventKind::OrConn => or_unknown(OrConnInfo::parse(rest), EventBody::OrConn),
            EventKind::Bw => or_unknown(Bandwidth::parse(rest), EventBody::Bw),
            EventKind::StreamBw => or_unknown(StreamBandwidth::parse(rest), EventBody::StreamBw),
            EventKind::CircBw => or_unknown(CircuitBandwidth::parse(rest), EventBody::CircBw),
            EventKind::ConnBw => or_unknown(ConnBandwidth::parse(rest), EventBody::ConnBw),
            EventKind::CellStats => or_unknown(CellStats::parse(rest), EventBody::CellStats),
            EventKind::StatusGeneral => {
                or_unknown(StatusEvent::parse(rest), EventBody::StatusGeneral)
            }
            EventKind::StatusClient => {
                or_unknown(StatusEvent::parse(rest), EventBody::StatusClient)
            }
            EventKind::StatusServer => {
                or_unknown(StatusEvent::parse(rest), EventBody::StatusServer)
            }
            EventKind::HsDesc => or_unknown(HsDescEvent::parse(rest), EventBody::HsDesc),
            EventKind::AddrMap => or_unknown(AddrMapEvent::parse(rest), EventBody::AddrMap),
            EventKind::Guard => or_unknown(GuardEvent::parse(rest), EventBody::Guard),
            EventKind::NetworkLiveness => {
                or_unknown(NetworkLiveness::parse(rest), EventBody::NetworkLiveness)
            }
            EventKind::BuildTimeoutSet => {
                or_unknown(BuildTimeoutSet::parse(rest), EventBody::BuildTimeoutSet)
            }
            EventKind::ClientsSeen => or_unknown(ClientsSeen::parse(rest), EventBody::ClientsSeen),
            EventKind::TransportLaunched => {
                or_unknown(TransportLaunched::parse(rest), EventBody::TransportLaunched)
            }
            EventKind::PtLog => or_unknown(PtLog::parse(rest), EventBody::PtLog),
            EventKind::PtStatus => or_unknown(PtStatus::parse(rest), EventBody::PtStatus),
            EventKind::TbEmpty => or_unknown(TokenBucketEmpty::parse(rest), EventBody::TbEmpty),
            EventKind::HsDescContent => {
                or_unknown(HsDescContent::parse(rest, reply), EventBody::HsDescContent)
            }
            EventKind::ConfChanged => or_unknown(ConfChanged::parse(reply), EventBody::ConfChanged),
            EventKind::NewDesc => EventBody::NewDesc(NewDesc::parse(rest)),
            EventKind::DescChanged => EventBody::DescChanged(DescChanged::parse(rest)),
            EventKind::Ns => or_unknown(RouterStatusEvent::parse(rest, reply), EventBody::Ns),
            EventKind::NewConsensus => {
                or_unknown(RouterStatusEvent::parse(rest, reply), EventBody::NewConsensus)
            }
            EventKind::AuthDirNewDescs => {
                or_unknown(AuthDirNewDesc::parse(reply), EventBody::AuthDirNewDescs)
            }
            EventKind::Signal => or_unknown(signal(rest), EventBody::Signal),
            EventKind::Debug => log(Severity::Debug, reply),
            EventKind::Info => log(Severity::Info, reply),
            EventKind::Notice => log(Severity::Notice, reply),
            EventKind::Warn => log(Severity::Warn, reply),
            EventKind::Err => log(Severity::Err, reply),
            EventKind::Other(_) => EventBody::Unknown,
        }
    }
}

/// Returns the parsed body, or `Unknown` if the event couldn't be parsed.
#[inline(always)]
fn or_unknown<T>(parsed: Option<T>, body: impl FnOnce(T) -> EventBody) -> EventBody {
    match parsed {
        Some(parsed) => body(parsed),
        None => EventBody::Unknown,
    }
}

/// Parses the text after `SIGNAL`. Returns `None` if the name is missing.
fn signal(rest: &[u8]) -> Option<Signal> {
    let name = Words::new(rest).next_value();
    (!name.is_empty()).then(|| field::keyword(name))
}

fn log(severity: Severity, reply: &Reply) -> EventBody {
    EventBody::Log(LogEvent::read(severity, reply))
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reply.fmt(f)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({:?})", self.reply.to_string())
    }
}
