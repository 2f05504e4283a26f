//! Status events with their arguments as values.

use std::net::{IpAddr, SocketAddr};

use super::StatusEvent;
use crate::event::{
    AddressMethod, Bootstrap, ClientProtocol, ClockSkewSource, DangerousPortResult, Hibernation,
    LibeventBadness, NameserverStatus, NoCircuitReason, ServerDescriptorStatus, StatusAction,
};
use crate::protocol::VersionStatus;
use crate::word::{Version, parse_ip, parse_socket_addr};

/// What a status event says, with its arguments as values: see
/// [`StatusEvent::detail`]. control-spec, section "Status events".
///
/// What tor adds to the arguments in a later version is in
/// [`StatusEvent::arguments`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusDetail {
    /// The clock jumped, or tor was idle.
    #[non_exhaustive]
    ClockJumped {
        /// How far, in seconds; less than 0 where it jumped back (`TIME`).
        seconds: i64,
        /// Whether tor was idle for that long, as in a suspended machine, and
        /// the clock is right (`IDLE`). Older tors do not tell.
        idle: Option<bool>,
    },
    /// This version of tor should not be used.
    #[non_exhaustive]
    DangerousVersion {
        /// This version (`CURRENT`).
        current: Version,
        /// What is wrong with it (`REASON`).
        reason: VersionStatus,
        /// The versions that the authorities recommend (`RECOMMENDED`). Texts
        /// that aren't versions are left out.
        recommended: Vec<Version>,
    },
    /// No more sockets are to be had.
    #[non_exhaustive]
    TooManyConnections {
        /// How many there are (`CURRENT`).
        current: u64,
    },
    /// tor met a bug of its own.
    #[non_exhaustive]
    Bug {
        /// One line of its report (`REASON`), without the line's end.
        reason: String,
    },
    /// This clock disagrees with another.
    #[non_exhaustive]
    ClockSkew {
        /// How far this clock is ahead of the other, in seconds; less than 0
        /// where it is behind (`SKEW`). (`None` only of older tors, with
        /// `min_skew`.)
        skew: Option<i64>,
        /// The least that it is ahead or behind (`MIN_SKEW`, older tors).
        min_skew: Option<i64>,
        /// The other (`SOURCE`).
        source: ClockSkewSource,
    },
    /// The system library libevent misbehaves (older tors).
    #[non_exhaustive]
    BadLibevent {
        /// How it waits (`METHOD`), such as `kqueue`.
        method: String,
        /// Its version (`VERSION`).
        version: String,
        /// How bad it is (`BADNESS`).
        badness: LibeventBadness,
        /// Whether tor found another way (`RECOVERED`).
        recovered: bool,
    },
    /// No directory can be reached.
    DirAllUnreachable,
    /// Bootstrap went on, or has a problem.
    Bootstrap(Box<Bootstrap>),
    /// Enough is known of the network to build circuits.
    EnoughDirInfo,
    /// No longer enough is known of the network.
    NotEnoughDirInfo,
    /// A circuit works.
    CircuitEstablished,
    /// Circuits are no longer believed to work.
    #[non_exhaustive]
    CircuitNotEstablished {
        /// Why (`REASON`).
        reason: NoCircuitReason,
    },
    /// A consensus has come.
    ConsensusArrived,
    /// An application connects to a port that is known for plain text.
    #[non_exhaustive]
    DangerousPort {
        /// The port (`PORT`).
        port: u16,
        /// What tor did (`RESULT`).
        result: DangerousPortResult,
    },
    /// An application resolved the name itself.
    #[non_exhaustive]
    DangerousSocks {
        /// What it spoke (`PROTOCOL`).
        protocol: ClientProtocol,
        /// Where it connects to (`ADDRESS`).
        address: SocketAddr,
    },
    /// What came on a SOCKS port is not SOCKS.
    #[non_exhaustive]
    SocksUnknownProtocol {
        /// What came first (`DATA`); what is no UTF-8 is shown as U+FFFD.
        data: String,
    },
    /// An application asked for what is no host name.
    #[non_exhaustive]
    SocksBadHostname {
        /// The name (`HOSTNAME`).
        hostname: String,
    },
    /// This is the relay's address.
    #[non_exhaustive]
    ExternalAddress {
        /// The address (`ADDRESS`).
        address: IpAddr,
        /// How tor found it out (`METHOD`).
        method: AddressMethod,
        /// The host's name, where it was found by that (`HOSTNAME`).
        hostname: Option<String>,
    },
    /// The relay tests whether it can be reached.
    CheckingReachability(ReachabilityTarget),
    /// The relay can be reached.
    ReachabilitySucceeded(ReachabilityTarget),
    /// The relay cannot be reached.
    ReachabilityFailed(ReachabilityTarget),
    /// The relay's descriptor was accepted by the authorities.
    GoodServerDescriptor,
    /// What an authority thinks of the relay's descriptor (described, never
    /// sent).
    #[non_exhaustive]
    ServerDescriptorStatus {
        /// Whether it is listed (`STATUS`).
        status: ServerDescriptorStatus,
    },
    /// An authority accepted the relay's descriptor.
    #[non_exhaustive]
    AcceptedServerDescriptor {
        /// The authority (`DIRAUTH`).
        dir_auth: SocketAddr,
    },
    /// An authority refused the relay's descriptor.
    #[non_exhaustive]
    BadServerDescriptor {
        /// The authority (`DIRAUTH`).
        dir_auth: SocketAddr,
        /// Why, in its words (`REASON`).
        reason: String,
    },
    /// A name server went up or down.
    #[non_exhaustive]
    NameserverStatus {
        /// Its address, as tor wrote it (`NS`).
        nameserver: String,
        /// Whether it answers (`STATUS`).
        status: NameserverStatus,
        /// Why it does not (`ERR`).
        error: Option<String>,
    },
    /// Every name server is down.
    NameserverAllDown,
    /// Name servers answer for names that do not exist.
    DnsHijacked,
    /// Name servers answer wrongly for names that are well known.
    DnsUseless,
    /// The relay began or ended hibernation.
    #[non_exhaustive]
    HibernationStatus {
        /// Whether it hibernates (`STATUS`).
        status: Hibernation,
    },
    /// An action that this version of the library does not know, or whose
    /// arguments have not their form: see [`StatusEvent::action`] and
    /// [`StatusEvent::arguments`].
    Other,
}

/// What a relay tests: which of its ports can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReachabilityTarget {
    /// Its port for relays (`ORADDRESS`).
    pub or_address: Option<SocketAddr>,
    /// Its port for the directory (`DIRADDRESS`, older tors).
    pub dir_address: Option<SocketAddr>,
}

impl StatusDetail {
    pub(super) fn read(event: &StatusEvent) -> Self {
        Self::try_read(event).unwrap_or(StatusDetail::Other)
    }

    /// `None` where the action is not known, or an argument has not its form.
    fn try_read(event: &StatusEvent) -> Option<Self> {
        Some(match &event.action {
            StatusAction::ClockJumped | StatusAction::ClockSkew => clock(event)?,
            StatusAction::DangerousVersion => dangerous_version(event)?,
            StatusAction::TooManyConnections => {
                StatusDetail::TooManyConnections { current: number(event, "CURRENT")? }
            }
            StatusAction::Bug => {
                StatusDetail::Bug { reason: event.get("REASON")?.trim_end_matches('\n').to_owned() }
            }
            StatusAction::BadLibevent => StatusDetail::BadLibevent {
                method: text(event, "METHOD")?,
                version: text(event, "VERSION")?,
                badness: event.get("BADNESS")?.into(),
                recovered: match event.get("RECOVERED")? {
                    "YES" => true,
                    "NO" => false,
                    _ => return None,
                },
            },
            StatusAction::DirAllUnreachable => StatusDetail::DirAllUnreachable,
            StatusAction::Bootstrap => StatusDetail::Bootstrap(Box::new(event.bootstrap()?)),
            StatusAction::EnoughDirInfo => StatusDetail::EnoughDirInfo,
            StatusAction::NotEnoughDirInfo => StatusDetail::NotEnoughDirInfo,
            StatusAction::CircuitEstablished => StatusDetail::CircuitEstablished,
            StatusAction::CircuitNotEstablished => {
                StatusDetail::CircuitNotEstablished { reason: event.get("REASON")?.into() }
            }
            StatusAction::ConsensusArrived => StatusDetail::ConsensusArrived,
            StatusAction::DangerousPort => StatusDetail::DangerousPort {
                port: number(event, "PORT")?,
                result: event.get("RESULT")?.into(),
            },
            StatusAction::DangerousSocks => StatusDetail::DangerousSocks {
                protocol: event.get("PROTOCOL")?.into(),
                address: address(event, "ADDRESS")?,
            },
            StatusAction::SocksUnknownProtocol => {
                StatusDetail::SocksUnknownProtocol { data: text(event, "DATA")? }
            }
            StatusAction::SocksBadHostname => {
                StatusDetail::SocksBadHostname { hostname: text(event, "HOSTNAME")? }
            }
            StatusAction::Other(_) => return None,
            _ => relay(event)?,
        })
    }
}

/// The actions of relays.
fn relay(event: &StatusEvent) -> Option<StatusDetail> {
    Some(match &event.action {
        StatusAction::ExternalAddress => StatusDetail::ExternalAddress {
            address: parse_ip(event.get("ADDRESS")?)?,
            method: event.get("METHOD")?.into(),
            hostname: text(event, "HOSTNAME"),
        },
        StatusAction::CheckingReachability => {
            StatusDetail::CheckingReachability(reachability(event)?)
        }
        StatusAction::ReachabilitySucceeded => {
            StatusDetail::ReachabilitySucceeded(reachability(event)?)
        }
        StatusAction::ReachabilityFailed => StatusDetail::ReachabilityFailed(reachability(event)?),
        StatusAction::GoodServerDescriptor => StatusDetail::GoodServerDescriptor,
        StatusAction::ServerDescriptorStatus => {
            StatusDetail::ServerDescriptorStatus { status: event.get("STATUS")?.into() }
        }
        StatusAction::AcceptedServerDescriptor => {
            StatusDetail::AcceptedServerDescriptor { dir_auth: address(event, "DIRAUTH")? }
        }
        StatusAction::BadServerDescriptor => StatusDetail::BadServerDescriptor {
            dir_auth: address(event, "DIRAUTH")?,
            reason: text(event, "REASON")?,
        },
        StatusAction::NameserverStatus => StatusDetail::NameserverStatus {
            nameserver: text(event, "NS")?,
            status: event.get("STATUS")?.into(),
            error: text(event, "ERR"),
        },
        StatusAction::NameserverAllDown => StatusDetail::NameserverAllDown,
        StatusAction::DnsHijacked => StatusDetail::DnsHijacked,
        StatusAction::DnsUseless => StatusDetail::DnsUseless,
        // Upper case here, lower case in GETINFO.
        StatusAction::HibernationStatus => StatusDetail::HibernationStatus {
            status: event.get("STATUS")?.to_ascii_lowercase().as_str().into(),
        },
        _ => return None,
    })
}

fn clock(event: &StatusEvent) -> Option<StatusDetail> {
    if event.action == StatusAction::ClockJumped {
        let idle = match event.get("IDLE") {
            None => None,
            Some("0") => Some(false),
            Some("1") => Some(true),
            Some(_) => return None,
        };
        return Some(StatusDetail::ClockJumped { seconds: number(event, "TIME")?, idle });
    }
    let (skew, min_skew) = (number(event, "SKEW"), number(event, "MIN_SKEW"));
    // One of them there must be, and each that is there a number.
    let read = usize::from(skew.is_some()) + usize::from(min_skew.is_some());
    let given =
        event.arguments.iter().filter(|(key, _)| key == "SKEW" || key == "MIN_SKEW").count();
    if read == 0 || read != given {
        return None;
    }
    Some(StatusDetail::ClockSkew { skew, min_skew, source: event.get("SOURCE")?.into() })
}

fn dangerous_version(event: &StatusEvent) -> Option<StatusDetail> {
    let recommended = event.get("RECOMMENDED")?;
    let recommended = recommended.split(',').map(str::trim).filter(|version| !version.is_empty());
    Some(StatusDetail::DangerousVersion {
        current: event.get("CURRENT")?.parse().ok()?,
        // `NEW_IN_SERIES` here, `new in series` in GETINFO.
        reason: event.get("REASON")?.to_ascii_lowercase().replace('_', " ").as_str().into(),
        recommended: recommended.filter_map(|version| version.parse().ok()).collect(),
    })
}

/// The addresses that are given, of which there must be one.
fn reachability(event: &StatusEvent) -> Option<ReachabilityTarget> {
    let read = |key| match event.get(key) {
        Some(text) => parse_socket_addr(text).map(Some),
        None => Some(None),
    };
    let target =
        ReachabilityTarget { or_address: read("ORADDRESS")?, dir_address: read("DIRADDRESS")? };
    (target.or_address.is_some() || target.dir_address.is_some()).then_some(target)
}

fn number<T: std::str::FromStr>(event: &StatusEvent, key: &str) -> Option<T> {
    event.get(key)?.parse().ok()
}

fn text(event: &StatusEvent, key: &str) -> Option<String> {
    event.get(key).map(Into::into)
}

fn address(event: &StatusEvent, key: &str) -> Option<SocketAddr> {
    parse_socket_addr(event.get(key)?)
}
