//! What tor says of a stream: control-spec, event STREAM.

use std::fmt;
use std::net::IpAddr;

open_enum! {
    /// How far a stream has come.
    pub enum StreamStatus {
        /// A request to connect has arrived.
        New = "NEW",
        /// A request to resolve a name has arrived.
        NewResolve = "NEWRESOLVE",
        /// Its target was replaced, from the address map or the exit's answer.
        Remap = "REMAP",
        /// The request to connect was sent along a circuit.
        SentConnect = "SENTCONNECT",
        /// The request to resolve was sent along a circuit.
        SentResolve = "SENTRESOLVE",
        /// It is open.
        Succeeded = "SUCCEEDED",
        /// It failed, and is not tried again.
        Failed = "FAILED",
        /// It has ended.
        Closed = "CLOSED",
        /// It lost its circuit, and may be tried on another.
        Detached = "DETACHED",
        /// It waits for a controller to attach it.
        ControllerWait = "CONTROLLER_WAIT",
        /// This end asked the other to pause.
        XoffSent = "XOFF_SENT",
        /// The other end asked this one to pause.
        XoffRecv = "XOFF_RECV",
        /// This end asked the other to go on.
        XonSent = "XON_SENT",
        /// The other end asked this one to go on.
        XonRecv = "XON_RECV",
    }
}

impl StreamStatus {
    /// Whether nothing follows: `FAILED` or `CLOSED`.
    pub fn is_end(&self) -> bool {
        matches!(self, StreamStatus::Failed | StreamStatus::Closed)
    }
}

open_enum! {
    /// Why a stream failed, was detached or closed.
    pub enum StreamReason {
        /// None of the others.
        Misc = "MISC",
        /// The name could not be resolved.
        ResolveFailed = "RESOLVEFAILED",
        /// The target refused the connection.
        ConnectRefused = "CONNECTREFUSED",
        /// The exit's policy does not allow the target.
        ExitPolicy = "EXITPOLICY",
        /// The circuit was destroyed.
        Destroy = "DESTROY",
        /// It ended normally.
        Done = "DONE",
        /// It took too long.
        Timeout = "TIMEOUT",
        /// There is no route to the target.
        NoRoute = "NOROUTE",
        /// The relay is hibernating.
        Hibernating = "HIBERNATING",
        /// An internal error.
        Internal = "INTERNAL",
        /// The relay is out of resources.
        ResourceLimit = "RESOURCELIMIT",
        /// The target reset the connection.
        ConnReset = "CONNRESET",
        /// The peer broke Tor's protocol.
        TorProtocol = "TORPROTOCOL",
        /// A directory request was sent to a relay that is no directory.
        NotDirectory = "NOTDIRECTORY",
        /// The other end closed it: see the remote reason.
        End = "END",
        /// It could not be attached to a circuit.
        CantAttach = "CANT_ATTACH",
        /// The network is unreachable.
        NetUnreachable = "NET_UNREACHABLE",
        /// The client broke the SOCKS protocol.
        SocksProtocol = "SOCKS_PROTOCOL",
        /// The client broke the HTTP protocol.
        HttpProtocol = "HTTP_PROTOCOL",
        /// The target is a private address.
        PrivateAddr = "PRIVATE_ADDR",
    }
}

open_enum! {
    /// What a stream is for.
    pub enum StreamPurpose {
        /// A client's.
        User = "USER",
        /// tor's own, fetching from a directory.
        DirFetch = "DIR_FETCH",
        /// tor's own, uploading to a directory.
        DirUpload = "DIR_UPLOAD",
        /// A name to resolve, from a client or a controller.
        DnsRequest = "DNS_REQUEST",
        /// A test of this relay's own directory port (older tors).
        DirportTest = "DIRPORT_TEST",
    }
}

open_enum! {
    /// What a client spoke to open a stream.
    pub enum ClientProtocol {
        /// SOCKS4 or SOCKS4a.
        Socks4 = "SOCKS4",
        /// SOCKS5.
        Socks5 = "SOCKS5",
        /// A transparent proxy port.
        Trans = "TRANS",
        /// A NATD port.
        Natd = "NATD",
        /// A DNS port.
        Dns = "DNS",
        /// An HTTP tunnel port.
        HttpConnect = "HTTPCONNECT",
        /// A metrics port.
        Metrics = "METRICS",
        /// None: the stream is tor's or a controller's own.
        Unknown = "UNKNOWN",
    }
}

open_enum! {
    /// Where a stream's new target came from.
    pub enum StreamSource {
        /// tor's own address map.
        Cache = "CACHE",
        /// The exit's answer.
        Exit = "EXIT",
    }
}

open_enum! {
    /// A property in which streams must agree to share a circuit.
    pub enum IsolationField {
        /// The target's port.
        DestPort = "DESTPORT",
        /// The target's address.
        DestAddr = "DESTADDR",
        /// The SOCKS user name.
        SocksUsername = "SOCKS_USERNAME",
        /// The SOCKS password.
        SocksPassword = "SOCKS_PASSWORD",
        /// What the client spoke.
        ClientProtocol = "CLIENT_PROTOCOL",
        /// The client's address.
        ClientAddr = "CLIENTADDR",
        /// The group of the port that it came in by.
        SessionGroup = "SESSION_GROUP",
        /// The number of NEWNYMs before it.
        NymEpoch = "NYM_EPOCH",
    }
}

/// A stream's target, `host:port`.
///
/// ```
/// use scape::event::StreamTarget;
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
    /// The host: a name, an address without its brackets, or tor's own
    /// `address.$FINGERPRINT.exit`.
    pub fn host(&self) -> &str {
        let host = self.split().map_or(&*self.text, |(host, _)| host);
        host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
    }

    /// The port; 0 for a request to resolve. `None` where tor cut the target
    /// off.
    pub fn port(&self) -> Option<u16> {
        self.split().map(|(_, port)| port)
    }

    /// The host as an address, where it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host().parse().ok()
    }

    /// The whole text, as tor wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

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
    fn a_target_is_split_at_its_last_colon() {
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
