//! Statuses, purposes and reasons of circuits: control-spec, events CIRC and
//! CIRC_MINOR.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXUPPER, HEXUPPER_PERMISSIVE};

open_enum! {
    /// The status of a circuit.
    #[doc(alias = "CircStatus")]
    pub enum CircuitStatus {
        /// The circuit got an id. It has no hops yet.
        Launched = "LAUNCHED",
        /// The circuit was extended by one hop.
        Extended = "EXTENDED",
        /// All hops are built. tor is still checking whether a better guard can
        /// be used. tor 0.4.9 never sends this status in events, only in
        /// `GETINFO circuit-status`.
        GuardWait = "GUARD_WAIT",
        /// The circuit is ready for streams.
        Built = "BUILT",
        /// The circuit couldn't be built.
        Failed = "FAILED",
        /// The circuit was closed.
        Closed = "CLOSED",
    }
}

impl CircuitStatus {
    /// Returns true if the circuit has ended: the status is `FAILED` or
    /// `CLOSED`. tor sends one of the two as the last CIRC event of a circuit.
    ///
    /// ```
    /// use scape_proto::event::CircuitStatus;
    ///
    /// assert!(CircuitStatus::Closed.is_end());
    /// assert!(!CircuitStatus::Built.is_end());
    /// ```
    pub fn is_end(&self) -> bool {
        matches!(self, CircuitStatus::Failed | CircuitStatus::Closed)
    }
}

open_enum! {
    /// The purpose of a circuit.
    #[doc(alias = "CircPurpose")]
    pub enum CircuitPurpose {
        /// Ordinary traffic or directory requests.
        General = "GENERAL",
        /// Fetches an onion service descriptor.
        HsClientHsdir = "HS_CLIENT_HSDIR",
        /// Connects a client to an introduction point.
        HsClientIntro = "HS_CLIENT_INTRO",
        /// Connects a client to a rendezvous point.
        HsClientRend = "HS_CLIENT_REND",
        /// Uploads an onion service descriptor.
        HsServiceHsdir = "HS_SERVICE_HSDIR",
        /// Connects an onion service to an introduction point.
        HsServiceIntro = "HS_SERVICE_INTRO",
        /// Connects an onion service to a rendezvous point.
        HsServiceRend = "HS_SERVICE_REND",
        /// Tests whether tor, which runs as a relay, is reachable.
        Testing = "TESTING",
        /// The circuit has timed out. It stays open only until tor has measured
        /// how long building takes.
        MeasureTimeout = "MEASURE_TIMEOUT",
        /// A circuit that a controller built. tor attaches no streams to such a
        /// circuit by itself.
        Controller = "CONTROLLER",
        /// Tests whether a guard drops circuits.
        PathBiasTesting = "PATH_BIAS_TESTING",
        /// A circuit that tor built in advance for onion services, with
        /// vanguards.
        HsVanguards = "HS_VANGUARDS",
        /// The circuit stays open only for its padding.
        CircuitPadding = "CIRCUIT_PADDING",
        /// One of the two circuits of a conflux set (see [`ConfluxId`]), not
        /// linked to the other circuit yet.
        ConfluxUnlinked = "CONFLUX_UNLINKED",
        /// One of the two linked circuits of a conflux set (see [`ConfluxId`]).
        ConfluxLinked = "CONFLUX_LINKED",
        /// A circuit of another client, with this tor as one of its relays. tor
        /// doesn't report such circuits to controllers.
        Server = "SERVER",
    }
}

impl CircuitPurpose {
    /// Returns true for circuits of onion services, on the client side or the
    /// service side, and for circuits that tor builds in advance for onion
    /// services. Also returns true for unknown purposes that begin with `HS_`.
    ///
    /// ```
    /// use scape_proto::event::CircuitPurpose;
    ///
    /// assert!(CircuitPurpose::HsServiceIntro.is_onion_service());
    /// assert!(!CircuitPurpose::General.is_onion_service());
    /// ```
    pub fn is_onion_service(&self) -> bool {
        self.as_str().starts_with("HS_")
    }
}

open_enum! {
    /// The progress of a circuit that belongs to an onion service or its
    /// client.
    #[doc(alias = "HiddenServiceState")]
    pub enum HsState {
        /// The client is connecting to the introduction point.
        ClientIntroConnecting = "HSCI_CONNECTING",
        /// The client has sent INTRODUCE1 to the introduction point.
        ClientIntroSent = "HSCI_INTRO_SENT",
        /// The introduction point has acknowledged the client's INTRODUCE1.
        ClientIntroDone = "HSCI_DONE",
        /// The client is connecting to the rendezvous point.
        ClientRendConnecting = "HSCR_CONNECTING",
        /// The client has established the rendezvous point, but hasn't sent the
        /// introduction yet.
        ClientRendEstablishedIdle = "HSCR_ESTABLISHED_IDLE",
        /// The client has established the rendezvous point, and the
        /// introduction was acknowledged. The client is waiting for the
        /// service.
        ClientRendEstablishedWaiting = "HSCR_ESTABLISHED_WAITING",
        /// The client's circuit to the rendezvous point is joined to the
        /// service's circuit.
        ClientRendJoined = "HSCR_JOINED",
        /// The service is connecting to the introduction point.
        ServiceIntroConnecting = "HSSI_CONNECTING",
        /// The service has established the introduction point.
        ServiceIntroEstablished = "HSSI_ESTABLISHED",
        /// The service is connecting to the rendezvous point.
        ServiceRendConnecting = "HSSR_CONNECTING",
        /// The service's circuit to the rendezvous point is joined to the
        /// client's circuit.
        ServiceRendJoined = "HSSR_JOINED",
    }
}

open_enum! {
    /// A property of a circuit's path.
    #[doc(alias = "CircBuildFlag")]
    pub enum BuildFlag {
        /// The circuit has only one hop, for directory requests.
        OnehopTunnel = "ONEHOP_TUNNEL",
        /// The circuit is internal: it isn't for streams that leave the Tor
        /// network.
        IsInternal = "IS_INTERNAL",
        /// The path contains only relays with high capacity.
        NeedCapacity = "NEED_CAPACITY",
        /// The path contains only relays with high uptime.
        NeedUptime = "NEED_UPTIME",
    }
}

open_enum! {
    /// The reason why a circuit failed or was closed: one of tor's own reasons,
    /// or one that a relay gave.
    #[doc(alias = "CircClosureReason")]
    pub enum CircuitReason {
        /// No reason was given.
        None = "NONE",
        /// The Tor protocol was violated.
        TorProtocol = "TORPROTOCOL",
        /// An internal error occurred.
        Internal = "INTERNAL",
        /// A client sent TRUNCATE, or a controller closed the circuit.
        Requested = "REQUESTED",
        /// A relay of the circuit is hibernating.
        Hibernating = "HIBERNATING",
        /// Memory, sockets or circuit ids ran out.
        ResourceLimit = "RESOURCELIMIT",
        /// The next relay of the circuit couldn't be reached.
        ConnectFailed = "CONNECTFAILED",
        /// The next relay of the circuit has a different identity than
        /// expected.
        OrIdentity = "OR_IDENTITY",
        /// The connection that carried the circuit was closed.
        ChannelClosed = "CHANNEL_CLOSED",
        /// Older tors' name for [`ChannelClosed`](Self::ChannelClosed).
        OrConnClosed = "OR_CONN_CLOSED",
        /// The circuit was too old, or was no longer needed.
        Finished = "FINISHED",
        /// Building the circuit took too long.
        Timeout = "TIMEOUT",
        /// A relay destroyed the circuit. The field `remote_reason` of the
        /// circuit says why.
        Destroyed = "DESTROYED",
        /// The onion service does not exist.
        NoSuchService = "NOSUCHSERVICE",
        /// There were not enough relays to choose a path from.
        NoPath = "NOPATH",
        /// Like `TIMEOUT`, but the circuit had been kept open to measure how
        /// long building takes.
        MeasurementExpired = "MEASUREMENT_EXPIRED",
        /// Another introduction attempt succeeded first.
        IpNowRedundant = "IP_NOW_REDUNDANT",
        /// tor itself closed the circuit, for an unspecified reason. This is a
        /// catch-all that shouldn't occur.
        Origin = "ORIGIN",
    }
}

open_enum! {
    /// The kind of change in a CIRC_MINOR event.
    #[doc(alias = "CircEvent")]
    pub enum CircuitMinorChange {
        /// The circuit's purpose or its onion service state changed.
        PurposeChanged = "PURPOSE_CHANGED",
        /// The circuit was cannibalized: tor reuses it for another purpose and
        /// extends it.
        Cannibalized = "CANNIBALIZED",
    }
}

/// The id that both legs of a conflux set share: 16 bytes, written as 32
/// hexadecimal digits.
///
/// Conflux (proposal 329) sends the data of a stream over two circuits to the
/// same exit. The two circuits are the legs of a conflux set.
///
/// ```
/// use scape_proto::event::ConfluxId;
///
/// let id: ConfluxId = "000102030405060708090A0B0C0D0E0F".parse()?;
/// assert_eq!(id.as_bytes()[15], 15);
/// # Ok::<(), scape_proto::event::ParseConfluxIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConfluxId([u8; 16]);

impl ConfluxId {
    /// Creates an id from its bytes.
    ///
    /// ```
    /// use scape_proto::event::ConfluxId;
    ///
    /// let id = ConfluxId::from_bytes([0x5a; 16]);
    /// assert_eq!(id.to_string(), "5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A");
    /// ```
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        ConfluxId(bytes)
    }

    /// Returns the id's bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for ConfluxId {
    type Err = ParseConfluxIdError;

    /// Parses 32 hexadecimal digits, in upper or lower case.
    ///
    /// # Errors
    ///
    /// Returns [`ParseConfluxIdError`] for any other text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 16];
        let digits = text.as_bytes();
        match digits.len() == 32 && HEXUPPER_PERMISSIVE.decode_mut(digits, &mut bytes).is_ok() {
            true => Ok(ConfluxId(bytes)),
            false => Err(ParseConfluxIdError { text: text.into() }),
        }
    }
}

impl fmt::Display for ConfluxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXUPPER.encode(&self.0))
    }
}

impl fmt::Debug for ConfluxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfluxId({self})")
    }
}

/// The error for a text that isn't a conflux id.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a conflux id: it must be 32 hexadecimal digits")]
pub struct ParseConfluxIdError {
    text: String,
}

error_debug!(ParseConfluxIdError);
