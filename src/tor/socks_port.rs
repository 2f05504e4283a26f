//! Which of tor's SOCKS ports is used.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::{SOCKS_TIMEOUT, Tor, Way};
use crate::config::{PortAddress, PortLine};
use crate::controller::{ConnectAttempt, Controller, Warnings};
use crate::error::{Error, Phase, Result};
use crate::protocol::{ArgumentError, ListenerAddress, ListenerKind, Refusal};
use crate::tor::NoSocksPortError;
use crate::transport::{Address, Deadline, Transport};

/// How long a port of a tor on this machine may take to be connected to.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The options that belong together: setting one replaces both.
const OPTIONS: [&str; 2] = ["SocksPort", "__SocksPort"];
/// What tor does where neither is set.
const DEFAULT_PORT: u16 = 9050;
/// Where SOCKS ports usually are: tor's own, Tor Browser's.
const USUAL_PORTS: [u16; 2] = [DEFAULT_PORT, 9150];
/// Tor Browser's control port.
const TOR_BROWSER_CONTROL: u16 = 9151;

/// Which of tor's SOCKS ports [`Tor::client_on`] uses.
///
/// ```
/// use scape::SocksPort;
///
/// let port = SocksPort::with_options(["IsolateDestAddr"]);
/// let port = SocksPort::added(["IsolateDestAddr", "SessionGroup=7"]);
/// let port = SocksPort::at(9050);
/// # let _ = port;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocksPort {
    /// The first that can be connected to, in tor's order. If a filter in front
    /// of the control port hides where they are, the first of the usual ports
    /// (9050, and Tor Browser's 9150) that is tor's. If the control port was
    /// found as [`Connect::from_env`](crate::Connect::from_env) says, and
    /// `TOR_SOCKS_HOST` or `TOR_SOCKS_PORT` names the SOCKS port, that one.
    #[default]
    Usable,
    /// This one, whatever tor says that it has: for a port in a container, or
    /// one that is forwarded.
    At(Address),
    /// The first that is configured with all of these options, such as
    /// `IsolateDestAddr` or `ExtendedErrors`.
    WithOptions(Vec<String>),
    /// One that is configured with exactly these options; where there is none,
    /// tor is told to open one at a port of its choice. All others are kept. It
    /// stays open as long as tor runs, unless it is taken out of the
    /// configuration; SAVECONF does not save it (it is a `__SocksPort`).
    Added(Vec<String>),
    /// This Unix socket, which tor is told to open where it has none there, as
    /// with `Added`. Its directory must be tor's user's, of mode 0700 (or 0750
    /// with `GroupWritable`, 0755 with `WorldWritable`), or tor refuses.
    AddedUnix(PathBuf, Vec<String>),
}

impl SocksPort {
    /// The port at this address.
    pub fn at(address: impl Into<Address>) -> Self {
        SocksPort::At(address.into())
    }

    /// The first port that is configured with all of these options.
    pub fn with_options<O: Into<String>>(options: impl IntoIterator<Item = O>) -> Self {
        SocksPort::WithOptions(options.into_iter().map(Into::into).collect())
    }

    /// A port that is configured with exactly these options, added if need be.
    pub fn added<O: Into<String>>(options: impl IntoIterator<Item = O>) -> Self {
        SocksPort::Added(options.into_iter().map(Into::into).collect())
    }

    /// A Unix socket at this path, added if need be.
    pub fn added_unix(path: impl Into<PathBuf>) -> Self {
        SocksPort::AddedUnix(path.into(), Vec::new())
    }
}

/// The way to go on if a filter in front of the control port hides where the
/// SOCKS ports are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FromFilter {
    /// Take one of the usual ports. It is a SOCKS port of a tor, perhaps of
    /// another one.
    UsualPorts,
    /// Fail with the refusal.
    Error,
}

impl Tor {
    /// Returns the address of the port that was asked for.
    pub(super) fn socks_address(
        &self,
        port: &SocksPort,
        from_filter: FromFilter,
        deadline: Deadline,
    ) -> Result<Address> {
        let controller = match (&self.core.way, port) {
            (_, SocksPort::At(address)) => return Ok(address.clone()),
            (Way::Socks(address), SocksPort::Usable) => return Ok(address.clone()),
            _ => &self.controller()?.until(deadline),
        };
        let candidates = match port {
            SocksPort::WithOptions(wanted) => {
                let found =
                    having(controller, |line| wanted.iter().all(|option| line.has_flag(option)))?;
                if found.listeners.is_empty() {
                    return Err(found.error(wanted));
                }
                found.listeners
            }
            SocksPort::Added(wanted) => self.added(
                controller,
                PortLine { address: PortAddress::Auto, flags: wanted.clone() },
            )?,
            SocksPort::AddedUnix(path, wanted) => {
                let path = std::path::absolute(path)
                    .map_err(|error| Error::io(format!("find {}", path.display()), error))?;
                self.added(
                    controller,
                    PortLine { address: PortAddress::Unix(path), flags: wanted.clone() },
                )?
            }
            _ => return self.any_address(controller, from_filter),
        };
        self.first_usable(controller, candidates)
    }

    /// Returns the address of the first of tor's ports that can be connected
    /// to, within the deadline of `controller`.
    pub(super) fn any_address(
        &self,
        controller: &Controller,
        from_filter: FromFilter,
    ) -> Result<Address> {
        match controller.listeners(&ListenerKind::Socks) {
            Ok(listeners) => self.first_usable(controller, listeners),
            Err(error) => match error.exact::<Refusal>() {
                Some(refusal) if from_filter == FromFilter::UsualPorts => {
                    self.usual_port(controller, refusal.clone())
                }
                _ => Err(error),
            },
        }
    }

    /// Returns the SOCKS port that the environment names, or else the first of
    /// the usual ones, if it is tor's. `refusal` is why tor's own ones aren't
    /// known.
    ///
    /// The last one that was tor's is asked first, and asked each time: nothing
    /// else tells that it is gone.
    fn usual_port(&self, controller: &Controller, refusal: Refusal) -> Result<Address> {
        let named = controller.environment_socks().map(|named| vec![named.clone()]);
        let mut addresses = named.unwrap_or_else(|| usual_addresses(controller.tor_address()));
        if let Some(last) = self.core.usable.lock().take() {
            addresses.retain(|address| *address != last);
            addresses.insert(0, last);
        }
        let mut attempts = Vec::new();
        let deadline = controller.deadline();
        for address in addresses {
            match self.ask_socks(&address, deadline.part(SOCKS_TIMEOUT)) {
                Ok(()) => {
                    *self.core.usable.lock() = Some(address.clone());
                    return Ok(address);
                }
                Err(error) => attempts.push(ConnectAttempt::new(address.to_string(), error)),
            }
        }
        // The ports may not have had the time to answer.
        if deadline.has_passed() {
            return Err(deadline.error(Phase::Socks));
        }
        Err(NoSocksPortError::Hidden { refusal, attempts }.into())
    }

    /// The listeners of a line like this, which is added where there is none.
    fn added(&self, controller: &Controller, line: PortLine) -> Result<Vec<ListenerAddress>> {
        check(&line)?;
        // The whole group is written again.
        let controller = &controller.on_this_link()?;
        let deadline = controller.deadline();
        let added = self.core.added.try_lock_until(deadline.instant());
        let mut added = added.ok_or_else(|| deadline.error(Phase::Reply))?;
        let configured = Configured::ask(controller)?;
        let before = controller.listeners(&ListenerKind::Socks)?;
        // Those that are not there any more were taken out of the
        // configuration.
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
        if !there.is_empty() {
            return Ok(there);
        }
        let mut all = configured.options;
        // 0 stands for no port at all, and not beside others.
        all.retain(|(_, value)| value.trim() != "0");
        all.push((OPTIONS[1].to_owned(), line.to_string()));
        let warnings = Warnings::listen(controller)?;
        controller.set_conf(all).map_err(|error| warnings.explain(error))?;
        let after = controller.listeners(&ListenerKind::Socks)?;
        let mut new = after.into_iter().filter(|listener| !before.contains(listener));
        let new = match line.address {
            PortAddress::Auto => new.next_back(),
            _ => new.find(|listener| line.is_at(listener)),
        };
        added.extend(new.clone().map(|listener| (line, listener)));
        Ok(new.into_iter().collect())
    }

    /// The first that can be connected to. One that could be lately is not
    /// tried again.
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
            if self.core.usable.lock().as_ref() == Some(&address) {
                return Ok(address);
            }
            let part = deadline.part(CONNECT_TIMEOUT);
            let to = address.clone();
            let connected = part.run(Phase::Connect, move || {
                Transport::connect(&to, part.instant())
                    .map_err(|error| Error::io("cannot connect", error))
            });
            match connected {
                Ok(_) => {
                    *self.core.usable.lock() = Some(address.clone());
                    return Ok(address);
                }
                Err(error) => attempts.push(ConnectAttempt::new(address.to_string(), error)),
            }
        }
        deadline.check_cancelled(Phase::Connect)?;
        *self.core.usable.lock() = None;
        match control {
            Some(control) if attempts.is_empty() => {
                Err(NoSocksPortError::Remote { control: control.to_string() }.into())
            }
            _ => Err(NoSocksPortError::Unreachable(attempts).into()),
        }
    }
}

/// Returns where the SOCKS ports of a tor with this control port usually are:
/// on the same machine. Tor Browser's comes first if the control port is Tor
/// Browser's.
pub(super) fn usual_addresses(control: Option<&Address>) -> Vec<Address> {
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

/// Where a listener can be connected to from here. `None` for one that is for
/// the other machine only on which tor is: what listens there on this machine
/// is something else.
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

/// Listeners that are known to have been configured so.
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
    let listeners = controller.listeners(&ListenerKind::Socks)?;
    Ok(Having { listeners: of_lines(&lines, &listeners, wanted), lines })
}

/// Which of the listeners are certainly of a line that is wanted. tor does not
/// say which line a listener is of: where the line names no port, it is one of
/// those that no other line names, and all such lines have to be wanted.
fn of_lines(
    lines: &[PortLine],
    listeners: &[ListenerAddress],
    wanted: impl Fn(&PortLine) -> bool,
) -> Vec<ListenerAddress> {
    let named = |line: &&PortLine| {
        use PortAddress::{Auto, Host, IpAuto, Other};
        !matches!(line.address, Auto | IpAuto(_) | Host { .. } | Other(_))
    };
    let all_unnamed_wanted = lines.iter().filter(|line| !named(line)).all(&wanted);
    let is_wanted =
        |listener: &&ListenerAddress| match lines.iter().find(|line| line.is_at(listener)) {
            Some(line) => wanted(line),
            None => all_unnamed_wanted,
        };
    listeners.iter().filter(is_wanted).cloned().collect()
}

/// How SOCKS ports are configured; tor's default where they are not.
struct Configured {
    /// Names and values, as they are set.
    options: Vec<(String, String)>,
    /// The values that are understood.
    lines: Vec<PortLine>,
}

impl Configured {
    fn ask(controller: &Controller) -> Result<Self> {
        let set = controller.get_conf_lines(OPTIONS)?;
        let mut options: Vec<(String, String)> =
            set.into_iter().filter_map(|line| Some((line.name, line.value?))).collect();
        if options.is_empty() {
            options.push((OPTIONS[0].to_owned(), DEFAULT_PORT.to_string()));
        }
        let lines = options.iter().filter_map(|(_, value)| value.parse().ok()).collect();
        Ok(Configured { options, lines })
    }
}

/// Whether two lines make tor do the same.
fn same_flags(one: &PortLine, other: &PortLine) -> bool {
    one.flags.len() == other.flags.len() && one.flags.iter().all(|flag| other.has_flag(flag))
}

/// Refuses flags that are not one word each: they would be something else for
/// tor.
fn check(line: &PortLine) -> Result<()> {
    for flag in &line.flags {
        if flag.is_empty()
            || flag
                .contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '#'))
        {
            let why = format!("{flag:?} is no option of a SOCKS port: it must be one word");
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
    fn a_listener_is_taken_for_the_line_that_it_certainly_is_of() {
        let there = ["127.0.0.1:9050", "127.0.0.1:40001", "unix:/run/socks"];
        let configured = ["9050", "auto IsolateDestAddr", "unix:/run/socks IsolateDestAddr"];
        assert_eq!(
            found(&configured, &there, "isolatedestaddr"),
            ["127.0.0.1:40001", "unix:/run/socks"]
        );
        assert_eq!(found(&configured, &there, "ExtendedErrors"), [""; 0]);
        // Which of the two is whose, nobody knows.
        let there = ["127.0.0.1:40001", "127.0.0.1:40002"];
        assert_eq!(found(&["auto IsolateDestAddr", "auto"], &there, "IsolateDestAddr"), [""; 0]);
        assert_eq!(found(&["auto X", "localhost:auto X"], &there, "X"), there);
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
    fn a_tor_elsewhere_listens_elsewhere() {
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
            // What listens on our own loopback is not that tor.
            assert_eq!(from("127.0.0.1:9050", Some(there)), None);
            assert_eq!(from("unix:/run/tor/socks", Some(there)), None);
            assert_eq!(from("0.0.0.0:9050", Some(there)), some(at));
            assert_eq!(from("192.0.2.7:9050", Some(there)), some("192.0.2.7:9050"));
        }
    }
}
