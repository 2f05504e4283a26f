//! Status events with typed arguments.

use std::net::{IpAddr, SocketAddr};

use super::StatusEvent;
use crate::event::{
    AddressMethod, Bootstrap, ClientProtocol, ClockSkewSource, DangerousPortResult, Hibernation,
    LibeventBadness, NameserverStatus, NoCircuitReason, ServerDescriptorStatus, StatusAction,
};
use crate::info::VersionStatus;
use crate::word::{Version, parse_ip, parse_socket_addr};

/// A status event with typed arguments, as [`StatusEvent::detail`] returns it.
/// See control-spec, section "Status events".
///
/// Arguments that later versions of tor add are only in
/// [`StatusEvent::arguments`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum StatusDetail {
    /// The clock jumped, or tor was idle.
    #[non_exhaustive]
    ClockJumped {
        /// The size of the jump in seconds, negative if the clock jumped back
        /// (`TIME`).
        seconds: i64,
        /// True if tor was idle for `seconds`, and the clock is right (`IDLE`).
        /// For example, the machine was suspended. `None` with older tors.
        idle: Option<bool>,
    },
    /// This version of tor should not be used.
    #[non_exhaustive]
    DangerousVersion {
        /// The version of this tor (`CURRENT`).
        current: Version,
        /// The problem with the version (`REASON`).
        reason: VersionStatus,
        /// The versions that the authorities recommend (`RECOMMENDED`). Texts
        /// that aren't versions are left out.
        recommended: Vec<Version>,
    },
    /// tor has no more sockets available.
    #[non_exhaustive]
    TooManyConnections {
        /// The current number of connections (`CURRENT`).
        current: u64,
    },
    /// tor detected a bug in itself.
    #[non_exhaustive]
    Bug {
        /// One line of the bug report (`REASON`), without the newline.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
        reason: String,
    },
    /// The local clock differs from the time of another source.
    #[non_exhaustive]
    ClockSkew {
        /// The time in seconds by which the local clock is ahead, negative if
        /// it is behind (`SKEW`). `None` with older tors that send `MIN_SKEW`
        /// instead.
        skew: Option<i64>,
        /// The minimum time in seconds by which the clocks differ (`MIN_SKEW`).
        /// Only older tors send it. `None` if tor sends `SKEW` instead.
        min_skew: Option<i64>,
        /// The source of the other time (`SOURCE`).
        source: ClockSkewSource,
    },
    /// The system's libevent library misbehaves (older tors).
    #[non_exhaustive]
    BadLibevent {
        /// The method that libevent uses to wait for events (`METHOD`), such as
        /// `kqueue`.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
        method: String,
        /// The version of libevent (`VERSION`).
        version: String,
        /// The seriousness of the problem (`BADNESS`).
        badness: LibeventBadness,
        /// True if tor switched to another method (`RECOVERED`).
        recovered: bool,
    },
    /// No directory can be reached.
    DirAllUnreachable,
    /// Bootstrap made progress or has a problem.
    Bootstrap(Box<Bootstrap>),
    /// tor knows enough about the network to build circuits.
    EnoughDirInfo,
    /// tor no longer knows enough about the network to build circuits.
    NotEnoughDirInfo,
    /// A circuit was established, so clients can use tor.
    CircuitEstablished,
    /// tor no longer believes that circuits work.
    #[non_exhaustive]
    CircuitNotEstablished {
        /// The reason why tor no longer believes that circuits work (`REASON`).
        reason: NoCircuitReason,
    },
    /// A new consensus arrived.
    ConsensusArrived,
    /// An application connects to a port that is known for unencrypted
    /// protocols.
    #[non_exhaustive]
    DangerousPort {
        /// The port that the application connects to (`PORT`).
        port: u16,
        /// The action that tor took on the stream (`RESULT`).
        result: DangerousPortResult,
    },
    /// An application asked a SOCKS port to connect to an IP address. If the
    /// application resolved a host name to this address without Tor, a name
    /// server learned the name.
    #[non_exhaustive]
    DangerousSocks {
        /// The protocol that the application used (`PROTOCOL`).
        protocol: ClientProtocol,
        /// The address that the application connects to (`ADDRESS`).
        address: SocketAddr,
    },
    /// An application sent something other than SOCKS to a SOCKS port.
    #[non_exhaustive]
    SocksUnknownProtocol {
        /// The first bytes that the application sent (`DATA`). Invalid UTF-8 is
        /// replaced by U+FFFD.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
        data: String,
    },
    /// An application asked for an invalid host name.
    #[non_exhaustive]
    SocksBadHostname {
        /// The invalid name (`HOSTNAME`).
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
        hostname: String,
    },
    /// tor, which runs as a relay, found out its own address.
    #[non_exhaustive]
    ExternalAddress {
        /// The address that tor found out (`ADDRESS`).
        address: IpAddr,
        /// The method by which tor found the address (`METHOD`).
        method: AddressMethod,
        /// The host name that was resolved to the address (`HOSTNAME`). `None`
        /// if tor didn't resolve a host name.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::control::serial::optional_text")
        )]
        hostname: Option<String>,
    },
    /// tor, which runs as a relay, is testing whether it is reachable.
    CheckingReachability(ReachabilityTarget),
    /// tor, which runs as a relay, is reachable.
    ReachabilitySucceeded(ReachabilityTarget),
    /// tor, which runs as a relay, isn't reachable.
    ReachabilityFailed(ReachabilityTarget),
    /// At least one authority accepted this relay's descriptor.
    GoodServerDescriptor,
    /// The consensus newly lists tor as a relay, or no longer lists it.
    /// control-spec describes this action, but tor never sends it.
    #[non_exhaustive]
    ServerDescriptorStatus {
        /// The new status of this relay (`STATUS`).
        status: ServerDescriptorStatus,
    },
    /// An authority accepted this relay's descriptor.
    #[non_exhaustive]
    AcceptedServerDescriptor {
        /// The address of the authority (`DIRAUTH`).
        dir_auth: SocketAddr,
    },
    /// An authority rejected this relay's descriptor.
    #[non_exhaustive]
    BadServerDescriptor {
        /// The address of the authority (`DIRAUTH`).
        dir_auth: SocketAddr,
        /// The reason for the rejection, in the authority's words (`REASON`).
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
        reason: String,
    },
    /// A name server went up or down.
    #[non_exhaustive]
    NameserverStatus {
        /// The address of the name server, as tor wrote it (`NS`).
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
        nameserver: String,
        /// The status of the name server (`STATUS`).
        status: NameserverStatus,
        /// The reason why the name server is down (`ERR`). `None` if the name
        /// server is up.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::control::serial::optional_text")
        )]
        error: Option<String>,
    },
    /// Every name server is down.
    NameserverAllDown,
    /// Name servers return answers for names that don't exist.
    DnsHijacked,
    /// Name servers return wrong answers for well-known names.
    DnsUseless,
    /// tor, which runs as a relay, started or stopped hibernating.
    #[non_exhaustive]
    HibernationStatus {
        /// The new hibernation state (`STATUS`).
        status: Hibernation,
    },
    /// An action that this version of the library doesn't know, or an action
    /// whose arguments can't be parsed. See [`StatusEvent::action`] and
    /// [`StatusEvent::arguments`].
    Other,
}

/// The addresses at which tor, running as a relay, tests whether it is
/// reachable. At least one address is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ReachabilityTarget {
    /// The address of the OR port (`ORADDRESS`). `None` if the event is only
    /// about the directory port.
    pub or_address: Option<SocketAddr>,
    /// The address of the directory port (`DIRADDRESS`, older tors). `None` if
    /// the event is only about the OR port.
    pub dir_address: Option<SocketAddr>,
}

impl StatusDetail {
    /// Parses the arguments of a status event. Returns `Other` if the action is
    /// unknown, or if an argument is missing or malformed.
    pub(super) fn read(event: &StatusEvent) -> Self {
        Self::try_read(event).unwrap_or(StatusDetail::Other)
    }

    /// Parses the arguments like [`read`](Self::read), but returns `None`
    /// instead of `Other`.
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

/// Parses the arguments of STATUS_SERVER events, which are about tor as a
/// relay. Returns `None` if the action is unknown, or if an argument is missing
/// or malformed.
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
        // HIBERNATION_STATUS writes the state in upper case, GETINFO in lower
        // case.
        StatusAction::HibernationStatus => StatusDetail::HibernationStatus {
            status: event.get("STATUS")?.to_ascii_lowercase().as_str().into(),
        },
        _ => return None,
    })
}

/// Parses the arguments of the actions CLOCK_JUMPED and CLOCK_SKEW. Returns
/// `None` if an argument is missing or malformed.
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
    // At least one of SKEW and MIN_SKEW must be given, and each that is given
    // must be a number.
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
        // This event writes `NEW_IN_SERIES`, GETINFO writes `new in series`.
        reason: event.get("REASON")?.to_ascii_lowercase().replace('_', " ").as_str().into(),
        recommended: recommended.filter_map(|version| version.parse().ok()).collect(),
    })
}

/// Parses the addresses in the arguments `ORADDRESS` and `DIRADDRESS`. Returns
/// `None` if neither is given, or if one is invalid.
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
