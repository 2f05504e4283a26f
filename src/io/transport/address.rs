//! The type [`Address`]: the address of a control or SOCKS port.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The address of one of tor's ports: a control port or a SOCKS port, TCP or
/// Unix.
///
/// | text | meaning |
/// |---|---|
/// | `9051` | port 9051 of `127.0.0.1` |
/// | `127.0.0.1:9051`, `[::1]:9051` | this IP address and port |
/// | `localhost:9051` | `127.0.0.1`, then `::1`, without a look-up |
/// | `tor.example:9051` | the addresses that the system's resolver returns for `tor.example` |
/// | `/run/tor/control`, `unix:/run/tor/control` | this Unix socket |
/// | `unix:tor/control` | this Unix socket, relative to the working directory |
///
/// This library gives only one kind of name to the system's resolver: the host
/// name of an `Address`. The user gave this name as the address of tor, so it
/// is not a destination that should be resolved through Tor. Names that end in
/// `.onion` are refused.
///
/// ```
/// use scape::transport::Address;
///
/// let address: Address = "9051".parse()?;
/// assert_eq!(address.to_string(), "127.0.0.1:9051");
/// let address: Address = "/run/tor/control".parse()?;
/// assert_eq!(address.to_string(), "unix:/run/tor/control");
/// assert!("2001:db8::1:9051".parse::<Address>().is_err());
/// # Ok::<(), scape::transport::ParseAddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Address {
    /// A TCP port of an IP address.
    Ip(SocketAddr),
    /// A TCP port of a host with a name. Created by [`Address::tcp`] and by
    /// parsing, which both check the name.
    #[non_exhaustive]
    Name {
        /// The name as it was given.
        host: Box<str>,
        /// The port of the host.
        port: u16,
    },
    /// A Unix socket. Connecting to it fails on a system without Unix sockets.
    Unix(PathBuf),
}

impl Address {
    /// Returns the address of a TCP port. `host` is a name or the text of an IP
    /// address.
    ///
    /// ```
    /// use scape::transport::Address;
    ///
    /// assert_eq!(Address::tcp("::1", 9051)?.to_string(), "[::1]:9051");
    /// assert_eq!(Address::tcp("localhost", 9051)?.to_string(), "localhost:9051");
    /// assert!(Address::tcp("example.onion", 9051).is_err());
    /// # Ok::<(), scape::transport::ParseAddressError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if `host` is neither a name nor an IP address, if it is
    /// an `.onion` name, or if `port` is 0.
    pub fn tcp(host: &str, port: u16) -> Result<Self, ParseAddressError> {
        let error = |problem| ParseAddressError { text: format!("{host}:{port}"), problem };
        if port == 0 {
            return Err(error(AddressProblem::Port));
        }
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if let Ok(ip) = bare.parse::<Ipv6Addr>() {
            return Ok(Address::from((IpAddr::V6(ip), port)));
        }
        if let Ok(ip) = host.parse::<Ipv4Addr>() {
            return Ok(Address::from((IpAddr::V4(ip), port)));
        }
        check_name(host).map_err(error)?;
        Ok(Address::Name { host: host.into(), port })
    }

    /// Returns the TCP port, or `None` for a Unix socket.
    pub fn port(&self) -> Option<u16> {
        match self {
            Address::Ip(address) => Some(address.port()),
            Address::Name { port, .. } => Some(*port),
            Address::Unix(_) => None,
        }
    }

    /// Returns the path of a Unix socket, or `None` for a TCP port.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Address::Unix(path) => Some(path),
            _ => None,
        }
    }

    /// Returns true if this is a Unix socket.
    pub fn is_unix(&self) -> bool {
        matches!(self, Address::Unix(_))
    }

    /// Returns true if data that is sent to this address stays on this machine:
    /// for a Unix socket, a loopback address, or `localhost`.
    ///
    /// ```
    /// use scape::transport::Address;
    ///
    /// assert!("[::1]:9051".parse::<Address>()?.is_local());
    /// assert!(!"192.0.2.1:9051".parse::<Address>()?.is_local());
    /// # Ok::<(), scape::transport::ParseAddressError>(())
    /// ```
    pub fn is_local(&self) -> bool {
        match self {
            Address::Ip(address) => address.ip().is_loopback(),
            Address::Name { host, .. } => is_localhost(host),
            Address::Unix(_) => true,
        }
    }

    /// Returns true if this is a port of this machine:
    /// [`is_local`](Self::is_local), or an IP address of one of this machine's
    /// network interfaces. Nothing is sent and no name is looked up, so names
    /// other than `localhost` count as another machine.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        match self {
            Address::Ip(address) => self.is_local() || is_own(*address),
            _ => self.is_local(),
        }
    }
}

/// Returns true if the IP address belongs to one of this machine's network
/// interfaces, or is the unspecified address, which also stands for this
/// machine.
///
/// A UDP socket is connected to the address. This sends nothing: the system
/// only looks up the route and the source address. It isn't enough that the
/// address can be bound, because Linux has an option that lets programs bind
/// any address (`ip_nonlocal_bind`).
fn is_own(address: SocketAddr) -> bool {
    // The port for which the route is looked up makes no difference. Some
    // systems refuse port 0.
    const ANY_PORT: u16 = 9;
    match address.ip().to_canonical() {
        ip if ip.is_unspecified() || ip.is_loopback() => true,
        // Linux refuses this connection if the socket is bound to an address of
        // another machine. The source address that Linux would choose for an
        // unbound socket says less: for a second address of an interface, it is
        // the first address.
        IpAddr::V4(ip) => {
            let connected =
                UdpSocket::bind((ip, 0)).and_then(|socket| socket.connect((ip, ANY_PORT)));
            connected.is_ok()
        }
        // Linux doesn't check the address that an IPv6 socket is bound to. But
        // as the source address, it chooses the destination itself if that is
        // an address of this machine (RFC 6724, rule 1 of section 5).
        IpAddr::V6(ip) => {
            // The zone of a link-local address is kept.
            let mut target = address;
            target.set_port(ANY_PORT);
            let source = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
                .and_then(|socket| socket.connect(target).and_then(|()| socket.local_addr()));
            source.is_ok_and(|source| source.ip() == ip)
        }
    }
}

/// Returns true if `name` means this machine, no matter what a resolver would
/// say (RFC 6761, 6.3).
pub(super) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Checks that a resolver may be asked for `name`.
fn check_name(name: &str) -> Result<(), AddressProblem> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare.contains(':') {
        return Err(AddressProblem::Brackets);
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if bare.is_empty() || bare.len() > 253 || !bare.bytes().all(allowed) {
        return Err(AddressProblem::Host);
    }
    // `127.1` and `10.0.0.256` are not names: resolvers read the first as an
    // address, and ask the network for the second.
    let last = bare.rsplit('.').next().unwrap_or(bare);
    if last.is_empty() || last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressProblem::Host);
    }
    if last.eq_ignore_ascii_case("onion") {
        return Err(AddressProblem::Onion);
    }
    Ok(())
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem| ParseAddressError { text: text.to_owned(), problem };
        let path = text.strip_prefix("unix:").or(text.starts_with('/').then_some(text));
        if let Some(path) = path {
            if path.is_empty() || path.contains('\0') {
                return Err(error(AddressProblem::Path));
            }
            return Ok(Address::Unix(path.into()));
        }
        if text.is_empty() {
            return Err(error(AddressProblem::Empty));
        }
        if has_scheme(text) {
            return Err(error(AddressProblem::Scheme));
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            let port = parse_port(text).ok_or_else(|| error(AddressProblem::Port))?;
            return Ok(Address::from(port));
        }
        if text.starts_with('[') {
            if text.ends_with(']') {
                return Err(error(AddressProblem::NoPort));
            }
            let (host, port) = text.rsplit_once(':').ok_or_else(|| error(AddressProblem::Host))?;
            let port = parse_port(port).ok_or_else(|| error(AddressProblem::Port))?;
            if !host.ends_with(']') {
                return Err(error(AddressProblem::Host));
            }
            // `SocketAddrV6` reads the zone of `[fe80::1%2]:9051`, which
            // `Ipv6Addr` doesn't have.
            let mut address: SocketAddrV6 =
                text.parse().map_err(|_| error(AddressProblem::Host))?;
            address.set_port(port);
            return Ok(Address::Ip(address.into()));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| error(AddressProblem::NoPort))?;
        if host.contains(':') {
            return Err(error(AddressProblem::Brackets));
        }
        let port = parse_port(port).ok_or_else(|| error(AddressProblem::Port))?;
        Address::tcp(host, port).map_err(|e| error(e.problem))
    }
}

impl TryFrom<&str> for Address {
    type Error = ParseAddressError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for Address {
    type Error = ParseAddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Returns true if `text` begins with a scheme, as URLs and the endpoint
/// strings of other libraries do. `tcp:9051` is not one of these: it is port
/// 9051 of a host called `tcp`.
fn has_scheme(text: &str) -> bool {
    const SCHEMES: [&str; 7] = ["tcp", "tcp4", "tcp6", "tor", "socks5", "socks5h", "http"];
    text.split_once(':').is_some_and(|(scheme, rest)| {
        let is_known = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
        rest.starts_with("//") || is_known && rest.contains(':')
    })
}

/// Parses a port in decimal digits. 0 is not a port.
fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&port| digits && port != 0)
}

impl fmt::Display for Address {
    /// Formats the address so that it can be parsed again. (In a path that is
    /// not Unicode, some bytes are replaced.)
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(address) => write!(f, "{address}"),
            Address::Name { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Converts a port number to the address of this port on `127.0.0.1`.
impl From<u16> for Address {
    fn from(port: u16) -> Self {
        Address::from((IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address::Ip(address)
    }
}

impl From<SocketAddrV4> for Address {
    fn from(address: SocketAddrV4) -> Self {
        Address::Ip(address.into())
    }
}

impl From<SocketAddrV6> for Address {
    fn from(address: SocketAddrV6) -> Self {
        Address::Ip(address.into())
    }
}

impl From<(IpAddr, u16)> for Address {
    fn from((ip, port): (IpAddr, u16)) -> Self {
        Address::Ip(SocketAddr::new(ip, port))
    }
}

impl From<PathBuf> for Address {
    fn from(path: PathBuf) -> Self {
        Address::Unix(path)
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Self {
        Address::Unix(path.to_owned())
    }
}

impl From<&Address> for Address {
    fn from(address: &Address) -> Self {
        address.clone()
    }
}

/// The error of parsing a text that is not an [`Address`].
#[derive(Clone, PartialEq, Eq)]
pub struct ParseAddressError {
    text: String,
    problem: AddressProblem,
}

impl fmt::Debug for ParseAddressError {
    /// Writes the text of the error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The problem with the text of an [`Address`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressProblem {
    /// The text is empty.
    Empty,
    /// There is no port.
    NoPort,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The host is neither a name nor an IP address.
    Host,
    /// An IPv6 address has no brackets, so its end can't be told from the port.
    Brackets,
    /// The host is an onion service. Onion services are only reached through
    /// tor and never looked up.
    Onion,
    /// The path is empty or has a NUL byte.
    Path,
    /// The text begins with a scheme, like a URL.
    Scheme,
}

impl ParseAddressError {
    /// Returns the text that is not an address.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the problem with the text.
    pub fn problem(&self) -> AddressProblem {
        self.problem
    }
}

impl fmt::Display for ParseAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.problem {
            AddressProblem::Empty => "it is empty",
            AddressProblem::NoPort => "it has no port",
            AddressProblem::Port => "the port must be a number from 1 to 65535",
            AddressProblem::Host => "the host is neither a name nor an IP address",
            AddressProblem::Brackets => "an IPv6 address needs brackets, as in [::1]:9051",
            AddressProblem::Onion => {
                "an onion service is reached only through tor, never looked up"
            }
            AddressProblem::Path => "the path is empty or has a NUL byte",
            AddressProblem::Scheme => "it begins with a scheme; write only the host and the port",
        };
        write!(f, "{:?} is not the address of a port: {why}", self.text)?;
        f.write_str(" (9051, host:9051, [::1]:9051 and unix:/path are addresses)")
    }
}

impl std::error::Error for ParseAddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, AddressProblem> {
        text.parse().map_err(|e: ParseAddressError| e.problem)
    }

    #[test]
    fn addresses_are_read_and_written() {
        let cases = [
            ("9051", "127.0.0.1:9051"),
            ("127.0.0.1:9051", "127.0.0.1:9051"),
            ("[::1]:9051", "[::1]:9051"),
            ("[fe80::1%3]:9051", "[fe80::1%3]:9051"),
            ("localhost:9051", "localhost:9051"),
            ("tor.example.:1", "tor.example.:1"),
            ("my_tor:65535", "my_tor:65535"),
            ("unix:/run/tor/control", "unix:/run/tor/control"),
            ("/run/tor/control", "unix:/run/tor/control"),
            ("/run/a:9051", "unix:/run/a:9051"),
            ("unix:nix/tor control", "unix:nix/tor control"),
        ];
        for (text, shown) in cases {
            let address = parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(parse(shown), Ok(address), "{text}");
        }
        assert_eq!(parse("unix:x").unwrap().path(), Some(Path::new("x")));
    }

    #[test]
    fn parse_errors_name_the_problem() {
        use AddressProblem::{Brackets, Empty, Host, NoPort, Onion, Path, Port, Scheme};
        let cases = [
            ("", Empty),
            ("0", Port),
            ("65536", Port),
            ("localhost:0", Port),
            ("localhost:", Port),
            ("localhost:+1", Port),
            ("[::1]:", Port),
            ("[::1]:+9", Port),
            ("localhost", NoPort),
            ("auto", NoPort),
            ("[::1]", NoPort),
            ("::1:9051", Brackets),
            ("[::g]:1", Host),
            ("[::1]x:1", Host),
            ("[127.0.0.1]:1", Host),
            (":9051", Host),
            ("*:9051", Host),
            ("a b:9051", Host),
            ("tör:9051", Host),
            ("127.1:9051", Host),
            ("256.0.0.1:9051", Host),
            ("host/path:1", Host),
            ("abc.onion:9051", Onion),
            ("abc.ONION.:9051", Onion),
            ("abc.onion..:9051", Host),
            ("tcp:127.0.0.1:9051", Scheme),
            ("http://127.0.0.1:9051", Scheme),
            ("socks5://localhost:9050", Scheme),
            ("https://abc.onion/", Scheme),
            ("unix:", Path),
            ("unix:/a\0b", Path),
        ];
        for (text, problem) in cases {
            assert_eq!(parse(text), Err(problem), "{text:?}");
        }
        let error = "::1:9051".parse::<Address>().unwrap_err().to_string();
        assert!(error.starts_with("\"::1:9051\" is not the address"), "{error}");
    }

    #[test]
    fn host_that_is_an_ip_address_is_not_a_name() {
        for (host, shown) in
            [("127.0.0.1", "127.0.0.1:1"), ("::1", "[::1]:1"), ("[::1]", "[::1]:1")]
        {
            let address = Address::tcp(host, 1).unwrap();
            assert!(matches!(address, Address::Ip(_)));
            assert_eq!(address.to_string(), shown);
        }
    }

    #[test]
    fn loopback_addresses_and_localhost_are_local() {
        for local in ["1", "127.3.2.1:1", "[::1]:1", "LocalHost:1", "tor.localhost.:1", "/x"] {
            assert!(parse(local).unwrap().is_local(), "{local}");
        }
        for remote in ["192.0.2.1:1", "[2001:db8::1]:1", "localhost.example:1", "notlocalhost:1"] {
            assert!(!parse(remote).unwrap().is_local(), "{remote}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn link_local_address_of_an_interface_is_on_this_machine() {
        const LINK_LOCAL: &str = "20";
        let interfaces = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
        for line in interfaces.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [address, index, _, LINK_LOCAL, ..] = fields[..] else { continue };
            let ip = Ipv6Addr::from(u128::from_str_radix(address, 16).unwrap());
            let zone = u32::from_str_radix(index, 16).unwrap();
            let address = Address::Ip(SocketAddrV6::new(ip, 9051, 0, zone).into());
            assert!(address.is_on_this_machine(), "{address}");
        }
        assert!(!parse("[fe80::dead:1%1]:9051").unwrap().is_on_this_machine());
    }

    #[test]
    fn unspecified_and_mapped_loopback_addresses_are_on_this_machine() {
        for own in ["0.0.0.0:1", "127.3.2.1:1", "[::]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(parse(own).unwrap().is_on_this_machine(), "{own}");
        }
        for other in OTHERS {
            assert!(!parse(other).unwrap().is_on_this_machine(), "{other}");
        }
    }

    /// Addresses of other machines. The last two are in the subnets of the
    /// network interface that the test below creates, but aren't addresses of
    /// that interface.
    const OTHERS: [&str; 5] = [
        "192.0.2.1:9051",
        "[2001:db8::1]:9051",
        "[::ffff:192.0.2.1]:9051",
        "198.51.100.7:9051",
        "[2001:db8:1::7]:9051",
    ];

    /// With the option `ip_nonlocal_bind`, a program can bind the addresses of
    /// other machines.
    ///
    /// The test sets the option in a network namespace of its own, in which it
    /// runs its own program again. The check is skipped on a machine that
    /// doesn't allow such a namespace.
    #[cfg(target_os = "linux")]
    #[test]
    fn address_that_can_be_bound_may_be_on_another_machine() {
        const INSIDE: &str = "SCAPE_TEST_INSIDE_NAMESPACE";
        const OWN: [&str; 5] = [
            "127.0.0.1:9051",
            "198.51.100.1:9051",
            "198.51.100.2:9051",
            "[2001:db8:1::1]:9051",
            "[2001:db8:1::2]:9051",
        ];
        const SET_UP: &str = "set -e; exec 2> /dev/null
            ip link set lo up
            ip link add scape0 type dummy || ip link add scape0 type veth peer name scape1
            ip link set scape0 up
            ip link set scape1 up || true
            for address in 198.51.100.1/24 198.51.100.2/24; do
                ip addr add $address dev scape0
            done
            for address in 2001:db8:1::1/64 2001:db8:1::2/64; do
                ip -6 addr add $address dev scape0 nodad
            done
            while ip -6 addr show dev scape0 tentative | grep -q 2001; do sleep 0.1; done
            ip route add default via 198.51.100.9
            ip -6 route add default via 2001:db8:1::9 dev scape0
            echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind
            echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind
            echo ready";
        if std::env::var_os(INSIDE).is_some() {
            let other: SocketAddr = OTHERS[0].parse().unwrap();
            UdpSocket::bind((other.ip(), 0)).expect("the option lets any address be bound");
            for own in OWN {
                assert!(parse(own).unwrap().is_on_this_machine(), "{own}");
            }
            for other in OTHERS {
                assert!(!parse(other).unwrap().is_on_this_machine(), "{other}");
            }
            return;
        }
        let name =
            "io::transport::address::tests::address_that_can_be_bound_may_be_on_another_machine";
        let run = format!("{SET_UP}; exec \"$0\" --exact {name}");
        let output = std::process::Command::new("unshare")
            .args(["-rn", "sh", "-c", &run])
            .arg(std::env::current_exe().unwrap())
            .env(INSIDE, "1")
            .output();
        let Ok(output) = output else { return };
        let text = String::from_utf8_lossy(&output.stdout);
        if text.starts_with("ready") {
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
        }
    }
}
