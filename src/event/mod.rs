//! Events: what tor says unasked, as values.
//!
//! [`Event::parse`] makes an event of any reply with code 650. It never fails:
//! what this version of the library does not know, or what has not the form
//! that it should have, is an event too, of body [`EventBody::Unknown`], with
//! its kind and its text. So is every keyword that a known event may grow: see
//! the fields `extra`.
//!
//! The lines of `GETINFO circuit-status`, `stream-status`, `orconn-status` and
//! `status/bootstrap-phase` have the shape of events, and are read by the same
//! parsers: [`CircuitInfo::parse`], [`StreamInfo::parse`],
//! [`OrConnInfo::parse`], [`Bootstrap::parse`].
//!
//! ```
//! use std::time::SystemTime;
//! use scape::event::{Event, EventBody};
//! use scape::protocol::Decoder;
//! use scape::event::{CircuitReason, EventKind};
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
mod network;
mod network_status;
mod or_conn;
mod or_conn_status;
mod pluggable_transport;
mod router_status;
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

use crate::protocol::{Reply, Signal, Words};

/// The name of an event that was not parsed yet, to decide whether anybody
/// wants it: the first word of its first line, such as `CIRC`. Of a reply that
/// is no event, its first word. Takes no time and no memory.
pub fn kind_name(reply: &Reply) -> &[u8] {
    split_kind(reply.first().text).0
}

/// The kind and what follows it.
fn split_kind(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', line) {
        Some(space) => {
            let (kind, rest) = line.split_at(space);
            (kind, rest.get(1..).unwrap_or_default())
        }
        None => (line, b""),
    }
}

/// One event. control-spec, section "Asynchronous events".
///
/// `Debug` and `Display` show tor's own words, without secrets and data blocks.
#[derive(Clone)]
pub struct Event {
    kind: EventKind,
    arrived: SystemTime,
    reply: Reply,
    /// Read when it is first asked for.
    body: OnceLock<EventBody>,
}

/// What an event says.
///
/// Kinds that are `Unknown` to this version may get a variant of their own in a
/// later one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventBody {
    /// A circuit's status changed.
    Circ(CircuitInfo),
    /// A circuit changed in another way.
    CircMinor(CircuitMinor),
    /// A stream's status changed.
    Stream(StreamInfo),
    /// A connection to a relay changed.
    OrConn(OrConnInfo),
    /// Bytes read and written in the last second.
    Bw(Bandwidth),
    /// Bytes of a stream.
    StreamBw(StreamBandwidth),
    /// Bytes of a circuit.
    CircBw(CircuitBandwidth),
    /// Bytes of a connection.
    ConnBw(ConnBandwidth),
    /// Cells on their way through a circuit.
    CellStats(CellStats),
    /// General status.
    StatusGeneral(StatusEvent),
    /// Status as a client.
    StatusClient(StatusEvent),
    /// Status as a relay.
    StatusServer(StatusEvent),
    /// What happened to an onion service's descriptor.
    HsDesc(HsDescEvent),
    /// The text of an onion service's descriptor.
    HsDescContent(HsDescContent),
    /// A new address mapping, or the answer to RESOLVE.
    AddrMap(AddrMapEvent),
    /// Options have new values.
    ConfChanged(ConfChanged),
    /// A guard changed.
    Guard(GuardEvent),
    /// Descriptors of relays have come.
    NewDesc(NewDesc),
    /// This relay's descriptor changed.
    DescChanged(DescChanged),
    /// What the consensus says of relays changed.
    Ns(RouterStatusEvent),
    /// A new consensus: what it says of every relay.
    NewConsensus(RouterStatusEvent),
    /// The network is, or is not, reachable.
    NetworkLiveness(NetworkLiveness),
    /// The circuit build timeout changed.
    BuildTimeoutSet(BuildTimeoutSet),
    /// A bridge's clients, by country.
    ClientsSeen(ClientsSeen),
    /// A pluggable transport was started.
    TransportLaunched(TransportLaunched),
    /// A pluggable transport's log message.
    PtLog(PtLog),
    /// A pluggable transport's status.
    PtStatus(PtStatus),
    /// A limit of bandwidth was used up (older tors).
    TbEmpty(TokenBucketEmpty),
    /// A descriptor was sent to this authority (older tors).
    AuthDirNewDescs(AuthDirNewDesc),
    /// A log message: the kinds `DEBUG`, `INFO`, `NOTICE`, `WARN` and `ERR`.
    Log(LogEvent),
    /// A signal was acted on, from a controller or from the system.
    Signal(Signal),
    /// A kind that this version of the library does not know, or an event that
    /// has not its kind's form: see [`Event::kind`] and [`Event::text`].
    Unknown,
}

impl Event {
    /// The event that `reply` is, which came to this program at the time
    /// `arrived`. Takes whatever comes: see the module's documentation. What it
    /// says is read when [`body`](Self::body) is first asked for, by the thread
    /// that asks.
    pub fn parse(reply: Reply, arrived: SystemTime) -> Event {
        let (name, _) = split_kind(reply.first().text);
        let kind = match std::str::from_utf8(name) {
            Ok(name) => EventKind::from(name),
            Err(_) => EventKind::from(&*String::from_utf8_lossy(name)),
        };
        Event { kind, arrived, reply, body: OnceLock::new() }
    }

    /// The event's kind.
    pub fn kind(&self) -> &EventKind {
        &self.kind
    }

    /// What it says. Of the threads that ask at once, one reads it and the
    /// others wait; later it is at hand.
    pub fn body(&self) -> &EventBody {
        self.body.get_or_init(|| EventBody::read(&self.kind, &self.reply))
    }

    /// When this program read it. (tor does not say when it wrote it, and may
    /// have kept it for a while.)
    pub fn arrived(&self) -> SystemTime {
        self.arrived
    }

    /// What tor sent.
    pub fn reply(&self) -> &Reply {
        &self.reply
    }

    /// What tor sent, as text: its lines without their codes, and its data
    /// blocks, ended by LF each but for the last line. What is no UTF-8 is
    /// shown as U+FFFD.
    ///
    /// Secrets are **not** removed: a STREAM event's `SOCKS_PASSWORD` is in it.
    /// For a text to show, use `Display`.
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
            // A data block brings its own.
            ended = line.data.is_some();
        }
        field::text(text)
    }
}

impl EventBody {
    /// What an event of this kind says.
    #[inline]
    fn read(kind: &EventKind, reply: &Reply) -> EventBody {
        let (_, rest) = split_kind(reply.first().text);
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

#[inline(always)]
fn or_unknown<T>(parsed: Option<T>, body: impl FnOnce(T) -> EventBody) -> EventBody {
    match parsed {
        Some(parsed) => body(parsed),
        None => EventBody::Unknown,
    }
}

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
