//! Finds or adds the SOCKS port that a client uses.
//!
//! In this module, a filter is a program in front of tor's control port that
//! refuses some commands. Whonix's onion-grater is an example.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::probe::ask_whether_tor;
use super::{NoSocksPortError, SocksPort};
use crate::control::{ConnectAttempt, Controller, Warnings};
use crate::error::{Error, Phase, Result};
use crate::io::transport::{Address, Deadline, Transport};
use parking_lot::Mutex;
use scape_proto::control::{ArgumentError, Command, ConfLine, Refusal, parse_getconf};
use scape_proto::info::{ListenerAddress, ListenerKind};
use scape_proto::torrc::{PortAddress, PortLine, PortSwitch};
use std::sync::Arc;

/// The maximum time for verifying that a SOCKS port belongs to tor. If several
/// ports are checked, each has this time. It is also the timeout of calls on a
/// [`Tor`](crate::Tor) that has no control connection.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum time to wait for each SOCKS port to accept a connection. After
/// that, the next port is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The two options for SOCKS ports. They are one group: setting one of them
/// also replaces the values of the other.
const OPTIONS: [&str; 2] = ["SocksPort", "__SocksPort"];
/// The port that tor opens if neither of the [`OPTIONS`] is set.
const DEFAULT_PORT: u16 = 9050;
/// The usual SOCKS ports: tor's and Tor Browser's.
const USUAL_PORTS: [u16; 2] = [DEFAULT_PORT, 9150];
/// Tor Browser's control port.
const TOR_BROWSER_CONTROL: u16 = 9151;

/// A SOCKS port that was found or added.
#[derive(Debug)]
pub(crate) struct FoundPort {
    pub(crate) address: Address,
    /// The refusal, if a filter on the control port refused to list tor's SOCKS
    /// ports. After such a refusal, `address` is a guess: the port that an
    /// environment variable names, or a usual port. A tor listens there, but
    /// perhaps not the controlled one. `None` if tor listed the port, or if the
    /// caller named it.
    pub(crate) hidden_by: Option<Refusal>,
}

impl From<Address> for FoundPort {
    fn from(address: Address) -> Self {
        FoundPort { address, hidden_by: None }
    }
}

/// The SOCKS ports of one tor: the port that worked last, and the ports that
/// this library added. Each control connection has one value of this type.
#[derive(Debug, Default)]
pub(crate) struct SocksPorts {
    /// The SOCKS port that accepted a connection most recently. `None` if no
    /// port was found yet, or if the last search failed.
    usable: Mutex<Option<Address>>,
    /// The SOCKS ports that this library added, each with the address that tor
    /// opened for it. The lock is held while a port is added, so ports are
    /// added one at a time.
    added: Mutex<Vec<(PortLine, ListenerAddress)>>,
}

impl SocksPorts {
    /// Returns the `SocksPorts` of the control connection that `controller`
    /// uses. All handles to that connection share them.
    pub(crate) fn of(controller: &Controller) -> Arc<SocksPorts> {
        controller.shared_default()
    }

    /// Finds the SOCKS port that `port` selects, within the deadline of
    /// `controller`. If `port` is `Added` or `AddedUnix` and tor doesn't have
    /// the port, adds it first.
    pub(crate) fn find(&self, controller: &Controller, port: &SocksPort) -> Result<FoundPort> {
        let candidates = match port {
            SocksPort::At(address) => return Ok(address.clone().into()),
            SocksPort::WithOptions(wanted) => {
                let found =
                    having(controller, |line| wanted.iter().all(|option| line.has_flag(option)))?;
                if found.listeners.is_empty() {
                    return Err(found.error(wanted));
                }
                found.listeners
            }
            SocksPort::Added(wanted) => {
                self.added(controller, PortLine::new(PortAddress::Auto).with_flags(wanted))?
            }
            SocksPort::AddedUnix(path, wanted) => {
                let path = std::path::absolute(path)
                    .map_err(|error| Error::io(format!("find {}", path.display()), error))?;
                let line = PortLine::new(PortAddress::Unix(path)).with_flags(wanted);
                self.added(controller, line)?
            }
            SocksPort::Usable => return self.any(controller),
        };
        self.first_usable(controller, candidates).map(FoundPort::from)
    }

    /// Finds the first of tor's SOCKS ports that accepts a connection, within
    /// the deadline of `controller`. Ports that may ignore isolation
    /// credentials are tried last. If a filter on the control port refuses to
    /// list tor's ports, tries the port that an environment variable names, or
    /// else the usual ports.
    pub(crate) fn any(&self, controller: &Controller) -> Result<FoundPort> {
        match controller.info().listeners(&ListenerKind::Socks) {
            Ok(listeners) => {
                let listeners = isolating_first(controller, listeners)?;
                self.first_usable(controller, listeners).map(FoundPort::from)
            }
            Err(error) => match error.exact::<Refusal>() {
                Some(refusal) => self.usual_port(controller, refusal.clone()),
                None => Err(error),
            },
        }
    }

    /// Finds a port like [`any`](Self::any), but tries only the ports that tor
    /// lists. So the port certainly belongs to this tor. If a filter on the
    /// control port refuses to list tor's ports, returns that refusal as the
    /// error.
    pub(crate) fn named_by_tor(&self, controller: &Controller) -> Result<FoundPort> {
        let listeners = controller.info().listeners(&ListenerKind::Socks)?;
        self.first_usable(controller, listeners).map(FoundPort::from)
    }

    /// Finds a SOCKS port without tor's own list. `refusal` says why tor's list
    /// isn't known.
    ///
    /// Probes the port that an environment variable names. If no variable names
    /// a port, probes the usual ports, beginning with the one that worked last.
    /// Returns the first port that belongs to a tor.
    ///
    /// Every call probes again, because nothing else reports that a port has
    /// closed.
    fn usual_port(&self, controller: &Controller, refusal: Refusal) -> Result<FoundPort> {
        let named = controller.environment_socks();
        let mut addresses = match named {
            Some(named) => vec![named.clone()],
            None => usual_addresses(controller.tor_address()),
        };
        if let Some(last) = self.usable.lock().take().filter(|_| named.is_none()) {
            addresses.retain(|address| *address != last);
            addresses.insert(0, last);
        }
        let mut attempts = Vec::new();
        let deadline = controller.deadline();
        for address in addresses {
            match ask(&address, deadline.part(PROBE_TIMEOUT)) {
                Ok(()) => {
                    *self.usable.lock() = Some(address.clone());
                    return Ok(FoundPort { address, hidden_by: Some(refusal) });
                }
                Err(error) => attempts.push(ConnectAttempt::new(address.to_string(), error)),
            }
        }
        // If the deadline has passed, the ports may not have had the time to
        // answer.
        if deadline.has_passed() {
            return Err(deadline.error(Phase::Socks));
        }
        Err(NoSocksPortError::Hidden { refusal, attempts }.into())
    }

    /// Returns the listeners of the SOCKS port that `line` describes. If tor's
    /// configuration has no such port, adds `line` as a `__SocksPort` first.
    fn added(&self, controller: &Controller, line: PortLine) -> Result<Vec<ListenerAddress>> {
        check(&line)?;
        // Adding a line means writing the whole option group again, so every
        // step must be on the same connection.
        let controller = &controller.on_this_link()?;
        let deadline = controller.deadline();
        let added = self.added.try_lock_until(deadline.instant());
        let mut added = added.ok_or_else(|| deadline.error(Phase::Reply))?;
        // The cache may not know of another controller's change yet, which
        // would be undone.
        let configured = Configured::ask_again(controller)?;
        let before = controller.info().listeners(&ListenerKind::Socks)?;
        // Forget ports that have been removed from the configuration since.
        added.retain(|(_, listener)| before.contains(listener));
        let known = added
            .iter()
            .find(|(known, _)| known.address == line.address && same_flags(known, &line));
        if let Some((_, listener)) = known {
            return Ok(vec![listener.clone()]);
        }
        let wanted = |own: &PortLine| match line.address {
            PortAddress::Auto => same_flags(own, &line),
            _ => own.address == line.address,
        };
        let there = of_lines(&configured.lines, &before, wanted);
        // A port that tor has, but doesn't listen on (`DisableNetwork 1`), must
        // not be added once more.
        let is_closed = before.is_empty() || !line.address.is_auto();
        if !there.is_empty() || is_closed && configured.lines.iter().any(wanted) {
            return Ok(there);
        }
        let mut all = configured.options;
        // The value 0 means "no port" and can't stand next to other lines.
        all.retain(|(_, value)| !is_off(value));
        all.push((OPTIONS[1].to_owned(), line.to_string()));
        // With `auto` before a port with a number, tor may mix up the two
        // listeners at the next change of its configuration.
        all.sort_by_key(|(_, value)| {
            value.parse().is_ok_and(|line: PortLine| line.address.is_auto())
        });
        let warnings = Warnings::listen(controller)?;
        controller.set_conf(all).map_err(|error| warnings.explain(error))?;
        let after = controller.info().listeners(&ListenerKind::Socks)?;
        let mut new = after.into_iter().filter(|listener| !before.contains(listener));
        let new = match line.address {
            PortAddress::Auto => new.next_back(),
            _ => new.find(|listener| line.is_at(listener)),
        };
        added.extend(new.clone().map(|listener| (line, listener)));
        Ok(new.into_iter().collect())
    }

    /// Returns the address of the first listener that accepts a connection. A
    /// listener that worked last time isn't probed again.
    fn first_usable(
        &self,
        controller: &Controller,
        listeners: Vec<ListenerAddress>,
    ) -> Result<Address> {
        if listeners.is_empty() {
            return Err(NoSocksPortError::None.into());
        }
        let control = controller.tor_address();
        let deadline = controller.deadline();
        let mut attempts = Vec::new();
        for listener in listeners {
            let Some(address) = reachable(&listener, control) else { continue };
            if self.usable.lock().as_ref() == Some(&address) {
                return Ok(address);
            }
            let part = deadline.part(CONNECT_TIMEOUT);
            let to = address.clone();
            let connected = part.run(Phase::Connect, move || {
                Transport::connect(&to, part.instant()).map_err(|error| Error::io("connect", error))
            });
            match connected {
                Ok(_) => {
                    *self.usable.lock() = Some(address.clone());
                    return Ok(address);
                }
                Err(error) => attempts.push(ConnectAttempt::new(address.to_string(), error)),
            }
        }
        deadline.check_cancelled(Phase::Connect)?;
        *self.usable.lock() = None;
        match control {
            Some(control) if attempts.is_empty() => {
                Err(NoSocksPortError::Remote { control: control.to_string() }.into())
            }
            _ => Err(NoSocksPortError::Unreachable(attempts).into()),
        }
    }
}

/// Verifies that a SOCKS port belongs to tor. Returns an error if it doesn't,
/// if `deadline` passes, or if the call is cancelled.
pub(crate) fn ask(address: &Address, deadline: Deadline) -> Result<()> {
    let address = address.clone();
    let left = deadline.left();
    deadline.run(Phase::Bootstrap, move || ask_whether_tor(&address, left))
}

/// Returns the usual SOCKS ports on the machine of the control port `control`.
/// If `control` is Tor Browser's control port, Tor Browser's SOCKS port comes
/// first.
pub(crate) fn usual_addresses(control: Option<&Address>) -> Vec<Address> {
    let mut ports = USUAL_PORTS;
    if control.and_then(Address::port) == Some(TOR_BROWSER_CONTROL) {
        ports.reverse();
    }
    let remote = control.filter(|address| !address.is_on_this_machine());
    let at = |port| match remote {
        Some(Address::Ip(host)) => Some(Address::Ip(SocketAddr::new(host.ip(), port))),
        Some(Address::Name { host, .. }) => Address::tcp(host, port).ok(),
        _ => Some(Address::from(port)),
    };
    ports.into_iter().filter_map(at).collect()
}

/// Returns the address at which this machine reaches a listener of tor.
/// `control` is the address of tor's control port.
///
/// Returns `None` if tor is on another machine and the listener accepts only
/// connections from that machine.
fn reachable(listener: &ListenerAddress, control: Option<&Address>) -> Option<Address> {
    let remote = control.filter(|address| !address.is_on_this_machine());
    match (listener, remote) {
        (ListenerAddress::Unix(_), Some(_)) => None,
        (ListenerAddress::Ip(address), Some(_)) if address.ip().is_loopback() => None,
        (ListenerAddress::Ip(address), Some(remote)) if address.ip().is_unspecified() => {
            match remote {
                Address::Ip(host) => Some(Address::Ip(SocketAddr::new(host.ip(), address.port()))),
                Address::Name { host, .. } => Address::tcp(host, address.port()).ok(),
                _ => None,
            }
        }
        (ListenerAddress::Ip(address), None) if address.ip().is_unspecified() => {
            let ip = match address.ip() {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            };
            Some(Address::Ip(SocketAddr::new(ip, address.port())))
        }
        (listener, _) => Some(listener.clone().into()),
    }
}

/// The result of [`having`]: the listeners that [`of_lines`] returns, and all
/// configured SOCKS port lines that could be parsed. If there are no listeners,
/// the caller's error message shows these lines.
struct Having {
    listeners: Vec<ListenerAddress>,
    lines: Vec<PortLine>,
}

impl Having {
    fn error(self, wanted: &[String]) -> Error {
        let lines = self.lines.iter().map(ToString::to_string).collect();
        NoSocksPortError::Options { wanted: wanted.to_vec(), lines }.into()
    }
}

fn having(controller: &Controller, wanted: impl Fn(&PortLine) -> bool) -> Result<Having> {
    let lines = Configured::ask(controller)?.lines;
    let listeners = controller.info().listeners(&ListenerKind::Socks)?;
    Ok(Having { listeners: of_lines(&lines, &listeners, wanted), lines })
}

/// Returns the listeners that certainly belong to a configured SOCKS port line
/// for which `wanted` returns true.
fn of_lines(
    lines: &[PortLine],
    listeners: &[ListenerAddress],
    wanted: impl Fn(&PortLine) -> bool,
) -> Vec<ListenerAddress> {
    let is_wanted = |listener: &&ListenerAddress| {
        let owners = owners(lines, listener);
        !owners.is_empty() && owners.into_iter().all(&wanted)
    };
    listeners.iter().filter(is_wanted).cloned().collect()
}

/// Returns the lines to which a listener may belong.
///
/// tor doesn't report which line a listener belongs to. If a line names the
/// listener's address, the listener belongs to that line. Any other listener
/// belongs to one of the lines without a fixed address, such as `auto`.
fn owners<'a>(lines: &'a [PortLine], listener: &ListenerAddress) -> Vec<&'a PortLine> {
    let naming: Vec<&PortLine> = lines.iter().filter(|line| line.is_at(listener)).collect();
    if !naming.is_empty() {
        return naming;
    }
    lines.iter().filter(|line| may_be_at(&line.address, listener)).collect()
}

/// Returns true if a listener may belong to a line without a fixed address.
/// `address` is the address of that line, such as `auto`.
fn may_be_at(address: &PortAddress, listener: &ListenerAddress) -> bool {
    match (address, listener) {
        (PortAddress::Other(_), _) => true,
        (PortAddress::Auto, ListenerAddress::Ip(_)) => true,
        (PortAddress::IpAuto(ip), ListenerAddress::Ip(listener)) => *ip == listener.ip(),
        (PortAddress::Host { port, .. }, ListenerAddress::Ip(listener)) => {
            port.is_none_or(|port| port == listener.port())
        }
        _ => false,
    }
}

/// Moves the listeners that may have the flag `NoIsolateSOCKSAuth` to the end.
/// On such a port, streams with different credentials share circuits.
fn isolating_first(
    controller: &Controller,
    mut listeners: Vec<ListenerAddress>,
) -> Result<Vec<ListenerAddress>> {
    if listeners.len() > 1 {
        let lines = match Configured::ask(controller) {
            Ok(configured) => configured.lines,
            // A filter hides the options.
            Err(error) if error.is::<Refusal>() => return Ok(listeners),
            Err(error) => return Err(error),
        };
        let ignores = |line: &PortLine| line.switched(PortSwitch::IsolateSocksAuth) == Some(false);
        listeners.sort_by_key(|listener| owners(&lines, listener).into_iter().any(ignores));
    }
    Ok(listeners)
}

/// The configured SOCKS ports, or tor's default if no option is set.
struct Configured {
    /// The options as they are set: names and values.
    options: Vec<(String, String)>,
    /// The values that could be parsed, without those that mean "no port".
    lines: Vec<PortLine>,
}

impl Configured {
    /// Returns the configured SOCKS ports. Asks tor only if the cache doesn't
    /// know the options.
    fn ask(controller: &Controller) -> Result<Self> {
        Ok(Self::of(controller.get_conf_lines(OPTIONS)?))
    }

    /// Returns the configured SOCKS ports. Asks tor even if the cache knows the
    /// options.
    fn ask_again(controller: &Controller) -> Result<Self> {
        let mut command = Command::build("GETCONF");
        OPTIONS.iter().for_each(|option| {
            command.option(option);
        });
        let reply = controller.send(command.finish()?)?.wait_ok()?;
        Ok(Self::of(parse_getconf(&reply, OPTIONS.len())))
    }

    fn of(set: Vec<ConfLine>) -> Self {
        let mut options: Vec<(String, String)> =
            set.into_iter().filter_map(|line| Some((line.name, line.value?))).collect();
        if options.is_empty() {
            options.push((OPTIONS[0].to_owned(), DEFAULT_PORT.to_string()));
        }
        let ports = options.iter().filter(|(_, value)| !is_off(value));
        let lines = ports.filter_map(|(_, value)| value.parse().ok()).collect();
        Configured { options, lines }
    }
}

/// Returns true if `value` is 0, which means "no port".
fn is_off(value: &str) -> bool {
    value.parse().is_ok_and(|line: PortLine| line.address == PortAddress::Off)
}

/// Returns true if the flags of two lines have the same effect.
fn same_flags(one: &PortLine, other: &PortLine) -> bool {
    let has_all = |one: &PortLine, other: &PortLine| {
        let mut flags = other.flags.iter();
        flags.all(|flag| one.has_flag(flag))
    };
    has_all(one, other) && has_all(other, one)
}

/// Rejects flags that aren't a single word, because tor would parse them as
/// something else.
fn check(line: &PortLine) -> Result<()> {
    for flag in &line.flags {
        if flag.is_empty()
            || flag
                .contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '#'))
        {
            let why = format!("{flag:?} is not a SOCKS port option: it must be a single word");
            return Err(ArgumentError::invalid("SocksPort", "option", why).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<PortLine> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn listeners(texts: &[&str]) -> Vec<ListenerAddress> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn found(configured: &[&str], there: &[&str], flag: &str) -> Vec<String> {
        let found = of_lines(&lines(configured), &listeners(there), |line| line.has_flag(flag));
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn listener_counts_only_for_a_line_that_certainly_owns_it() {
        let there = ["127.0.0.1:9050", "127.0.0.1:40001", "unix:/run/socks"];
        let configured = ["9050", "auto IsolateDestAddr", "unix:/run/socks IsolateDestAddr"];
        assert_eq!(
            found(&configured, &there, "isolatedestaddr"),
            ["127.0.0.1:40001", "unix:/run/socks"]
        );
        assert_eq!(found(&configured, &there, "ExtendedErrors"), [""; 0]);
        // Nothing shows which of the two listeners belongs to which line.
        let there = ["127.0.0.1:40001", "127.0.0.1:40002"];
        assert_eq!(found(&["auto IsolateDestAddr", "auto"], &there, "IsolateDestAddr"), [""; 0]);
        assert_eq!(found(&["auto X", "localhost:auto X"], &there, "X"), there);
        // A port alone is on 127.0.0.1, and a listener that no line can own
        // belongs to none.
        let there = ["127.0.0.1:9050", "127.0.0.2:9050", "[::1]:9050"];
        let configured = ["9050", "127.0.0.2:9050 X", "[::1]:9050 X"];
        assert_eq!(found(&configured, &there, "X"), ["127.0.0.2:9050", "[::1]:9050"]);
        assert_eq!(found(&["9050 X"], &there, "X"), ["127.0.0.1:9050"]);
        assert_eq!(found(&[], &there, "X"), [""; 0]);
        assert_eq!(found(&["[::1]:auto X", "127.0.0.1:auto"], &there, "X"), ["[::1]:9050"]);
        // A later flag counts.
        let there = ["127.0.0.1:9050"];
        let configured = ["9050 IsolateDestAddr NoIsolateDestAddr"];
        assert_eq!(found(&configured, &there, "IsolateDestAddr"), [""; 0]);
        assert_eq!(found(&configured, &there, "NoIsolateDestAddr"), there);
    }

    #[test]
    fn flags_are_the_same_if_their_effect_is() {
        let same = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|flags| format!("auto {flags}").parse().unwrap());
            assert_eq!(same_flags(&one, &other), same_flags(&other, &one));
            same_flags(&one, &other)
        };
        assert!(same("", "") && same("IsolateDestAddr Odd", "odd isolatedestaddr"));
        assert!(!same("Odd", ""));
        assert!(!same("IsolateDestAddr IsolateDestAddr", "IsolateDestAddr ExtendedErrors"));
        assert!(!same("IsolateDestAddr NoIsolateDestAddr", "NoIsolateDestAddr IsolateDestAddr"));
        assert!(same("OnionTrafficOnly", "NoIPv4Traffic NoIPv6Traffic NoDNSRequest"));
    }

    #[test]
    fn usual_socks_ports_are_on_the_machine_of_the_control_port() {
        let usual = |control: Option<&str>| {
            let control = control.map(|control| control.parse::<Address>().unwrap());
            usual_addresses(control.as_ref()).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        for here in [None, Some("127.0.0.1:9051"), Some("unix:/run/tor/control")] {
            assert_eq!(usual(here), ["127.0.0.1:9050", "127.0.0.1:9150"]);
        }
        assert_eq!(usual(Some("127.0.0.1:9151")), ["127.0.0.1:9150", "127.0.0.1:9050"]);
        assert_eq!(usual(Some("192.0.2.1:9051")), ["192.0.2.1:9050", "192.0.2.1:9150"]);
        assert_eq!(usual(Some("tor.example:9151")), ["tor.example:9150", "tor.example:9050"]);
    }

    #[test]
    fn loopback_listeners_of_a_remote_tor_are_unreachable() {
        let from = |listener: &str, control: Option<&str>| {
            let control = control.map(|control| control.parse::<Address>().unwrap());
            reachable(&listener.parse().unwrap(), control.as_ref())
                .map(|address| address.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        for here in
            [None, Some("127.0.0.1:9051"), Some("unix:/run/tor/control"), Some("localhost:9051")]
        {
            assert_eq!(from("127.0.0.1:9050", here), some("127.0.0.1:9050"));
            assert_eq!(from("0.0.0.0:9050", here), some("127.0.0.1:9050"));
            assert_eq!(from("[::]:9050", here), some("[::1]:9050"));
            assert_eq!(from("unix:/run/tor/socks", here), some("unix:/run/tor/socks"));
        }
        for (there, at) in
            [("192.0.2.1:9051", "192.0.2.1:9050"), ("tor.example:9051", "tor.example:9050")]
        {
            // Listeners on this machine's loopback don't belong to that tor.
            assert_eq!(from("127.0.0.1:9050", Some(there)), None);
            assert_eq!(from("unix:/run/tor/socks", Some(there)), None);
            assert_eq!(from("0.0.0.0:9050", Some(there)), some(at));
            assert_eq!(from("192.0.2.7:9050", Some(there)), some("192.0.2.7:9050"));
        }
    }
}
