//! What tor says of a circuit: control-spec, events CIRC and CIRC_MINOR.

use std::fmt;
use std::str::FromStr;

open_enum! {
    /// How far a circuit has come.
    pub enum CircuitStatus {
        /// An id was assigned.
        Launched = "LAUNCHED",
        /// One more hop was reached.
        Extended = "EXTENDED",
        /// All hops are there; whether its guard may be used is not yet known.
        GuardWait = "GUARD_WAIT",
        /// Ready for streams.
        Built = "BUILT",
        /// It could not be built.
        Failed = "FAILED",
        /// It has ended.
        Closed = "CLOSED",
    }
}

impl CircuitStatus {
    /// Whether nothing follows: `FAILED` or `CLOSED`.
    pub fn is_end(&self) -> bool {
        matches!(self, CircuitStatus::Failed | CircuitStatus::Closed)
    }
}

open_enum! {
    /// What a circuit is for.
    pub enum CircuitPurpose {
        /// Ordinary use, or a directory request.
        General = "GENERAL",
        /// Fetching an onion service's descriptor.
        HsClientHsdir = "HS_CLIENT_HSDIR",
        /// A client's way to an introduction point.
        HsClientIntro = "HS_CLIENT_INTRO",
        /// A client's way to a rendezvous point.
        HsClientRend = "HS_CLIENT_REND",
        /// Uploading an onion service's descriptor.
        HsServiceHsdir = "HS_SERVICE_HSDIR",
        /// A service's way to an introduction point.
        HsServiceIntro = "HS_SERVICE_INTRO",
        /// A service's way to a rendezvous point.
        HsServiceRend = "HS_SERVICE_REND",
        /// A test of this relay's own reachability.
        Testing = "TESTING",
        /// Given up, and kept only to learn how long building takes.
        MeasureTimeout = "MEASURE_TIMEOUT",
        /// Built by a controller, for nothing but what a controller attaches to
        /// it.
        Controller = "CONTROLLER",
        /// A test whether a guard drops circuits.
        PathBiasTesting = "PATH_BIAS_TESTING",
        /// Built in advance, with vanguards.
        HsVanguards = "HS_VANGUARDS",
        /// Kept open for its padding only.
        CircuitPadding = "CIRCUIT_PADDING",
        /// A conflux leg that has not yet found its set.
        ConfluxUnlinked = "CONFLUX_UNLINKED",
        /// A leg of a conflux set.
        ConfluxLinked = "CONFLUX_LINKED",
        /// A circuit of this relay's clients.
        Server = "SERVER",
    }
}

impl CircuitPurpose {
    /// Returns true for circuits of onion services, at the client or at the
    /// service, and for those that tor builds in advance for them. Future
    /// purposes that begin with `HS_` count, too.
    ///
    /// ```
    /// use scape::event::CircuitPurpose;
    ///
    /// assert!(CircuitPurpose::HsServiceIntro.is_onion_service());
    /// assert!(!CircuitPurpose::General.is_onion_service());
    /// ```
    pub fn is_onion_service(&self) -> bool {
        self.as_str().starts_with("HS_")
    }
}

open_enum! {
    /// How far a circuit of an onion service, or to one, has come.
    pub enum HsState {
        /// Client to introduction point: connecting.
        ClientIntroConnecting = "HSCI_CONNECTING",
        /// Client to introduction point: INTRODUCE1 was sent.
        ClientIntroSent = "HSCI_INTRO_SENT",
        /// Client to introduction point: acknowledged.
        ClientIntroDone = "HSCI_DONE",
        /// Client to rendezvous point: connecting.
        ClientRendConnecting = "HSCR_CONNECTING",
        /// Client to rendezvous point: established, the introduction still
        /// open.
        ClientRendEstablishedIdle = "HSCR_ESTABLISHED_IDLE",
        /// Client to rendezvous point: established, the introduction sent.
        ClientRendEstablishedWaiting = "HSCR_ESTABLISHED_WAITING",
        /// Client to rendezvous point: joined to the service.
        ClientRendJoined = "HSCR_JOINED",
        /// Service to introduction point: connecting.
        ServiceIntroConnecting = "HSSI_CONNECTING",
        /// Service to introduction point: established.
        ServiceIntroEstablished = "HSSI_ESTABLISHED",
        /// Service to rendezvous point: connecting.
        ServiceRendConnecting = "HSSR_CONNECTING",
        /// Service to rendezvous point: joined to the client.
        ServiceRendJoined = "HSSR_JOINED",
    }
}

open_enum! {
    /// How a circuit is built.
    pub enum BuildFlag {
        /// One hop only, for directory requests.
        OnehopTunnel = "ONEHOP_TUNNEL",
        /// Not for streams that exit.
        IsInternal = "IS_INTERNAL",
        /// Only relays with capacity.
        NeedCapacity = "NEED_CAPACITY",
        /// Only relays that stay up.
        NeedUptime = "NEED_UPTIME",
    }
}

open_enum! {
    /// Why a circuit failed or was closed: tor's own reasons, and those of
    /// relays.
    pub enum CircuitReason {
        /// No reason given.
        None = "NONE",
        /// The peer broke Tor's protocol.
        TorProtocol = "TORPROTOCOL",
        /// An internal error.
        Internal = "INTERNAL",
        /// A client sent TRUNCATE, or the controller asked for it.
        Requested = "REQUESTED",
        /// The relay is hibernating.
        Hibernating = "HIBERNATING",
        /// Out of memory, sockets or circuit ids.
        ResourceLimit = "RESOURCELIMIT",
        /// The next relay was not reached.
        ConnectFailed = "CONNECTFAILED",
        /// The next relay has another identity than expected.
        OrIdentity = "OR_IDENTITY",
        /// The connection that carried it was closed.
        ChannelClosed = "CHANNEL_CLOSED",
        /// The name that older tors give to
        /// [`ChannelClosed`](Self::ChannelClosed).
        OrConnClosed = "OR_CONN_CLOSED",
        /// It was too old, or had done its work.
        Finished = "FINISHED",
        /// It took too long to build.
        Timeout = "TIMEOUT",
        /// The relay ended it: see the remote reason.
        Destroyed = "DESTROYED",
        /// The onion service does not exist.
        NoSuchService = "NOSUCHSERVICE",
        /// There were not enough relays to choose a path from.
        NoPath = "NOPATH",
        /// As `TIMEOUT`, after it had been kept to learn how long building
        /// takes.
        MeasurementExpired = "MEASUREMENT_EXPIRED",
        /// Another introduction attempt succeeded first.
        IpNowRedundant = "IP_NOW_REDUNDANT",
        /// It ended here: tor's catch-all, which should not be seen.
        Origin = "ORIGIN",
    }
}

open_enum! {
    /// What changed of a circuit whose status stayed the same.
    pub enum CircuitMinorChange {
        /// It is for something else now, or its onion service state changed.
        PurposeChanged = "PURPOSE_CHANGED",
        /// An existing circuit was taken for something else, and is being
        /// extended.
        Cannibalized = "CANNIBALIZED",
    }
}

/// What the two legs of a conflux set have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConfluxId([u8; 16]);

impl ConfluxId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        ConfluxId(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for ConfluxId {
    type Err = ParseConfluxIdError;

    /// 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 16];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(ConfluxId(bytes)),
            Err(_) => Err(ParseConfluxIdError { text: text.into() }),
        }
    }
}

impl fmt::Display for ConfluxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode_upper(self.0))
    }
}

impl fmt::Debug for ConfluxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfluxId({self})")
    }
}

/// A text that is no conflux id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no conflux id: it must be 32 hexadecimal digits")]
pub struct ParseConfluxIdError {
    text: String,
}
