//! Statuses, purposes and reasons of streams: control-spec, event STREAM.

use std::fmt;
use std::net::IpAddr;

open_enum! {
    /// The status of a stream.
    pub enum StreamStatus {
        /// A client asked to connect.
        New = "NEW",
        /// A client asked to resolve a name or an address.
        NewResolve = "NEWRESOLVE",
        /// The stream's target was replaced by one from the address map or from
        /// the exit's answer.
        Remap = "REMAP",
        /// The connect request was sent along a circuit.
        SentConnect = "SENTCONNECT",
        /// The resolve request was sent along a circuit.
        SentResolve = "SENTRESOLVE",
        /// The stream is open.
        Succeeded = "SUCCEEDED",
        /// The stream failed and won't be retried. The status `CLOSED` follows.
        Failed = "FAILED",
        /// The stream was closed.
        Closed = "CLOSED",
        /// The stream was detached from its circuit. tor can still attach it to
        /// another circuit.
        Detached = "DETACHED",
        /// The stream waits for a controller to attach it.
        ControllerWait = "CONTROLLER_WAIT",
        /// tor asked the other end of the stream to stop sending.
        XoffSent = "XOFF_SENT",
        /// The other end of the stream asked tor to stop sending.
        XoffRecv = "XOFF_RECV",
        /// tor asked the other end of the stream to resume sending.
        XonSent = "XON_SENT",
        /// The other end of the stream asked tor to resume sending.
        XonRecv = "XON_RECV",
    }
}

impl StreamStatus {
    /// Returns true if the stream has ended: the status is `FAILED` or
    /// `CLOSED`. After each `FAILED`, tor sends `CLOSED` for the same stream.
    ///
    /// ```
    /// use scape_proto::event::StreamStatus;
    ///
    /// assert!(StreamStatus::Failed.is_end());
    /// assert!(!StreamStatus::Detached.is_end()); // tor may retry it
    /// ```
    pub fn is_end(&self) -> bool {
        matches!(self, StreamStatus::Failed | StreamStatus::Closed)
    }

    /// Returns the lasting status of a stream after an event with this status.
    ///
    /// The four flow control statuses (`XOFF_SENT` and so on) occur only while
    /// a stream is open, so they become `SUCCEEDED`. All other statuses are
    /// returned unchanged.
    ///
    /// ```
    /// use scape_proto::event::StreamStatus;
    ///
    /// assert_eq!(StreamStatus::XoffSent.lasting(), &StreamStatus::Succeeded);
    /// assert_eq!(StreamStatus::Detached.lasting(), &StreamStatus::Detached);
    /// ```
    #[doc(hidden)] // for `scape` only
    pub fn lasting(&self) -> &StreamStatus {
        match self {
            StreamStatus::XoffSent
            | StreamStatus::XoffRecv
            | StreamStatus::XonSent
            | StreamStatus::XonRecv => &StreamStatus::Succeeded,
            status => status,
        }
    }
}

open_enum! {
    /// The reason why a stream failed, was detached or was closed.
    #[doc(alias = "StreamClosureReason")]
    pub enum StreamReason {
        /// A reason that no other variant describes.
        Misc = "MISC",
        /// The host name couldn't be resolved.
        ResolveFailed = "RESOLVEFAILED",
        /// The target refused the connection.
        ConnectRefused = "CONNECTREFUSED",
        /// The exit's policy doesn't allow the target.
        ExitPolicy = "EXITPOLICY",
        /// The circuit that carried the stream was destroyed.
        Destroy = "DESTROY",
        /// The stream ended normally.
        Done = "DONE",
        /// The connection to the target timed out.
        Timeout = "TIMEOUT",
        /// There is no route to the target.
        NoRoute = "NOROUTE",
        /// The relay that ended the stream is hibernating.
        Hibernating = "HIBERNATING",
        /// An internal error occurred.
        Internal = "INTERNAL",
        /// The relay that ended the stream is out of resources.
        ResourceLimit = "RESOURCELIMIT",
        /// The target reset the connection.
        ConnReset = "CONNRESET",
        /// The Tor protocol was violated.
        TorProtocol = "TORPROTOCOL",
        /// A directory request was sent to a relay that isn't a directory.
        NotDirectory = "NOTDIRECTORY",
        /// The other end closed the stream. The field `remote_reason` of the
        /// event says why.
        End = "END",
        /// The stream couldn't be attached to a circuit.
        CantAttach = "CANT_ATTACH",
        /// The network is unreachable.
        NetUnreachable = "NET_UNREACHABLE",
        /// The client violated the SOCKS protocol.
        SocksProtocol = "SOCKS_PROTOCOL",
        /// The client violated the HTTP protocol.
        HttpProtocol = "HTTP_PROTOCOL",
        /// The target is a private address.
        PrivateAddr = "PRIVATE_ADDR",
    }
}

open_enum! {
    /// The purpose of a stream.
    pub enum StreamPurpose {
        /// Traffic of a client.
        User = "USER",
        /// A directory fetch by tor itself.
        DirFetch = "DIR_FETCH",
        /// A directory upload by tor itself.
        DirUpload = "DIR_UPLOAD",
        /// A look-up of a name or an address, for a client or a controller.
        DnsRequest = "DNS_REQUEST",
        /// A test that this relay's directory port is reachable. Only older
        /// versions of tor open such streams.
        DirportTest = "DIRPORT_TEST",
    }
}

open_enum! {
    /// The protocol that a client used to open a stream.
    pub enum ClientProtocol {
        /// SOCKS4 or SOCKS4a.
        Socks4 = "SOCKS4",
        /// SOCKS5.
        Socks5 = "SOCKS5",
        /// Transparent proxying (`TransPort`).
        Trans = "TRANS",
        /// NATD (`NATDPort`).
        Natd = "NATD",
        /// DNS (`DNSPort`).
        Dns = "DNS",
        /// HTTP CONNECT (`HTTPTunnelPort`).
        HttpConnect = "HTTPCONNECT",
        /// Metrics (`MetricsPort`).
        Metrics = "METRICS",
        /// No protocol, because tor or a controller opened the stream.
        Unknown = "UNKNOWN",
    }
}

open_enum! {
    /// The origin of a stream's new target, after the status `REMAP`.
    pub enum StreamSource {
        /// The new target comes from tor's own address map.
        Cache = "CACHE",
        /// The new target comes from the exit's answer.
        Exit = "EXIT",
    }
}

open_enum! {
    /// A property that separates streams: two streams share a circuit only if
    /// the property is the same for both.
    pub enum IsolationField {
        /// The target's port.
        DestPort = "DESTPORT",
        /// The target's address.
        DestAddr = "DESTADDR",
        /// The SOCKS user name.
        SocksUsername = "SOCKS_USERNAME",
        /// The SOCKS password.
        SocksPassword = "SOCKS_PASSWORD",
        /// The protocol that the client used.
        ClientProtocol = "CLIENT_PROTOCOL",
        /// The client's address.
        ClientAddr = "CLIENTADDR",
        /// The session group of the port that the stream came in on.
        SessionGroup = "SESSION_GROUP",
        /// The number of NEWNYM signals before the stream was opened.
        NymEpoch = "NYM_EPOCH",
    }
}

/// A stream's target, `host:port`.
///
/// ```
/// use scape_proto::event::StreamTarget;
///
/// let target: StreamTarget = "[2001:db8::1]:443".into();
/// assert_eq!((target.host(), target.port()), ("2001:db8::1", Some(443)));
/// assert_eq!(target.to_string(), "[2001:db8::1]:443");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamTarget {
    text: Box<str>,
}

impl StreamTarget {
    /// Returns the host: a name, an address without brackets, or tor's own
    /// notation `address.$FINGERPRINT.exit`. Returns the whole target if it has
    /// no valid port.
    pub fn host(&self) -> &str {
        let host = self.split().map_or(&*self.text, |(host, _)| host);
        host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
    }

    /// Returns the port, which is 0 for a resolve request. Returns `None` if
    /// the target has no valid port, for example because tor cut off a long
    /// target.
    pub fn port(&self) -> Option<u16> {
        self.split().map(|(_, port)| port)
    }

    /// Returns the host as an IP address, or `None` if it is a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host().parse().ok()
    }

    /// Returns the whole target as tor wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Splits the target at its last colon. Returns `None` if there is no valid
    /// port.
    fn split(&self) -> Option<(&str, u16)> {
        let (host, port) = self.text.rsplit_once(':')?;
        Some((host, port.parse().ok()?))
    }
}

impl From<&str> for StreamTarget {
    fn from(text: &str) -> Self {
        StreamTarget { text: text.into() }
    }
}

impl fmt::Display for StreamTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_target_splits_at_last_colon() {
        let cases = [
            ("g.example:0", "g.example", Some(0)),
            ("[::1]:80", "::1", Some(80)),
            ("::1:80", "::1", Some(80)),
            (
                "127.0.0.1.$A958A139891C54874CE30704C302CDA9D94CC15D.exit:5001",
                "127.0.0.1.$A958A139891C54874CE30704C302CDA9D94CC15D.exit",
                Some(5001),
            ),
            ("cut-off-name", "cut-off-name", None),
            ("a:99999", "a:99999", None),
        ];
        for (text, host, port) in cases {
            let target = StreamTarget::from(text);
            assert_eq!((target.host(), target.port()), (host, port), "{text}");
            assert_eq!(target.to_string(), text);
        }
    }
}
